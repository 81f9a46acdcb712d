// A list that is loaded page by page. Pages far from the visible part are dropped; only their cursors are kept.

import { deleting } from "./deleting.js";
import { countGroups, dropOldPages, emptyPage, idsOf, insertInto, locate, precedes } from "./loaded-pages.js";
import { PAGE_SIZE } from "./tiles.js";

/** The presigned URLs of a page may have expired after this time. */
const URL_LIFETIME_MS = 10 * 60_000;
/** The value of `LoadedPage.loadedAt` for a page with expired URLs. */
const STALE = 0;

/** @typedef {import("./loaded-pages.js").LoadedPage} LoadedPage */
/** @typedef {import("./loaded-pages.js").ListOrder} ListOrder */

/** @type {ListOrder} */
const NEWEST_FIRST = { position: (item) => item.id, ascending: false };

/** Events: `change`, and `error` with an Error as `detail`. */
export class PagedList extends EventTarget {
  /** @type {Api.Image[]} items before all pages, in order; before the first page is loaded, all items so far */
  #head = [];
  /** @type {LoadedPage[]} */
  #pages = [];
  /** @type {string | null} */
  #next = null;
  /** @type {Promise<void> | null} */
  #loadingNext = null;
  /** What others wait for: each function returns whether it needs the next page. @type {Set<() => boolean>} */
  #needs = new Set();
  #useCount = 0;
  #hidden = new Set();

  /**
   * @param {(cursor: string | null, limit: number) => Promise<Api.Page>} load
   * @param {() => number} estimate returns the estimated length of the list
   * @param {ListOrder} order
   * @param {((item: Api.Image) => string) | null} group returns the group of an item; in the order of the list, the items
   * of a group follow each other
   */
  constructor(load, estimate = () => 0, order = NEWEST_FIRST, group = null) {
    super();
    this.load = load;
    this.estimate = estimate;
    this.order = order;
    this.group = group;
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
    const [page, offset] = locate(this.#pages, index - this.#head.length);
    return page?.items?.[offset] ?? null;
  }

  /** Returns the index of an item, or -1 if it was not found yet. */
  indexOf(id) {
    return this.ids().indexOf(id);
  }

  /** Returns the id of the item at an index, or null if it was not found yet. */
  idAt(index) {
    return this.ids()[index] ?? null;
  }

  /** Returns the ids of the items found so far, in order. */
  ids() {
    return [...this.#head.map((item) => item.id), ...this.#pages.flatMap(idsOf)];
  }

  /** Returns the items that are loaded, in order. */
  items() {
    return [...this.#head, ...this.#pages.flatMap((page) => page.items ?? [])];
  }

  /** Finds all items. Keeps only the ids of most of them. @throws {Error} why loading stopped */
  loadToEnd() {
    return this.#loadWhile(() => true);
  }

  /**
   * Finds the items up to the place of one that the list may contain.
   * @param {Api.Image} item
   * @param {AbortSignal} signal
   * @throws {Error} why loading stopped
   */
  loadTo(item, signal) {
    const position = this.order.position(item);
    return this.#loadWhile(() => {
      const last = this.#pages.findLast((page) => page.last !== null)?.last ?? null;
      return !signal.aborted && (last === null || precedes(this.order, last, position));
    });
  }

  /** Finds all items of a group, and returns their ids. @param {string} group @throws {Error} why loading stopped */
  async loadGroup(group) {
    await this.#loadWhile(() => this.#groupOfEach().at(-1) === group);
    return this.idsIn(group);
  }

  /** @param {() => boolean} isNeeded returns whether the next page is needed */
  async #loadWhile(isNeeded) {
    this.#needs.add(isNeeded);
    try {
      while (!this.complete && isNeeded()) {
        await this.#loadNext();
        if (this.failure) throw this.failure;
      }
    } finally {
      this.#needs.delete(isNeeded);
    }
  }

  /**
   * Compares the beginning of the list with the service: inserts new items, and removes those that were deleted
   * elsewhere. Does nothing before the first page is loaded.
   */
  async renew() {
    if (!this.started || this.failure) return;
    // The response may lack what is added during the request.
    const before = new Set(this.ids());
    const { images, next_cursor } = await this.load(null, PAGE_SIZE);
    const last = images.at(-1);
    const found = new Set(images.map(({ id }) => id));
    // The first page of a search may be empty although the next one is not.
    const isBeyond = (item) => next_cursor !== null &&
      (!last || precedes(this.order, this.order.position(last), this.order.position(item)));
    for (const item of this.items()) {
      if (before.has(item.id) && !found.has(item.id) && !isBeyond(item)) this.#removeGone(item.id);
    }
    for (const image of images) {
      const known = this.at(this.indexOf(image.id));
      // A picture that looks the same keeps its addresses, so that it is not loaded again.
      if (known?.status !== image.status || known.title !== image.title || known.file_name !== image.file_name) this.put(image);
    }
    this.#emit("change");
  }

  /** @param {string} id */
  #removeGone(id) {
    this.#head = this.#head.filter((item) => item.id !== id);
    for (const page of this.#pages) {
      if (!page.items) continue;
      page.items = page.items.filter((item) => item.id !== id);
      page.count = page.items.length;
    }
  }

  /** Returns the groups of the items found so far, with their lengths; a single one if the list has no groups. */
  groups() {
    if (!this.group) return [{ group: "", count: this.knownCount }];
    return countGroups(this.#groupOfEach());
  }

  /** Returns the ids of the items of a group that were found so far. @param {string} group */
  idsIn(group) {
    const groups = this.#groupOfEach();
    return this.ids().filter((_, index) => groups[index] === group);
  }

  /** Returns the group of each item found so far; nothing if the list has no groups. @returns {string[]} */
  #groupOfEach() {
    if (!this.group) return [];
    for (const page of this.#pages) {
      if (page.items) page.groups = page.items.map(this.group);
    }
    return [...this.#head.map(this.group), ...this.#pages.flatMap((page) => page.groups)];
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
   * Replaces an item, or inserts it in the order of the list. Ignores an item whose page is not loaded, because the page
   * will contain it.
   * @param {Api.Image} item
   */
  put(item) {
    if (this.#isHidden(item.id)) return;
    this.#insertInOrder(item);
    this.#emit("change");
  }

  /** Makes `items` the content of a list that loads no pages. @param {Api.Image[]} items in the order of the list */
  set(items) {
    this.#head = items.filter(({ id }) => !this.#isHidden(id));
    this.#emit("change");
  }

  /** @param {Api.Image} item */
  #insertInOrder(item) {
    if (this.#replace(item)) return;
    const position = this.order.position(item);
    const first = this.#pages.find((page) => page.items?.length)?.items?.[0];
    if (!first || precedes(this.order, position, this.order.position(first))) return insertInto(this.#head, item, this.order);
    // A dropped page already counts this item, and contains it when it is loaded again.
    const within = this.#pages.find(({ last }) => last !== null && !precedes(this.order, last, position));
    const page = within ?? (this.complete ? this.#pages.at(-1) : null);
    if (!page?.items) return;
    insertInto(page.items, item, this.order);
    page.count = page.items.length;
    if (!within) page.last = position;
  }

  /** Replaces a loaded item. Removes it if its position has changed. Returns whether it was replaced. @param {Api.Image} item */
  #replace(item) {
    for (const page of [null, ...this.#pages]) {
      const list = page ? page.items ?? [] : this.#head;
      const index = list.findIndex((known) => known.id === item.id);
      if (index < 0) continue;
      if (this.order.position(list[index]) === this.order.position(item)) {
        list[index] = item;
        return true;
      }
      list.splice(index, 1);
      if (page) page.count -= 1;
    }
    return false;
  }

  /** Replaces an item if it is loaded. */
  update(item) {
    if (this.indexOf(item.id) >= 0) this.put(item);
  }

  /** @param {string} id */
  #isHidden(id) {
    return this.#hidden.has(id) || deleting.has(id);
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
    const page = this.#pages.find((page) => idsOf(page).includes(id));
    if (!page) return () => this.#hidden.delete(id);
    const place = idsOf(page).indexOf(id);
    const item = page.items?.splice(place, 1)[0];
    const group = page.groups[place];
    if (!item) {
      page.ids.splice(place, 1);
      page.groups.splice(place, 1);
    }
    page.count -= 1;
    this.#emit("change");
    return () => this.#restore(id, () => {
      if (page.items && !item) {
        page.loadedAt = STALE;
        return;
      }
      if (page.items && item) page.items.splice(place, 0, item);
      if (!page.items) {
        page.ids.splice(place, 0, id);
        if (this.group) page.groups.splice(place, 0, group);
      }
      page.count += 1;
    });
  }

  #restore(id, put) {
    this.#hidden.delete(id);
    put();
    this.#emit("change");
  }

  #loadNext() {
    this.#loadingNext ??= this.#loadPages().finally(() => {
      this.#loadingNext = null;
    });
    return this.#loadingNext;
  }

  async #loadPages() {
    try {
      // If the user drags the scrollbar to the end, all pages before it must be loaded, one after the other.
      const isNeeded = () => this.#lastNeeded >= this.knownCount || [...this.#needs].some((needs) => needs());
      while (!this.complete && (!this.started || isNeeded())) {
        const page = emptyPage(this.#next, this.#useCount);
        const { images, next_cursor } = await this.load(page.cursor, PAGE_SIZE);
        const last = images.at(-1);
        page.last = last ? this.order.position(last) : null;
        this.#setItems(page, images);
        this.#pages.push(page);
        this.#next = next_cursor;
        if (!this.started) this.#insertEarly();
        this.started = true;
        dropOldPages(this.#pages);
        this.#emit("change");
      }
    } catch (error) {
      this.#fail(error);
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
      const { position } = this.order;
      while (next_cursor !== null && images.every((image) => precedes(this.order, position(image), last))) {
        const more = await this.load(next_cursor, PAGE_SIZE);
        images = [...images, ...more.images];
        next_cursor = more.next_cursor;
      }
      this.#setItems(page, images.filter((image) => !precedes(this.order, last, position(image))));
      dropOldPages(this.#pages);
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
    page.items = images.filter((image) => !elsewhere.has(image.id) && !this.#isHidden(image.id));
    page.count = page.items.length;
    if (this.group) page.groups = page.items.map(this.group);
    page.loadedAt = Date.now();
  }

  #emit(type) {
    this.dispatchEvent(new CustomEvent(type));
  }
}
