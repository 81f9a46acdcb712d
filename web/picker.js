// A dialog in which the user picks one of the existing pictures.

import { call } from "./api.js";
import { openDialog } from "./dialog.js";
import { busy, focusAgain, h, icon } from "./dom.js";
import { showError } from "./notice.js";
import { showIn } from "./picture.js";
import { query } from "./query.js";
import { texts } from "./texts.js";
import { squares } from "./tiles.js";

const words = texts.picker;
const PAGE_SIZE = 48;
/** The size of a picture in CSS pixels. */
const PICTURE = 112;

/**
 * Opens the dialog. Calls `onPick` with the picked image, and closes the dialog when it has succeeded.
 * @param {string} title
 * @param {(image: Api.Image) => Promise<void>} onPick
 */
export function openPicker(title, onPick) {
  const list = h("ul", { class: "picker" });
  const empty = h("p", { class: "quiet", role: "status" });
  const more = h("button", { type: "button", class: "button", hidden: true }, texts.more);
  const input = h("input", { type: "search", "aria-label": texts.search.label, placeholder: texts.search.placeholder, maxlength: "200" });
  const search = h("form", { class: "search-form", role: "search" }, input,
    h("button", { type: "submit", class: "icon-button", "aria-label": texts.search.search }, icon("search")));
  const pick = (image) => ({ currentTarget }) => busy(currentTarget, () => onPick(image)).then(() => dialog.close(), showError);
  /** Increases with each search, so that responses to earlier ones are ignored. */
  let searches = 0;
  const load = async (cursor = null) => {
    const thisSearch = searches;
    const parameters = { q: input.value.trim(), limit: PAGE_SIZE, cursor, ...squares(PICTURE) };
    const { images, next_cursor } = await call("GET", `/api/images${query(parameters)}`);
    if (thisSearch !== searches) return;
    list.append(...images.map((image) => item(image, pick(image))));
    empty.textContent = list.children.length === 0 && next_cursor === null ? words.none : "";
    more.hidden = next_cursor === null;
    more.onclick = () => busy(more, () => load(next_cursor)).catch(showError);
    // A page of a search may be empty although the next one is not.
    if (list.children.length === 0 && next_cursor !== null) await load(next_cursor);
  };
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    searches += 1;
    list.replaceChildren();
    load().catch(showError);
  });
  // The button that opened the dialog has the same name, and may have been replaced.
  const dialog = openDialog({ title, body: [search, list, empty, more], onclose: () => focusAgain(title) });
  load().catch(showError);
}

/** @param {Api.Image} image @param {(event: any) => void} onclick */
function item(image, onclick) {
  const name = image.title ?? image.file_name;
  const button = h("button", { type: "button", class: "picker-picture", title: name, "aria-label": name, onclick });
  return h("li", null, showIn(button, image, PICTURE));
}
