// The dialog that lists the keys of the page. The key `?` opens it.

import { openDialog } from "./dialog.js";
import { h, isTyping } from "./dom.js";
import { texts } from "./texts.js";

const words = texts.shortcuts;

/** Opens the dialog, unless it is open. */
export function openShortcuts() {
  if (document.querySelector(".shortcuts")) return;
  const group = ({ title, keys }) => [h("h3", null, title), h("dl", { class: "facts" }, keys.map(([key, what]) => [
    h("dt", null, key.split(" ").map((part) => (part === "or" || part === "then" ? ` ${part} ` : h("kbd", null, part)))), h("dd", null, what)]))];
  openDialog({ title: words.title, className: "shortcuts", body: h("div", { class: "card-body" }, words.groups.map(group)) });
}

/**
 * Calls `run` when the user presses a key that is the same in all views, and does not type in a field.
 * @param {string} key
 * @param {(event: KeyboardEvent) => void} run
 */
export function onShortcut(key, run) {
  addEventListener("keydown", (event) => {
    const isOther = event.key !== key || event.ctrlKey || event.metaKey;
    if (!isOther && !isTyping(event, "input:not([type=checkbox]), textarea, select")) run(event);
  });
}

onShortcut("?", openShortcuts);
