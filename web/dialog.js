// Modal dialogs and forms.

import { busy, checkbox, field, h, iconButton } from "./dom.js";
import { attachRegion } from "./notice.js";
import { texts } from "./texts.js";

/**
 * Opens a modal dialog. The dialog is removed from the document when it closes. If the user closes it with typed text in
 * a form, a question comes first.
 * @param {{title: string, body: HTMLElement | HTMLElement[], className?: string, onclose?: () => void}} options
 */
export function openDialog({ title, body, className = "", onclose }) {
  const dialog = h("dialog", { class: className, "aria-label": title });
  const leave = async () => {
    if (await confirmDiscard(dialog)) dialog.close();
  };
  const header = h("header", { class: "dialog-header" }, h("h2", null, title), iconButton("close", texts.close, leave));
  dialog.append(header, ...[body].flat());
  // The Escape key.
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog || !hasTyped(dialog)) return;
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
  });
  // A click on the backdrop closes the dialog. A click on the dialog's padding or scrollbar has the same target, so
  // the position decides.
  dialog.addEventListener("mousedown", ({ target, clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    // A secret that is shown once must not disappear by a wrong click.
    if (target !== dialog || dialog.querySelector("[data-shown-once]")) return;
    if (x < left || x > right || y < top || y > bottom) leave();
  });
  document.body.append(dialog);
  dialog.showModal();
  // The browser focuses the button Close, because it comes first.
  firstField(dialog)?.focus();
  attachRegion();
  return dialog;
}

/**
 * Returns the first field of a dialog in which the user can type or choose. On a touch screen, the keyboard would cover
 * the results of a search, so a search is left out there.
 * @param {HTMLElement} dialog
 */
function firstField(dialog) {
  const except = matchMedia("(pointer: coarse)").matches ? ", [type=search]" : "";
  const selector = `form :is(input, select, textarea):not([readonly], [tabindex="-1"]${except})`;
  return /** @type {HTMLElement | null} */ (dialog.querySelector(selector));
}

/** Fields whose content is work to enter again. */
const TEXTS = "textarea, input:not([type=checkbox], [type=radio], [type=search], [type=date])";

/** Whether the user has typed something in a form of the dialog and not saved it. @param {HTMLElement} dialog */
const hasTyped = (dialog) => dialog.querySelector("form[data-typed]") !== null;

/** Returns the open dialog in which the user has typed something. */
export const typedDialog = () => /** @type {HTMLElement | null} */ (document.querySelector("dialog[open]:has(form[data-typed])"));

/** Asks whether typed text may be lost, if there is some. Resolves to whether the dialog may close. @param {HTMLElement} dialog */
export async function confirmDiscard(dialog) {
  if (hasTyped(dialog) && !await confirm(texts.confirmDiscard, texts.discard)) return false;
  // Closing the dialog may change the address, which asks too.
  for (const form of dialog.querySelectorAll("form")) delete form.dataset.typed;
  return true;
}

addEventListener("beforeunload", (event) => {
  if (typedDialog()) event.preventDefault();
});

// Chromium lets a page prevent `cancel` only once until the user clicks or types again. So the key comes first.
addEventListener("keydown", (event) => {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (event.key !== "Escape" || event.isComposing || document.fullscreenElement) return;
  if (!(dialog instanceof HTMLElement) || !hasTyped(dialog)) return;
  event.preventDefault();
  dialog.dispatchEvent(new Event("cancel", { cancelable: true }));
});

// A link in a dialog leads to another view, which closes the dialog.
addEventListener("click", async (event) => {
  const link = event.target instanceof Element ? event.target.closest("dialog a[href^='#']") : null;
  const dialog = typedDialog();
  if (!(link instanceof HTMLElement) || !dialog || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (await confirmDiscard(dialog)) link.click();
});

/** Asks the user a question. Resolves to whether the user pressed the button `yes`. `kind` is the CSS class of this button. */
export function confirm(question, yes, kind = "danger") {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = openDialog({
      title: question,
      className: "small",
      body: h("div", { class: "actions" },
        h("button", { type: "button", class: "button", autofocus: true, onclick: () => dialog.close() }, texts.cancel),
        h("button", { type: "button", class: `button ${kind}`, onclick: () => {
          answer = true;
          dialog.close();
        } }, yes)),
      onclose: () => resolve(answer),
    });
  });
}

/**
 * Creates a form. It calls `submit` with its values, its element and an idempotency key, and disables the button until
 * `submit` has finished. An error appears at the field that it names, or above the button. The key changes when the
 * user edits the form. `kind` is the CSS class of the button: "primary" or empty.
 * @param {{fields: unknown[], button: string, actions?: HTMLElement[], className?: string, kind?: string,
 *   submit: (values: any, element: HTMLFormElement, key: string) => Promise<void>}} options
 */
export function form({ fields, button, submit, actions = [], className = "", kind = "primary" }) {
  const error = h("p", { class: "form-error", role: "alert", hidden: true });
  const send = h("button", { type: "submit", class: `button ${kind}` }, button);
  const element = h("form", { class: `form ${className}`, novalidate: true }, fields, error,
    h("div", { class: "actions" }, send, actions));
  let key = crypto.randomUUID();
  element.addEventListener("input", ({ target }) => {
    key = crypto.randomUUID();
    if (target instanceof Element && target.matches(TEXTS)) element.dataset.typed = "";
  });
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(element, error);
    const invalid = /** @type {HTMLInputElement | null} */ (element.querySelector(":invalid:not(fieldset)"));
    if (invalid) return showErrorAt(invalid, invalid.validationMessage, error);
    element.setAttribute("aria-busy", "true");
    try {
      await busy(send, () => submit(Object.fromEntries(new FormData(element)), element, key));
      key = crypto.randomUUID();
      delete element.dataset.typed;
    } catch (problem) {
      const control = problem.field && element.elements.namedItem(problem.field);
      showErrorAt(control instanceof HTMLElement ? control : null, problem.message, error);
    } finally {
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

function clear(element, error) {
  error.hidden = true;
  for (const place of element.querySelectorAll(".field-error")) place.hidden = true;
  for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

function showErrorAt(control, message, fallback) {
  const errorElement = control?.closest(".field")?.querySelector(".field-error") ?? fallback;
  errorElement.textContent = message;
  errorElement.hidden = false;
  control?.setAttribute("aria-invalid", "true");
  control?.focus();
}

/** Creates an invisible field with the user's name. Password managers keep the password of the form for this name. */
export function usernameField(username) {
  return h("input", { type: "text", autocomplete: "username", value: username, class: "visually-hidden", readonly: true, tabindex: "-1", "aria-hidden": "true" });
}

/** Creates a field for a password, and a checkbox that shows what was typed. */
export function passwordField(autocomplete, label, hint = "", name = "password") {
  const input = h("input", { name, type: "password", autocomplete, required: true, maxlength: "256" });
  const show = checkbox(texts.auth.showPassword, { onchange: (event) => {
    input.type = event.target.checked ? "text" : "password";
  } });
  return [field(label, input, hint), show];
}

/** Creates a field for a code of six digits. */
export function codeField(label, hint = "") {
  return field(label, h("input", {
    name: "code", autocomplete: "one-time-code", inputmode: "numeric", required: true, maxlength: "16", class: "code",
  }), hint);
}
