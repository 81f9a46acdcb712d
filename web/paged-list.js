// A list that is loaded page by page. Pages far from the visible part are dropped; only their cursors are kept.

const PAGE_SIZE = 100;
/** The maximum number of pages with items, however long the list is. */
const MAX_LOADED_PAGES = 12;
/** The presigned URLs of a page may have expired after this time. */
const URL_LIFETIME_MS = 10 * 60_000;
/** The value of `LoadedPage.loadedAt` for a page with expired URLs. */
const STALE = 0;

/**
 * `last` is the id of the last item when the page was loaded. `items` is null if they were dropped; `count` stays.
 * `loadedAt` is a time in milliseconds, and `lastUsed` is larger the later the page was needed.
 * @typedef {{cursor: string | null, last: string | null, count: number, items: Api.Image[] | null, loadedAt: number,
 *   lastUsed: number, loading: boolean}} LoadedPage
 */

/** Events: `change`, and `error` with an Error as `detail`. */
export class PagedList extends EventTarget {
  /** @type {Api.Image[]} items newer than all pages, newest first; before the first page is loaded, all items so far */
  #head = [];
  /** @type {LoadedPage[]} */
  #pages = [];
  /** @type {string | null} */
  #next = null;
  #loadingNext = false;
  #useCount = 0;
  #hidden = new Set();

  /**
   * @param {(cursor: string | null, limit: number) => Promise<Api.Page>} load
   * @param {() => number} estimate returns the estimated length of the list
   */
  constructor(load, estimate = () => 0) {
    super();
    this.load = load;
    this.estimate = estimate;
    this.started = false;
    /** @type {Error | null} why loading stopped; `retry`, or a network that is back, clears it */
    this.failure = null;
  }

  /** The number of items found so far, including items that were dropped. */
  get knownCount() {
    return this.#pages.reduce((sum, page) => sum + page.count, this.#head.length);
  }

  /** Whether all pages were found. */
  get complete() {
    return this.started && this.#next === null;
  }

  /** The number of places to show, including an estimate of the items that are not loaded yet. */
  get length() {
    return this.complete ? this.knownCount : Math.max(this.knownCount + (this.started ? 1 : 0), this.estimate());
  }

  /** Returns the item at an index, or null if it is not loaded. */
  at(index) {
    if (index < 0) return null;
    if (index < this.#head.length) return this.#head[index];
    const [page, offset] = this.#locate(index);
    return page?.items?.[offset] ?? null;
  }

  /** Returns the index of an item, or -1 if it is not loaded. */
  indexOf(id) {
    let start = this.#head.findIndex((item) => item.id === id);
    if (start >= 0) return start;
    start = this.#head.length;
    for (const page of this.#pages) {
      const index = page.items?.findIndex((item) => item.id === id) ?? -1;
      if (index >= 0) return start + index;
      start += page.count;
    }
    return -1;
  }

  /** Loads the missing items with indexes from `from` to `to`. */
  ensureLoaded(from, to) {
    this.#useCount += 1;
    let start = this.#head.length;
    for (const page of this.#pages) {
      if (start <= to && start + page.count > from) {
        page.lastUsed = this.#useCount;
        if ((!page.items || page.loadedAt === STALE) && !this.failure) this.#reload(page);
      }
      start += page.count;
    }
    this.#lastNeeded = to;
    if (!this.complete && !this.failure && to >= this.knownCount) this.#loadNext();
  }

  #lastNeeded = 0;
  #online = () => this.retry();

  /** Loads the page of an item again if the presigned URLs of the page have expired. */
  refresh(id) {
    const page = this.#pages.find((page) => page.items?.some((item) => item.id === id));
    if (!page || Date.now() - page.loadedAt <= URL_LIFETIME_MS) return;
    page.loadedAt = STALE;
    if (!this.failure) this.#reload(page);
  }

  /** Continues to load after an error. */
  retry() {
    removeEventListener("online", this.#online);
    this.failure = null;
    // The listener requests the missing items.
    if (this.started) this.#emit("change");
    else this.#loadNext();
  }

  /**
   * Replaces an item, or inserts it in the order of ids. Ignores an item whose page is not loaded, because the page
   * will contain it.
   * @param {Api.Image} item
   */
  put(item) {
    if (this.#hidden.has(item.id)) return;
    this.#insertInOrder(item);
    this.#emit("change");
  }

  /** @param {Api.Image} item */
  #insertInOrder(item) {
    const lists = [this.#head, ...this.#pages.map((page) => page.items ?? [])];
    for (const list of lists) {
      const index = list.findIndex((known) => known.id === item.id);
      if (index < 0) continue;
      list[index] = item;
      return;
    }
    const newest = this.#pages.find((page) => page.items?.length)?.items?.[0];
    if (!newest || item.id > newest.id) return insert(this.#head, item);
    // A dropped page already counts this item, and contains it when it is loaded again.
    const within = this.#pages.find(({ last }) => last !== null && last <= item.id);
    const page = within ?? (this.complete ? this.#pages.at(-1) : null);
    if (!page?.items) return;
    insert(page.items, item);
    page.count = page.items.length;
    if (!within) page.last = item.id;
  }

  /** Replaces an item if it is loaded. */
  update(item) {
    if (this.indexOf(item.id) >= 0) this.put(item);
  }

  /** Removes an item. Returns a function that puts it back. */
  hide(id) {
    this.#hidden.add(id);
    const index = this.#head.findIndex((item) => item.id === id);
    if (index >= 0) {
      const [item] = this.#head.splice(index, 1);
      this.#emit("change");
      return () => this.#restore(id, () => this.#head.splice(index, 0, item));
    }
    const page = this.#pages.find((page) => page.items?.some((item) => item.id === id));
    if (!page?.items) return () => this.#hidden.delete(id);
    const place = page.items.findIndex((item) => item.id === id);
    const [item] = page.items.splice(place, 1);
    page.count -= 1;
    this.#emit("change");
    return () => this.#restore(id, () => {
      if (!page.items) return;
      page.items.splice(place, 0, item);
      page.count += 1;
    });
  }

  #restore(id, put) {
    this.#hidden.delete(id);
    put();
    this.#emit("change");
  }

  /** Returns the page of an index, and the index within that page. @param {number} index @returns {[LoadedPage | null, number]} */
  #locate(index) {
    let start = this.#head.length;
    for (const page of this.#pages) {
      if (index < start + page.count) return [page, index - start];
      start += page.count;
    }
    return [null, 0];
  }

  async #loadNext() {
    if (this.#loadingNext) return;
    this.#loadingNext = true;
    try {
      // If the user drags the scrollbar to the end, all pages before it must be loaded, one after the other.
      while (!this.complete && (!this.started || this.#lastNeeded >= this.knownCount)) {
        /** @type {LoadedPage} */
        const page = { cursor: this.#next, last: null, count: 0, items: null, loadedAt: 0, lastUsed: this.#useCount, loading: false };
        const { images, next_cursor } = await this.load(page.cursor, PAGE_SIZE);
        page.last = images.at(-1)?.id ?? null;
        this.#setItems(page, images);
        this.#pages.push(page);
        this.#next = next_cursor;
        if (!this.started) this.#insertEarly();
        this.started = true;
        this.#dropOldPages();
        this.#emit("change");
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#loadingNext = false;
    }
  }

  /** Sorts in the items that were put before the first page was loaded. */
  #insertEarly() {
    const early = this.#head;
    this.#head = [];
    for (const item of early) this.#insertInOrder(item);
  }

  /** @param {LoadedPage} page */
  async #reload(page) {
    const { last } = page;
    if (page.loading || last === null) return;
    page.loading = true;
    try {
      let { images, next_cursor } = await this.load(page.cursor, PAGE_SIZE);
      // If items were added or removed meanwhile, the end of this page may be on a later page of the response.
      while (next_cursor !== null && !images.some(({ id }) => id <= last)) {
        const more = await this.load(next_cursor, PAGE_SIZE);
        images = [...images, ...more.images];
        next_cursor = more.next_cursor;
      }
      this.#setItems(page, images.filter((image) => image.id >= last));
      this.#dropOldPages();
      this.#emit("change");
    } catch (error) {
      this.#fail(error);
    } finally {
      page.loading = false;
    }
  }

  #fail(error) {
    this.failure = error;
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
    if (error.transient) addEventListener("online", this.#online, { once: true });
  }

  #setItems(page, images) {
    const elsewhere = new Set(this.#head.map((item) => item.id));
    page.items = images.filter((image) => !elsewhere.has(image.id) && !this.#hidden.has(image.id));
    page.count = page.items.length;
    page.loadedAt = Date.now();
  }

  /** Drops the least recently used pages. The first page stays: loaded again, it would repeat the items of `#head`. */
  #dropOldPages() {
    const kept = this.#pages.slice(1).filter((page) => page.items && page.last !== null);
    kept.sort((a, b) => b.lastUsed - a.lastUsed);
    for (const page of kept.slice(MAX_LOADED_PAGES)) page.items = null;
  }

  #emit(type) {
    this.dispatchEvent(new CustomEvent(type));
  }
}

/** Inserts an item into a list that is sorted, newest first. @param {Api.Image[]} list @param {Api.Image} item */
function insert(list, item) {
  const place = list.findIndex((known) => known.id < item.id);
  list.splice(place < 0 ? list.length : place, 0, item);
}
