// The list of uploads at the bottom of the page. It goes away after all uploads have succeeded.

import { fill, focusHeading, h, iconButton } from "./dom.js";
import { texts } from "./texts.js";
import { uploads } from "./uploads.js";

const words = texts.uploads;
/** The maximum number of rows. Unfinished uploads have precedence. */
const ROWS = 200;
/** How long the list stays after the last upload is ready. */
const DISPLAY_MS = 8000;
/** A phone's screen has room for the summary only. The user can show the list. */
const isNarrow = matchMedia("(max-width: 640px)");

/** Creates the list of uploads. It is hidden while there are none. */
export function uploadTray() {
  const summary = h("p", { class: "tray-summary", role: "status" });
  const overall = h("progress", { max: 1, "aria-label": words.overall });
  const rows = uploadRows(uploads);
  const body = h("div", { class: "tray-body", id: "tray-body" }, rows.element);
  const toggle = iconButton("down", words.collapse, () => showRows(body.hidden), { "aria-controls": "tray-body" });
  const showRows = (isShown) => {
    body.hidden = !isShown;
    toggle.setAttribute("aria-expanded", String(isShown));
  };
  const cancelAll = h("button", { type: "button", class: "text-button", onclick: () => {
    uploads.items.filter((item) => !item.isFinished).forEach((item) => uploads.cancel(item));
  } }, words.cancelAll);
  const clear = h("button", { type: "button", class: "text-button", onclick: () => uploads.clear() }, words.clear);
  const element = h("section", { class: "tray", "aria-label": words.title, hidden: true },
    h("header", null, summary, cancelAll, clear, toggle), overall, body);
  // Notices appear above the list.
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--tray-height", `${element.offsetHeight}px`);
  }).observe(element);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const leaveLater = () => {
    clearTimeout(timer);
    const { items } = uploads;
    if (items.length === 0 || items.some((item) => item.state !== "ready")) return;
    timer = setTimeout(() => {
      if (element.matches(":hover, :focus-within")) leaveLater();
      else uploads.clear();
    }, DISPLAY_MS);
  };
  const update = () => {
    const { items } = uploads;
    const hadFocus = element.querySelector(":focus-visible") !== null;
    // A new batch begins with the list that fits the screen.
    if (element.hidden && items.length > 0) showRows(!isNarrow.matches);
    element.hidden = items.length === 0;
    const line = summaryOf(items);
    if (summary.textContent !== line) summary.textContent = line;
    const counted = items.filter((item) => item.state !== "cancelled" && item.state !== "failed");
    const [size, sent] = counted.reduce(([size, sent], item) => [size + item.size, sent + item.sent], [0, 0]);
    overall.value = size > 0 ? sent / size : 1;
    cancelAll.hidden = !items.some((item) => item.isUnsent);
    clear.hidden = !items.some((item) => item.isFinished) || !cancelAll.hidden;
    rows.update();
    if (hadFocus && !hasVisibleFocus(element)) {
      if (element.hidden) focusHeading(document.querySelector("main"));
      else toggle.focus();
    }
    leaveLater();
  };
  uploads.addEventListener("change", update);
  return element;
}

/**
 * Whether the focus is on a visible element in a part of the page. Buttons come and go with the states of the uploads.
 * @param {Element} part
 */
function hasVisibleFocus(part) {
  const focused = document.activeElement;
  return focused !== null && part.contains(focused) && focused.getClientRects().length > 0;
}

/** Says what the uploads have reached. @param {import("./upload.js").Upload[]} items */
function summaryOf(items) {
  const count = (...states) => items.filter((item) => states.includes(item.state)).length;
  const [ready, developing, failed] = [count("ready"), count("processing"), count("failed")];
  const isSending = items.some((item) => item.isUnsent);
  const all = items.length - count("cancelled");
  const first = isSending ? words.summary(ready + developing, all) : developing > 0 ? words.developing(developing) : words.finished(ready);
  return failed > 0 ? `${first}, ${words.failed(failed)}` : first;
}

/**
 * Creates a list with a row for each upload. `update` draws what has changed.
 * @param {import("./uploads.js").Uploads} source
 */
export function uploadRows(source) {
  const element = h("ul", { class: "tray-rows" });
  /** @type {Map<typeof source.items[0], {element: HTMLElement, update: () => void}>} */
  const shown = new Map();
  const update = () => {
    const focused = /** @type {HTMLElement | null} */ (element.querySelector(":focus-visible"));
    const first = [...source.items].sort((a, b) => Number(a.state === "ready") - Number(b.state === "ready")).slice(0, ROWS);
    for (const [item, row] of shown) {
      if (first.includes(item)) continue;
      row.element.remove();
      shown.delete(item);
    }
    first.forEach((item, index) => {
      const row = shown.get(item) ?? uploadRow(source, item);
      shown.set(item, row);
      row.update();
      if (element.children[index] !== row.element) element.insertBefore(row.element, element.children[index] ?? null);
    });
    // A row that moves loses the focus.
    if (focused && element.contains(focused)) focused.focus({ preventScroll: true });
  };
  return { element, update };
}

function uploadRow(source, item) {
  const status = h("span", { class: "tray-status" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": words.progressOf(item.name) });
  const buttons = h("span", { class: "tray-buttons" });
  const element = h("li", { class: "tray-row" }, h("span", { class: "tray-name", title: item.name }, item.name), buttons, status, bar);
  let drawn = null;
  const update = () => {
    const text = item.error && item.state === "failed" ? item.error
      : item.state === "sending" ? words.states.sending(Math.round(100 * item.sent / item.size)) : words.states[item.state];
    if (status.textContent !== text) status.textContent = text;
    bar.hidden = item.isFinished || item.state === "queued";
    bar.value = item.size > 0 ? item.sent / item.size : 0;
    if (drawn === item.state) return;
    drawn = item.state;
    element.className = `tray-row ${item.state}`;
    const hadFocus = buttons.querySelector(":focus-visible") !== null;
    fill(buttons,
      item.isUnsent && iconButton("close", words.cancel(item.name), () => source.cancel(item)),
      ["failed", "cancelled"].includes(item.state) && !item.hasPermanentError && iconButton("retry", words.retry(item.name), () => source.retry(item)),
      item.isFinished && iconButton(item.state === "ready" ? "check" : "close", words.dismiss(item.name), () => source.clear(item)));
    if (hadFocus) buttons.querySelector("button")?.focus({ preventScroll: true });
  };
  return { element, update };
}
