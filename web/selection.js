// Which pictures of a list the user has selected.

/** Event: `change`. Call `dispose` when the list is no longer shown. */
export class Selection extends EventTarget {
  /** @type {Set<string>} */
  #ids = new Set();
  /** The picture that was selected last. A range begins there. @type {string | null} */
  #anchor = null;
  #isComparing = false;

  /** @param {import("./paged-list.js").PagedList} list */
  constructor(list) {
    super();
    this.list = list;
    list.addEventListener("change", this.#onListChange);
  }

  dispose() {
    this.list.removeEventListener("change", this.#onListChange);
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
    const range = this.#anchor === null ? [] : this.#range(this.#anchor, id);
    if (range.length === 0) return this.toggle(id);
    for (const one of range) this.#ids.add(one);
    this.#anchor = id;
    this.#emit();
  }

  /**
   * Toggles a picture, and returns a function that toggles a range: from this picture to the one that the function is
   * called with. All pictures of the range become what the first one has become. The others are as before.
   * @param {string} id
   */
  beginRange(id) {
    const before = new Set(this.#ids);
    const isSelected = !before.has(id);
    const extend = (to) => {
      this.#ids = new Set(before);
      for (const one of this.#range(id, to)) {
        if (isSelected) this.#ids.add(one);
        else this.#ids.delete(one);
      }
      this.#anchor = to;
      this.#emit();
    };
    extend(id);
    return extend;
  }

  /** The ids from one picture to another, in the order of the list; none if the list lacks one of them. */
  #range(from, to) {
    const all = this.list.ids();
    const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
    return first < 0 ? [] : all.slice(first, last + 1);
  }

  /** Selects the whole list. Loads it to its end first. */
  async selectAll() {
    await this.list.loadToEnd();
    for (const id of this.list.ids()) this.#ids.add(id);
    this.#emit();
  }

  /** Selects a group of the list, or nothing of it if all of it is selected. Loads it to its end first. */
  async toggleGroup(group) {
    const isSelected = this.list.idsIn(group).every((id) => this.#ids.has(id));
    for (const id of await this.list.loadGroup(group)) {
      if (isSelected) this.#ids.delete(id);
      else this.#ids.add(id);
    }
    this.#emit();
  }

  clear() {
    this.#ids.clear();
    this.#anchor = null;
    this.#emit();
  }

  /** Pictures that have left the list are no longer selected. Compares once after many changes. */
  #onListChange = () => {
    if (this.#ids.size === 0 || this.#isComparing) return;
    this.#isComparing = true;
    queueMicrotask(() => {
      this.#isComparing = false;
      const all = new Set(this.list.ids());
      const gone = [...this.#ids].filter((id) => !all.has(id));
      for (const id of gone) this.#ids.delete(id);
      if (gone.length > 0) this.#emit();
    });
  };

  #emit() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
