// A section of the account's view that can be drawn anew.

import { fill, h } from "../dom.js";

/**
 * Creates a section with a heading. `update` draws its content anew. If the focus was on the old content, it moves to
 * the heading.
 * @param {string} title
 * @param {() => unknown[]} content
 */
export function card(title, content) {
  const heading = h("h2", { tabindex: "-1" }, title);
  const body = h("div", { class: "card-body" });
  const element = h("section", { class: "card" }, heading, body);
  const update = () => {
    fill(body, content());
    if (document.activeElement === document.body && element.isConnected) heading.focus({ preventScroll: true });
  };
  update();
  return { element, update };
}
