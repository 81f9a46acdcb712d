// Parts that several views for admins share.

import { call } from "../api.js";
import { busy, h } from "../dom.js";
import { showError } from "../notice.js";
import { texts } from "../texts.js";

/** Creates a table with a heading for each column. @param {string[]} columns @param {HTMLElement} body @param {string} label */
export function table(columns, body, label) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", null, h("thead", null, h("tr", null, columns.map((column) => h("th", { scope: "col" }, column)))), body));
}

/**
 * Shows a list that the API returns page by page: shows the first page in `place`, and returns the elements below it.
 * @param {object} list
 * @param {(cursor: string | null) => Promise<any>} list.load
 * @param {(page: any) => HTMLElement[]} list.rows creates the elements of a page
 * @param {HTMLElement} list.place
 * @param {string} list.none the text for an empty list
 */
export async function pages({ load, rows, place, none }) {
  const more = h("button", { type: "button", class: "button", hidden: true }, texts.more);
  const empty = h("p", { class: "empty", hidden: true }, none);
  const show = async (cursor) => {
    let page = await load(cursor);
    place.append(...rows(page));
    // A page of a search may be empty although the next one is not.
    while (place.children.length === 0 && page.next_cursor !== null) {
      page = await load(page.next_cursor);
      place.append(...rows(page));
    }
    more.hidden = page.next_cursor === null;
    more.onclick = () => busy(more, () => show(page.next_cursor)).catch(showError);
    empty.hidden = place.children.length > 0;
  };
  await show(null);
  return [empty, more];
}

/**
 * Returns a function that creates an element with the name of a user. The element shows the user's id until the name is
 * loaded, and if the user is deleted.
 * @returns {(id: string) => HTMLElement}
 */
export function userNames() {
  /** @type {Map<string, Promise<string>>} */
  const names = new Map();
  // The requests are made one after the other, because a view may need many.
  let last = Promise.resolve("");
  return (id) => {
    const element = h("span", null, id);
    const name = names.get(id) ?? last.then(() => call("GET", `/api/admin/users/${encodeURIComponent(id)}`)).then(({ username }) => username, () => id);
    if (!names.has(id)) last = name;
    names.set(id, name);
    name.then((text) => {
      element.textContent = text;
    });
    return element;
  };
}
