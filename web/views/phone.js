// The view of pictures for a phone number.

import { call } from "../api.js";
import { form } from "../dialog.js";
import { field, fill, h, icon } from "../dom.js";
import { chooseFiles } from "../files.js";
import { gallery } from "../gallery.js";
import { showError } from "../notice.js";
import { PagedList } from "../paged-list.js";
import { phoneNumbersSection } from "../phone-numbers.js";
import { query } from "../query.js";
import { state } from "../state.js";
import { texts } from "../texts.js";
import { tiles } from "../tiles.js";
import { openNewLinkDialog, uploadLinksSection } from "../upload-links.js";
import { uploads } from "../uploads.js";

const words = texts.phone;

export function phoneView({ number }) {
  const input = h("input", {
    name: "phone_number", type: "tel", autocomplete: "off", required: true, maxlength: "64", value: number ?? "",
  });
  const search = form({
    className: "inline",
    fields: [field(words.number, input, words.hint)],
    button: words.show,
    submit: async ({ phone_number }) => {
      location.hash = `#/phone/${encodeURIComponent(phone_number.trim())}`;
    },
  });
  const place = h("div");
  const element = h("div", null,
    h("header", { class: "view-header" }, h("h1", { tabindex: "-1" }, words.title)),
    h("p", { class: "quiet" }, words.lead, " ", state.profile?.features.dropbox && words.dropbox),
    search, place);
  if (!number) {
    fill(place, phoneNumbersSection(), uploadLinksSection());
    return { title: words.title, element };
  }
  const { list, parts, dispose, shown, reveal, upload } = phoneImages(number);
  fill(place, parts);
  return { title: words.title, element, list, dispose, upload, shown, reveal };
}

function phoneImages(number) {
  // The number as the API returns it. The user may have typed it in another form.
  let normalizedNumber = null;
  const list = new PagedList(async (cursor, limit) => {
    try {
      const page = await call("GET", `/api/phones/${encodeURIComponent(number)}/images${query({ cursor, limit, ...tiles() })}`);
      normalizedNumber = page.phone_number;
      return page;
    } catch (error) {
      // The API answers 404 for a number without pictures. This view shows an empty list.
      if (error.status === 404) return { images: [], next_cursor: null };
      throw error;
    }
  });
  const empty = h("p", { class: "quiet", hidden: true }, words.none);
  const show = () => {
    empty.hidden = !(list.complete && list.length === 0);
  };
  list.addEventListener("change", show);
  const image = ({ detail }) => {
    if (detail.phone_number !== null && detail.phone_number === normalizedNumber) list.put(detail);
  };
  const onRemoved = ({ detail: id }) => list.hide(id);
  uploads.addEventListener("image", image);
  uploads.addEventListener("removed", onRemoved);
  const pictures = gallery(list, { label: words.of(number), listName: { phone: number } });
  // One request for each file, so that an invalid file does not affect the others.
  const upload = (files) => uploads.add(files, async (file, key) => {
    const { phone_number, results } = await call("POST", `/api/phones/${encodeURIComponent(number)}/images`, { body: { files: [file] }, key });
    normalizedNumber = phone_number;
    return results[0];
  });
  const buttons = [
    h("button", { type: "button", class: "button", "aria-label": texts.uploadLinks.makeFor(number), onclick: () => openNewLinkDialog(number) },
      icon("plus"), texts.uploadLinks.make),
    h("button", { type: "button", class: "button primary", onclick: async () => upload(await chooseFiles()) },
      icon("upload"), words.chooseFor(number)),
  ];
  // Only the service knows whether the number is valid.
  const showButtons = () => {
    for (const button of buttons) button.hidden = !list.started;
  };
  list.addEventListener("change", showButtons);
  showButtons();
  return {
    list,
    shown: pictures.shown,
    reveal: pictures.reveal,
    // The user can drop or paste files even if the number is invalid.
    upload: (files) => (list.failure && !list.started ? showError(list.failure) : upload(files)),
    parts: [
      h("div", { class: "view-header" }, h("h2", null, words.of(number)), h("span", { class: "space" }), buttons),
      pictures.element, empty,
    ],
    dispose: () => {
      pictures.dispose();
      uploads.removeEventListener("image", image);
      uploads.removeEventListener("removed", onRemoved);
    },
  };
}
