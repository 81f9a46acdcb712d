// Short notices at the edge of the screen, read out by screen readers.

import { h, iconButton, isTyping } from "./dom.js";
import { texts } from "./texts.js";

const SHOWN_MS = 6000;
const region = h("div", { class: "notices", role: "status", "aria-live": "polite" });

/** Into the dialog on top, if there is one: what lies behind it can neither be seen nor pressed. */
function place() {
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(region);
}

place();
// Before the dialog itself hears of it, and goes with all that is in it.
document.addEventListener("close", place, { capture: true });

/**
 * What is done only after its notice, unless it is undone; the latest is the last.
 * @type {Set<{settle: (leaving: boolean) => unknown, undo: () => void}>}
 */
const deferred = new Set();

/**
 * Shows a sentence for some seconds, and calls `onend` when it has gone.
 * @param {string} text
 * @param {{kind?: string, actions?: HTMLElement[], onend?: () => unknown}} [options]
 */
export function notice(text, { kind = "info", actions = [], onend } = {}) {
  const element = h("div", { class: `notice ${kind}` }, h("p", null, text), actions,
    iconButton("close", texts.close, () => end()));
  let timer;
  const end = () => {
    clearTimeout(timer);
    if (!element.isConnected) return;
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) region.parentElement?.querySelector("h1")?.focus({ preventScroll: true });
    onend?.();
  };
  // Whoever is about to press its button has all the time in the world.
  const start = () => {
    timer = setTimeout(() => (element.matches(":hover, :focus-within") ? start() : end()), SHOWN_MS);
  };
  start();
  place();
  region.append(element);
  return end;
}

/** Shows what went wrong. */
export const complain = (error) => notice(error.message, { kind: "error" });

/**
 * Does something once its notice has gone, unless the person wants it back: `act` is called then, or when the page is
 * being left, which it is told, and `undo` instead where the button or Ctrl+Z is pressed.
 */
export function undoable(text, { act, undo }) {
  const finish = (how) => {
    if (!deferred.delete(action)) return;
    end();
    return how();
  };
  const action = { settle: (leaving) => finish(() => act(leaving)), undo: () => finish(undo) };
  const button = h("button", { type: "button", class: "text-button", "aria-keyshortcuts": "Control+Z", onclick: action.undo }, texts.image.undo);
  deferred.add(action);
  const end = notice(text, { actions: [button], onend: () => action.settle(false) });
}

/** Does at once what still waits for its notice to go, and waits for it unless the page is being left. */
export const settleDeferred = (leaving = false) => Promise.all([...deferred].map((action) => action.settle(leaving)));

addEventListener("pagehide", () => settleDeferred(true));
addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping(event)) return;
  [...deferred].at(-1)?.undo();
});
