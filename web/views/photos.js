// The view of the user's pictures.

import { h, icon, checkbox, field, fill } from "../dom.js";
import { chooseFiles } from "../files.js";
import { Grid } from "../grid.js";
import { allImages, deleteImage, imagesByStatus, uploadImages } from "../images.js";
import { mayUseAi, state } from "../state.js";
import { texts } from "../texts.js";

const words = texts.photos;
/** The AI options for uploads. Kept while the page is open. */
const options = { analyze: false, edit_prompt: "" };

/** Resets the options, because another user may log in next. */
export function resetUploadOptions() {
  Object.assign(options, { analyze: false, edit_prompt: "" });
}

/** Returns the fields for a new image that depend on the options. */
export function uploadOptions() {
  if (!mayUseAi()) return {};
  return { analyze: options.analyze, edit_prompt: options.edit_prompt.trim() || null };
}

const chooseAndUpload = async () => uploadImages(await chooseFiles(), uploadOptions());

export function photosView({ status = "" } = {}) {
  const list = status ? imagesByStatus(status) : allImages();
  const grid = new Grid({
    list,
    label: words.grid,
    href: (image) => `#/images/${image.id}`,
    onDelete: (image) => deleteImage(image, list),
  });
  const empty = h("div", { class: "empty", hidden: true });
  const count = h("span", { class: "count" });

  const show = () => {
    const nothing = list.complete && list.length === 0;
    empty.hidden = !nothing;
    if (nothing && !empty.hasChildNodes()) fill(empty, status ? h("p", null, words.none) : welcome());
    // Set at once from the profile, so that the line above the pictures does not wrap when the list is loaded.
    count.textContent = !status ? words.count(Math.max(list.knownCount, list.complete ? 0 : state.profile?.usage.images ?? 0)) : "";
  };
  list.addEventListener("change", show);
  show();

  const filter = h("select", { "aria-label": words.filter, onchange: () => {
    location.hash = filter.value ? `#/?status=${filter.value}` : "#/";
  } }, h("option", { value: "" }, words.all),
  Object.entries(words.status).map(([value, label]) => h("option", { value, selected: value === status }, label)));
  const header = h("header", { class: "view-header" },
    h("h1", { tabindex: "-1" }, words.title), count, h("span", { class: "space" }), filter,
    mayUseAi() && aiOptions(),
    h("button", { type: "button", class: "button primary", onclick: chooseAndUpload }, icon("upload"), words.upload));

  return {
    title: words.title,
    element: h("div", null, header, grid.errorBox, grid.element, empty),
    list,
    shown: () => grid.render(),
    dispose: () => {
      grid.dispose();
      list.removeEventListener("change", show);
    },
  };
}

function welcome() {
  return [icon("photos"), h("h2", null, words.empty), h("p", null, words.emptyHint),
    h("button", { type: "button", class: "button primary", onclick: chooseAndUpload }, words.choose)];
}

function aiOptions() {
  const prompt = h("input", { name: "edit_prompt", maxlength: "2000", value: options.edit_prompt, oninput: () => {
    options.edit_prompt = prompt.value;
  } });
  return h("details", { class: "popover" }, h("summary", { class: "button", "aria-label": words.optionsLabel }, words.options, icon("down")),
    h("div", { class: "popover-body" },
      checkbox(words.analyze, { checked: options.analyze, onchange: (event) => {
        options.analyze = event.target.checked;
      } }),
      field(words.editPrompt, prompt, words.editPromptHint)));
}
