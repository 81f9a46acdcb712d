// The names of users, by their ids.

import { call } from "../api.js";
import { h } from "../dom.js";

/** Returns the name of a user, or the id if the user is deleted. @param {string} id @returns {Promise<string>} */
export const nameOfUser = (id) => call("GET", `/api/admin/users/${encodeURIComponent(id)}`).then(({ username }) => username, () => id);

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
    const name = names.get(id) ?? last.then(() => nameOfUser(id));
    if (!names.has(id)) last = name;
    names.set(id, name);
    name.then((text) => {
      element.textContent = text;
    });
    return element;
  };
}
