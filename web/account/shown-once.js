// A secret that the service shows only once.

import { copyButton } from "../copy.js";
import { field, fill, h } from "../dom.js";
import { notice } from "../notice.js";
import { texts } from "../texts.js";

/**
 * Replaces the content of a dialog with a secret, a button that copies it, and a button that closes the dialog.
 * @param {HTMLElement} body the content of the dialog
 * @param {string} secret
 * @param {{lead: string, label: string, copy: string, copied: string, announcement: string}} words
 */
export function showOnce(body, secret, { lead, label, copy, copied, announcement }) {
  const input = h("input", { readonly: true, value: secret, class: "address", onfocus: () => input.select() });
  const close = () => body.closest("dialog")?.close();
  fill(body, h("div", { class: "made", "data-shown-once": "" }, h("p", null, lead),
    h("div", { class: "link-made" }, field(label, input), copyButton(secret, copy, copied)),
    h("div", { class: "actions" }, h("button", { type: "button", class: "button primary", onclick: close }, texts.close))));
  input.focus();
  // The notices are a live region, and the dialog's content is not.
  notice(announcement);
}
