// Short notices at the edge of the screen, read out by screen readers.

import { h, iconButton } from "./dom.js";
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

/** @type {Set<() => void>} what is done only after its notice, unless it is undone */
const deferred = new Set();

/** Shows a sentence for some seconds. */
export function notice(text, { kind = "info", actions = [] } = {}) {
  const element = h("div", { class: `notice ${kind}` }, h("p", null, text), actions,
    iconButton("close", texts.close, () => end()));
  let timer;
  const end = () => {
    clearTimeout(timer);
    element.remove();
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
 * Does something after a while, unless the person wants it back: `act` is called when the time is over or the page is
 * being left, which it is told, and `undo` instead where the button is pressed.
 */
export function undoable(text, { act, undo }) {
  let over = false;
  const settle = (leaving) => {
    if (over) return;
    over = true;
    deferred.delete(settle);
    clearTimeout(timer);
    end();
    act(leaving);
  };
  const button = h("button", { type: "button", class: "text-button", onclick: () => {
    if (over) return;
    over = true;
    deferred.delete(settle);
    clearTimeout(timer);
    end();
    undo();
  } }, texts.image.undo);
  deferred.add(settle);
  const timer = setTimeout(() => settle(false), SHOWN_MS);
  const end = notice(text, { actions: [button] });
}

addEventListener("pagehide", () => deferred.forEach((settle) => settle(true)));
