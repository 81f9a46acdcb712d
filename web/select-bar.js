// The bar that shows how many pictures are selected, and what can be done with them.

import { busy, fill, focusHeading, h, icon, iconButton } from "./dom.js";
import { showError } from "./notice.js";
import { texts } from "./texts.js";

const words = texts.select;

/**
 * An action on the selected pictures. `run` returns what the bar says while it is at work through its `say`.
 * @typedef {{name: string, icon: string, keys?: string, run: (say: (text: string) => void) => unknown}} Action
 */

/**
 * Creates the bar. It is hidden while nothing is selected. Call `dispose` when it is removed from the document.
 * @param {import("./selection.js").Selection} selection
 * @param {Action[]} actions
 */
export function selectBar(selection, actions) {
  const count = h("p", { class: "select-count", role: "status" });
  const run = (button, work) => busy(button, async () => work((text) => {
    count.textContent = text;
  })).catch(showError).finally(update);
  const all = h("button", { type: "button", class: "text-button", onclick: () => run(all, (say) => {
    say(words.loading);
    return selection.selectAll();
  }) }, words.all);
  const buttons = actions.map((action) => {
    // On a phone, the text is hidden.
    const button = h("button", { type: "button", class: "button", "aria-label": action.name,
      "aria-keyshortcuts": action.keys ?? null, onclick: () => run(button, action.run) },
    icon(action.icon), h("span", null, action.name));
    return button;
  });
  const element = h("div", { class: "select-bar", role: "group", "aria-label": words.label, hidden: true });
  const clear = iconButton("close", words.clear, () => selection.clear());
  fill(element, clear, count, all, h("div", { class: "actions" }, buttons));
  function update() {
    const hadFocus = element.contains(document.activeElement);
    element.hidden = selection.size === 0;
    count.textContent = selection.size === 0 ? "" : words.count(selection.size);
    if (hadFocus && element.hidden) focusHeading(element.closest("main"));
  }
  const onKeyDown = (event) => {
    // A dialog above the list has its own keys.
    if (document.querySelector("dialog[open]") || event.target.closest?.("input:not([type=checkbox]), textarea, select")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "a" && element.isConnected) {
      event.preventDefault();
      run(all, () => selection.selectAll());
    }
    if (selection.size === 0) return;
    if (event.key === "Escape") selection.clear();
    const index = actions.findIndex(({ keys }) => keys === event.key);
    if (index >= 0 && !event.ctrlKey && !event.metaKey) buttons[index].click();
  };
  selection.addEventListener("change", update);
  addEventListener("keydown", onKeyDown);
  return {
    element,
    dispose: () => {
      selection.removeEventListener("change", update);
      removeEventListener("keydown", onKeyDown);
    },
  };
}
