// The slots of a set, and the form for its texts.

import { form } from "./dialog.js";
import { field, h } from "./dom.js";
import { texts } from "./texts.js";

export const SLOTS = ["image1", "image2", "image3"];

/**
 * Creates the form for the title and the description of a set.
 * @param {{title?: string | null, description?: string | null}} set
 * @param {string} button
 * @param {(body: {title: string | null, description: string | null}, key: string) => Promise<void>} submit
 */
export function setForm(set, button, submit) {
  return form({
    fields: [
      field(texts.sets.name, h("input", { name: "title", maxlength: "200", value: set.title ?? "" })),
      field(texts.sets.description, h("textarea", { name: "description", maxlength: "5000", rows: "2", value: set.description ?? "" })),
    ],
    button,
    submit: ({ title, description }, _form, key) =>
      submit({ title: title.trim() || null, description: description.trim() || null }, key),
  });
}
