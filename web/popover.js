// Boxes that open below their button. A click outside of a box and the Escape key close it.

import { h, icon } from "./dom.js";

/**
 * Creates a button and its box.
 * @param {unknown} label
 * @param {unknown} body
 * @param {Record<string, unknown>} [props] those of the button
 */
export function popover(label, body, props = {}) {
  return h("details", { class: "popover" }, h("summary", { class: "button", ...props }, label, icon("down")),
    h("div", { class: "popover-body" }, body));
}

/** @returns {NodeListOf<HTMLDetailsElement>} */
const openOnes = () => document.querySelectorAll("details.popover[open]");

addEventListener("click", ({ target }) => {
  for (const element of openOnes()) {
    if (target instanceof Node && !element.contains(target)) element.open = false;
  }
});
addEventListener("keydown", ({ key, isComposing }) => {
  if (key !== "Escape" || isComposing) return;
  for (const element of openOnes()) {
    const hadFocus = element.contains(document.activeElement);
    element.open = false;
    if (hadFocus) element.querySelector("summary")?.focus();
  }
});
