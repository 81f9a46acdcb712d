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

/** Runs `work` and disables its button meanwhile. */
export async function busy(button, work) {
  const hadFocus = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
    if (hadFocus && document.activeElement === document.body) button.focus();
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
