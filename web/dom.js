// Creates DOM elements. Strings are inserted as text nodes, so text from users is never parsed as HTML.

/**
 * Creates an element.
 * @template {string} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown> | null} [props] attributes, and listeners as `on…`; null, undefined and false are skipped
 * @param {...unknown} children elements and strings; null, undefined and false are skipped
 * @returns {Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement}
 */
export function h(tag, props, ...children) {
  const element = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

const ICON_PATHS = {
  aperture: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M14.3 8l5.2 9M9.7 8h10.4M7.4 12l5.2-9M9.7 16L4.5 7M14.3 16H3.9M16.6 12l-5.2 9",
  photos: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.5 9.5h.01",
  sets: "M3 7h11v11H3zM7 7V4h14v11h-7",
  phone: "M8 3h8v18H8zM11.5 18h1",
  admin: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M5 20c1-4 4-5 7-5s6 1 7 5",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  close: "M6 6l12 12M18 6L6 18",
  block: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.6 5.6l12.8 12.8",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12l5 5 9-10",
  retry: "M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  down: "M6 9l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  download: "M12 4v12M7 11l5 5 5-5M4 20h16",
  zoom: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5L20 20M10.5 8v5M8 10.5h5",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5L20 20",
  share: "M8 8l4-4 4 4M12 4v11M6 11H5v9h14v-9h-1",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 17h.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5.5M12 7.8h.01",
  swap: "M4 8h15M15 4l4 4-4 4M20 16H5M9 12l-4 4 4 4",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
};

/** Creates an icon that screen readers ignore. Its button needs a label. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICON_PATHS[name]);
  svg.append(path);
  return svg;
}

/** Creates a button that shows only an icon. Its label is for screen readers and the tooltip. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/** What a screen reader calls a button or a link. @param {Element} element */
export const nameOf = (element) => element.getAttribute("aria-label") ?? element.textContent;

/** Focuses the heading of a view or dialog, so that the keyboard goes on from there. @param {Element | null | undefined} view */
export const focusHeading = (view) => view?.querySelector("h1")?.focus({ preventScroll: true });

/** If the element that had the focus was removed, focuses the one of the same name in the view, or else the heading. */
export function focusAgain(name) {
  if (document.activeElement !== document.body) return;
  const same = [...document.querySelectorAll("main a, main button")].find((element) => nameOf(element) === name);
  if (same instanceof HTMLElement) same.focus({ preventScroll: true });
  else focusHeading(document.querySelector("main"));
}

/** Focuses the last control before an element, so that the Tab key goes on from there. @param {Element} element */
function focusBefore(element) {
  /** @type {ParentNode} */
  const area = element.closest("dialog, main") ?? document;
  /** @type {NodeListOf<HTMLElement>} */
  const controls = area.querySelectorAll("a, button, input");
  const isBefore = (control) => (element.compareDocumentPosition(control) & Node.DOCUMENT_POSITION_PRECEDING) !== 0;
  const canHaveFocus = (control) => control.tabIndex >= 0 && !control.disabled && control.getClientRects().length > 0;
  [...controls].findLast((control) => isBefore(control) && canHaveFocus(control))?.focus({ preventScroll: true });
}

/**
 * Runs `work` and disables its button meanwhile. The browser takes the focus from a disabled button, so the button then
 * gets it back. If the button is hidden then, such as "Show more" after the last page, the control before it gets the focus.
 */
export async function busy(button, work) {
  const hadFocus = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
    // The dialog of the picture takes the focus that the page has lost.
    const isLost = [document.body, button, button.closest("dialog")].includes(document.activeElement);
    if (hadFocus && isLost) {
      if (button.hidden) focusBefore(button);
      else button.focus();
    }
  }
}

/** Whether an event's target is a field in which the user can type. */
export function isTyping(event, fields = "input, textarea") {
  return event.target instanceof Element && event.target.closest(fields) !== null;
}

let fields = 0;

/** Creates a form field: a label, the control, an optional hint, and an element for an error. */
export function field(label, control, hint = "") {
  const id = `field-${++fields}`;
  control.id = id;
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const described = [`${id}-error`];
  if (hint !== "") described.unshift(`${id}-hint`);
  control.setAttribute("aria-describedby", described.join(" "));
  return h("div", { class: "field", "data-field": control.name },
    h("label", { for: id }, label), control, hint !== "" && h("p", { class: "hint", id: `${id}-hint` }, hint), error);
}

/** Creates a checkbox with a label. */
export function checkbox(label, props = {}) {
  return h("label", { class: "checkbox" }, h("input", { type: "checkbox", ...props }), h("span", null, label));
}

/**
 * Creates a group of checkboxes with the same name, of which at least one must be checked.
 * @param {string} legend
 * @param {string} name
 * @param {Record<string, string>} labels the label of each value
 * @param {string[]} checked the values that are checked
 * @param {string} missing the error if none is checked
 */
export function checkboxGroup(legend, name, labels, checked, missing) {
  const id = `field-${++fields}-error`;
  const boxes = Object.entries(labels).map(([value, label]) => checkbox(label, { name, value, checked: checked.includes(value) }));
  const group = h("fieldset", { class: "field checkboxes", "aria-describedby": id },
    h("legend", null, legend), boxes, h("p", { class: "field-error", id, hidden: true }));
  const validate = () => {
    const first = /** @type {HTMLInputElement} */ (group.querySelector("input"));
    first.setCustomValidity(group.querySelector(":checked") ? "" : missing);
  };
  group.addEventListener("change", validate);
  validate();
  return group;
}
