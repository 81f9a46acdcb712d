// A table of what the API returns page by page. Its rows can be sorted and selected.

import { busy, fill, focusHeading, h, icon, iconButton } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { showError } from "../notice.js";
import { texts } from "../texts.js";

const words = laterTexts.table;
/** A search can have pages with few results or none. Pages are loaded until so many rows fill the screen. */
const SCREENFUL = 20;
/** So many pages are loaded at once. */
const MAX_PAGES = 5;

/**
 * `sort` returns what the rows are sorted by. A column without it cannot be sorted.
 * @template Row
 * @typedef {{label: string, cell: (row: Row) => unknown, sort?: (row: Row) => string | number | boolean | null, kind?: string,
 *   isHeading?: boolean}} Column
 */

/**
 * What can be done with the selected rows.
 * @template Row
 * @typedef {{name: string, icon: string, kind?: string, run: (rows: Row[]) => unknown}} Action
 */

/** What can have the focus in a row. @param {HTMLElement} row @returns {NodeListOf<HTMLElement>} */
const controlsOf = (row) => row.querySelectorAll("a, button, input");

/** @template {{id: string}} Row */
export class DataTable {
  /** @type {Row[]} */
  rows = [];
  /** @type {string | null} */
  #next = null;
  /** @type {{column: Column<Row>, isDescending: boolean} | null} */
  #order = null;
  /** @type {Set<string>} */
  #selected = new Set();
  /** The row that was selected last. A range begins there. */
  #anchor = "";
  /** @type {Map<Row, HTMLElement>} */
  #elements = new Map();
  #body = h("tbody");
  #summary = h("p", { class: "quiet", role: "status" });
  #more = this.#loadButton(texts.more, "button", () => this.#load());
  /** The buttons that load all rows: beside what the table says about its order, and at its end. */
  #all = ["text-button", "button"].map((kind) => this.#loadButton(words.loadAll, kind, () => this.#loadAll()));
  #checkAll = h("input", { type: "checkbox", "aria-label": words.selectAll, onchange: () => this.#selectAll() });

  /**
   * @param {{label: string, columns: Column<Row>[], none: string, actions?: Action<Row>[],
   *   load: (cursor: string | null) => Promise<{rows: Row[], next_cursor: string | null}>, onRows?: (rows: Row[]) => void}} options
   * `onRows` is called with the rows of each page
   */
  constructor({ label, columns, none, actions = [], load, onRows = () => {} }) {
    this.columns = columns;
    this.load = load;
    this.onRows = onRows;
    this.hasActions = actions.length > 0;
    this.empty = h("p", { class: "empty", hidden: true }, none);
    this.count = h("span", { class: "select-count", role: "status" });
    this.bar = h("div", { class: "select-bar", role: "group", "aria-label": texts.select.label, hidden: true },
      iconButton("close", texts.select.clear, () => this.clearSelection()), this.count,
      h("div", { class: "actions" }, actions.map((action) => this.#actionButton(action))));
    this.headings = new Map(columns.map((column) => [column, this.#heading(column)]));
    const head = h("tr", null, this.hasActions && h("td", null, this.#checkAll), [...this.headings.values()]);
    this.table = h("table", null, h("thead", null, head), this.#body);
    this.scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, this.table);
    const [allAbove, allBelow] = this.#all;
    const start = h("div", { class: "table-start" }, this.#summary, allAbove);
    this.top = this.hasActions ? h("div", { class: "table-top" }, start, this.bar) : start;
    this.element = h("div", { class: "data-table" }, this.top, this.scroll, this.empty,
      h("div", { class: "table-end" }, this.#more, allBelow));
  }

  /** Loads the first page. */
  async start() {
    await this.#load(true);
    return this;
  }

  /** Loads the first page again, in place of all rows. */
  async reload() {
    const { rows, next_cursor } = await this.load(null);
    this.#next = next_cursor;
    this.onRows(rows);
    this.set(rows);
  }

  /** Replaces a row, or puts a new one first. @param {Row} row */
  put(row) {
    const index = this.rows.findIndex(({ id }) => id === row.id);
    this.set(index < 0 ? [row, ...this.rows] : this.rows.with(index, row));
  }

  /** @param {string} id */
  remove(id) {
    this.set(this.rows.filter((row) => row.id !== id));
  }

  /** Replaces all rows. @param {Row[]} rows */
  set(rows) {
    this.rows = rows;
    this.#draw();
  }

  /** Clears the selection. The bar is hidden then, so the focus moves from its button to the heading. */
  clearSelection() {
    const hadFocus = this.bar.contains(document.activeElement);
    this.#selected.clear();
    this.#draw();
    if (hadFocus) focusHeading(this.element.closest("main"));
  }

  async #load(isFirst = false) {
    const before = this.rows.length;
    for (let pages = 1; isFirst || this.#next !== null; pages++) {
      const { rows, next_cursor } = await this.load(this.#next);
      isFirst = false;
      this.#next = next_cursor;
      const known = new Set(this.rows.map(({ id }) => id));
      this.rows = [...this.rows, ...rows.filter(({ id }) => !known.has(id))];
      this.onRows(rows);
      const isFull = this.rows.length >= SCREENFUL && this.rows.length > before;
      if (isFull || pages === MAX_PAGES) break;
    }
    this.#draw();
  }

  async #loadAll() {
    while (this.#next !== null && this.element.isConnected) await this.#load();
  }

  /** The rows in the order that the user has chosen. */
  get #ordered() {
    if (!this.#order) return this.rows;
    const { column: { sort = () => null }, isDescending } = this.#order;
    const compare = (a, b) => (typeof a === "string" && typeof b === "string" ? a.localeCompare(b, "en", { numeric: true }) : Number(a) - Number(b));
    const sorted = this.rows.toSorted((one, other) => {
      const [a, b] = [sort(one), sort(other)];
      // Rows without a value are last in both directions.
      if (a === null || b === null) return Number(a === null) - Number(b === null);
      return isDescending ? compare(b, a) : compare(a, b);
    });
    return sorted;
  }

  #draw() {
    const ordered = this.#ordered;
    const ids = new Set(ordered.map(({ id }) => id));
    for (const id of this.#selected) if (!ids.has(id)) this.#selected.delete(id);
    const elements = new Map(ordered.map((row) => [row, this.#elements.get(row) ?? this.#row(row)]));
    this.#elements = elements;
    this.#fillBody([...elements.values()]);
    for (const [row, element] of elements) {
      const isSelected = this.#selected.has(row.id);
      element.classList.toggle("selected", isSelected);
      const check = /** @type {HTMLInputElement | null} */ (element.querySelector(".row-check"));
      if (check) check.checked = isSelected;
    }
    this.empty.hidden = ordered.length > 0 || this.#next !== null;
    this.scroll.hidden = !this.empty.hidden;
    for (const button of [this.#more, ...this.#all]) button.hidden = this.#next === null;
    this.#summary.textContent = this.empty.hidden ? words.count(ordered.length, this.#next === null, this.#order !== null) : "";
    this.bar.hidden = this.#selected.size === 0;
    this.top.classList.toggle("selecting", !this.bar.hidden);
    this.count.textContent = this.bar.hidden ? "" : texts.select.count(this.#selected.size);
    this.#checkAll.checked = ordered.length > 0 && this.#selected.size === ordered.length;
    this.#checkAll.indeterminate = this.#selected.size > 0 && !this.#checkAll.checked;
  }

  /** Replaces the rows. The focus stays on its control, also if the row has changed and is a new element. @param {HTMLElement[]} rows */
  #fillBody(rows) {
    const focused = document.activeElement;
    const row = focused?.closest("tr");
    const place = row && this.#body.contains(row) ? [...controlsOf(row)].indexOf(/** @type {HTMLElement} */ (focused)) : -1;
    fill(this.#body, rows);
    if (place < 0) return;
    const same = rows.find(({ dataset }) => dataset.id === row?.dataset.id);
    if (same) controlsOf(same)[place]?.focus({ preventScroll: true });
    this.#keepFocus();
  }

  /** @param {string} label @param {string} kind its CSS class @param {() => Promise<void>} load */
  #loadButton(label, kind, load) {
    const button = h("button", { type: "button", class: kind, onclick: () => busy(button, load).catch(showError) }, label);
    return button;
  }

  /** @param {Row} row */
  #row(row) {
    const check = () => h("td", null, h("input", { type: "checkbox", class: "row-check", "aria-label": words.selectRow(this.#nameOf(row)),
      onclick: (event) => this.#select(row.id, event.shiftKey) }));
    return h("tr", { "data-id": row.id }, this.hasActions && check(), this.columns.map(({ cell, kind = "", isHeading }) =>
      (isHeading ? h("th", { scope: "row", class: kind }, cell(row)) : h("td", { class: kind }, cell(row)))));
  }

  /** What the heading of a row says. @param {Row} row */
  #nameOf(row) {
    return String(this.columns.find(({ isHeading }) => isHeading)?.sort?.(row) ?? row.id);
  }

  /** @param {Column<Row>} column */
  #heading(column) {
    const { label, sort, kind = "" } = column;
    if (!sort) return h("th", { scope: "col", class: kind }, label);
    const button = h("button", { type: "button", class: "sort", onclick: () => this.#sortBy(column) }, label, icon("down"));
    return h("th", { scope: "col", class: kind }, button);
  }

  /** Sorts by a column, then in the other direction, then as the API does. @param {Column<Row>} column */
  #sortBy(column) {
    const isSame = this.#order?.column === column;
    this.#order = !isSame ? { column, isDescending: false } : this.#order?.isDescending ? null : { column, isDescending: true };
    for (const [known, heading] of this.headings) {
      const direction = known !== this.#order?.column ? null : this.#order.isDescending ? "descending" : "ascending";
      if (direction) heading.setAttribute("aria-sort", direction);
      else heading.removeAttribute("aria-sort");
    }
    this.#draw();
  }

  /** @param {string} id @param {boolean} isRange */
  #select(id, isRange) {
    const ids = this.#ordered.map((row) => row.id);
    const [from, to] = [ids.indexOf(this.#anchor), ids.indexOf(id)];
    if (isRange && from >= 0) {
      for (const between of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) this.#selected.add(between);
    } else if (!this.#selected.delete(id)) {
      this.#selected.add(id);
    }
    this.#anchor = id;
    this.#draw();
  }

  #selectAll() {
    const isAll = this.#selected.size === this.rows.length;
    this.#selected = new Set(isAll ? [] : this.rows.map(({ id }) => id));
    this.#draw();
  }

  /** @param {Action<Row>} action */
  #actionButton({ name, icon: symbol, kind = "", run }) {
    // On a phone, the text is hidden.
    const button = h("button", { type: "button", class: `button ${kind}`, "aria-label": name, onclick: () => busy(button, async () =>
      run(this.rows.filter(({ id }) => this.#selected.has(id)))).catch(showError).finally(() => this.#keepFocus()) },
    icon(symbol), h("span", null, name));
    return button;
  }

  /** Focuses the heading if the focus was in a row that is gone, or on a button that is hidden because its rows are gone. */
  #keepFocus() {
    if (document.activeElement !== document.body) return;
    focusHeading(this.element.closest("main"));
  }
}

/**
 * Runs `work` for each row, one after the other. Fails with the last error, after all rows.
 * @template Row
 * @param {Row[]} rows
 * @param {(row: Row) => Promise<unknown>} work
 */
export async function forEachRow(rows, work) {
  let failure = null;
  for (const row of rows) {
    try {
      await work(row);
    } catch (error) {
      failure = error;
    }
  }
  if (failure) throw failure;
}
