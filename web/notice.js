// Short notices at the edge of the screen. Screen readers announce them.

import { focusHeading, h, iconButton, isTyping } from "./dom.js";
import { texts } from "./texts.js";

const DISPLAY_MS = 6000;
/** A notice that is older does not belong to the action that leads to another view. */
const JUST_MS = 1000;
// A screen reader announces only what is new. The role alone would have it read all notices again.
const region = h("div", { class: "notices", role: "status", "aria-live": "polite", "aria-atomic": "false" });

/**
 * Moves the notices into the topmost dialog, if one is open: elements behind a modal dialog are inert. In full screen,
 * only one element is visible.
 */
export function attachRegion() {
  const place = document.fullscreenElement ?? [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (region.parentElement !== place) place.append(region);
}

attachRegion();
// In the capture phase, before the dialog's own listener removes it with everything inside.
document.addEventListener("close", attachRegion, { capture: true });
document.addEventListener("fullscreenchange", attachRegion);

/**
 * The actions that the user can still undo, oldest first.
 * @type {Set<{commit: (leaving: boolean) => unknown, undo: () => void, share: number}>}
 */
const undoableActions = new Set();

/**
 * The notices that only confirm what the user has done: for each, a function that removes it, and when it appeared.
 * @type {Map<() => void, number>}
 */
const confirmations = new Map();

/**
 * Shows a text for some seconds, and calls `onend` when the notice disappears. Returns a function that removes it. If it
 * `stays`, only the user or this function removes it.
 * @param {string | HTMLElement} text
 * @param {{kind?: string, actions?: HTMLElement[], onend?: () => unknown, stays?: boolean}} [options]
 */
export function notice(text, { kind = "info", actions = [], onend, stays = false } = {}) {
  const element = h("div", { class: `notice ${kind}` }, h("p", null, text), actions,
    iconButton("close", texts.close, () => end()));
  let timer;
  const end = () => {
    clearTimeout(timer);
    confirmations.delete(end);
    if (!element.isConnected) return;
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) focusHeading(region.parentElement);
    onend?.();
  };
  // The notice stays while the pointer or the focus is on it. After a touch, the browser keeps `:hover` where the finger was.
  const isUsed = () => element.matches(matchMedia("(hover: hover)").matches ? ":hover, :focus-within" : ":focus-within");
  const start = () => {
    timer = setTimeout(() => (isUsed() ? start() : end()), DISPLAY_MS);
  };
  if (!stays) start();
  if (!stays && kind === "info" && actions.length === 0) confirmations.set(end, Date.now());
  attachRegion();
  region.append(element);
  // The newest notice is visible, also if there are more than fit.
  region.scrollTop = region.scrollHeight;
  return end;
}

/** Removes the confirmations, because the user goes on to another view. One that has just appeared may say why. */
export function endConfirmations() {
  for (const [end, since] of confirmations) {
    if (Date.now() - since > JUST_MS) end();
  }
}

/** Shows the message of an error. */
export const showError = (error) => notice(error.message, { kind: "error" });

/**
 * Shows a notice with the button Undo. Calls `undo` if the user presses it or Ctrl+Z. Otherwise calls `commit` when the
 * notice disappears or the user leaves the page; its argument tells whether the user is leaving. `share` is the part of
 * the browser's limits that a commit needs while the user leaves.
 * @param {string} text
 * @param {{commit: (leaving: boolean) => unknown, undo: () => void, share: number}} options
 */
export function deferWithUndo(text, { commit, undo, share }) {
  const finish = (how) => {
    if (!undoableActions.delete(action)) return;
    end();
    return how();
  };
  const action = { commit: (leaving) => finish(() => commit(leaving)), undo: () => finish(undo), share };
  const button = h("button", { type: "button", class: "text-button", "aria-keyshortcuts": "Control+Z", onclick: action.undo }, texts.image.undo);
  undoableActions.add(action);
  const end = notice(text, { actions: [button], onend: () => action.commit(false) });
}

/** Commits all actions that the user could still undo. Resolves when these commits are done. */
export const commitDeferred = (leaving = false) => Promise.all([...undoableActions].map((action) => action.commit(leaving)));

// If the browser would refuse a part of the last requests, the user decides whether to leave.
addEventListener("beforeunload", (event) => {
  const share = [...undoableActions].reduce((sum, action) => sum + action.share, 0);
  if (share > 1) event.preventDefault();
});
addEventListener("pagehide", () => commitDeferred(true));
addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping(event)) return;
  [...undoableActions].at(-1)?.undo();
});
