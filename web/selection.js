// Which pictures of a list the user has selected.

/** Event: `change`. */
export class Selection extends EventTarget {
  /** @type {Set<string>} */
  #ids = new Set();
  /** The picture that was selected last. A range begins there. @type {string | null} */
  #anchor = null;

  /** @param {import("./paged-list.js").PagedList} list */
  constructor(list) {
    super();
    this.list = list;
  }

  get size() {
    return this.#ids.size;
  }

  /** The ids of the selected pictures, in the order of the list. */
  get ids() {
    const all = new Set(this.list.ids());
    return [...all].filter((id) => this.#ids.has(id));
  }

  /** The picture after the selected ones, or else the last one before them; null if everything is selected. */
  get neighbour() {
    const all = this.list.ids();
    const after = all.findLastIndex((id) => this.#ids.has(id)) + 1;
    return all[after] ?? all.findLast((id) => !this.#ids.has(id)) ?? null;
  }

  has(id) {
    return this.#ids.has(id);
  }

  toggle(id) {
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#anchor = id;
    this.#emit();
  }

  /** Selects everything from the picture that was selected last to this one. */
  extendTo(id) {
    const [from, to] = [this.#anchor === null ? -1 : this.list.indexOf(this.#anchor), this.list.indexOf(id)];
    if (from < 0 || to < 0) return this.toggle(id);
    for (let index = Math.min(from, to); index <= Math.max(from, to); index++) {
      const between = this.list.idAt(index);
      if (between !== null) this.#ids.add(between);
    }
    this.#anchor = id;
    this.#emit();
  }

  /** Selects the whole list. Loads it to its end first. */
  async selectAll() {
    await this.list.loadToEnd();
    for (const id of this.list.ids()) this.#ids.add(id);
    this.#emit();
  }

  clear() {
    this.#ids.clear();
    this.#anchor = null;
    this.#emit();
  }

  #emit() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
