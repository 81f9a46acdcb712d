// The views of image sets. A set holds three pictures.

import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { deleting } from "../deleting.js";
import { confirm, openDialog } from "../dialog.js";
import { busy, fill, focusAgain, h, icon, iconButton, nameOf } from "../dom.js";
import { onRestored } from "../images.js";
import { showError, notice } from "../notice.js";
import { PagedList } from "../paged-list.js";
import { showIn } from "../picture.js";
import { query } from "../query.js";
import { setForm, SLOTS } from "../set-form.js";
import { slotItem } from "../slot.js";
import { texts } from "../texts.js";
import { squares } from "../tiles.js";
import { uploads } from "../uploads.js";
import { isUnfinished, watch } from "../watcher.js";

const words = texts.sets;
/** The size of a picture on a card in CSS pixels. */
const STRIP_SLOT = 200;

/** Creates the view of all sets of the user. */
export async function setsView() {
  const cards = h("ul", { class: "cards" });
  const more = h("button", { type: "button", class: "button", hidden: true }, texts.more);
  const empty = h("div", { class: "empty", hidden: true }, icon("sets"), h("h2", null, words.empty), h("p", null, words.emptyHint),
    h("button", { type: "button", class: "button primary", onclick: openNewSetDialog }, words.make));
  const load = async (cursor) => {
    const { imagesets, next_cursor } = await call("GET", `/api/imagesets${query({ cursor, limit: 24, ...squares(STRIP_SLOT) })}`);
    cards.append(...imagesets.map(card));
    empty.hidden = cards.children.length > 0;
    more.hidden = next_cursor === null;
    more.onclick = () => busy(more, () => load(next_cursor).catch(showError));
  };
  await load(null);
  const element = h("div", null,
    h("header", { class: "view-header" }, h("h1", { tabindex: "-1" }, words.title), h("span", { class: "space" }),
      h("button", { type: "button", class: "button primary", onclick: openNewSetDialog }, icon("plus"), words.make)),
    h("p", { class: "quiet" }, words.lead), cards, more, empty);
  return { title: words.title, element };
}

function card(set) {
  const images = SLOTS.map((slot) => set.images[slot]).map((image) => (deleting.has(image?.id) ? null : image));
  const full = images.filter(Boolean).length;
  return h("li", { class: "card set-card" }, h("a", { href: `#/sets/${set.id}` },
    h("span", { class: "strip" }, images.map((image) => {
      const place = h("span", { class: "strip-slot" });
      return image ? showIn(place, image, STRIP_SLOT) : place;
    })),
    h("strong", null, set.title ?? texts.untitled),
    h("span", { class: "quiet" }, words.full(full))));
}

function openNewSetDialog() {
  const dialog = openDialog({
    title: words.make,
    className: "small",
    body: setForm({}, words.create, async (body, key) => {
      const set = await call("POST", "/api/imagesets", { body, key });
      dialog.close();
      location.hash = `#/sets/${set.id}`;
    }),
  });
}

/** Creates the view of one set. */
export async function setView({ id }) {
  const ended = new AbortController();
  const slots = h("ul", { class: "slots" });
  const heading = h("h1", { tabindex: "-1" });
  const about = h("p", { class: "lead" });
  let set = await call("GET", `/api/imagesets/${id}`);

  // The large view needs a list to go from one picture to the next, in the order of the places.
  const position = ({ id }) => SLOTS.find((slot) => set.images[slot]?.id === id) ?? "";
  const list = new PagedList(async () => ({ images: [], next_cursor: null }), undefined, { position, ascending: true });
  const show = () => {
    heading.textContent = set.title ?? texts.untitled;
    about.textContent = set.description ?? "";
    list.set(SLOTS.map((slot) => set.images[slot]).filter(Boolean));
  };
  const fillSlots = () => {
    // A button that is at work is disabled, and has no focus.
    const focused = slots.querySelector(":focus, button:disabled");
    fill(slots, SLOTS.map((slot) => slotItem(set, slot, list, reload)));
    if (focused) focusAgain(nameOf(focused));
  };
  list.addEventListener("change", fillSlots);
  const reload = async () => {
    set = await call("GET", `/api/imagesets/${id}`);
    show();
    watchUnfinished();
  };
  const onImageChanged = (image) => (image ? list.put(image) : reload().catch(showError));
  const watchUnfinished = () => {
    for (const image of Object.values(set.images)) {
      if (image && isUnfinished(image)) watch(image.id, onImageChanged, ended.signal);
    }
  };
  const onImageUploaded = ({ detail: image }) => {
    if (image.set?.id === id) reload().catch(showError);
  };
  const onRemoved = ({ detail }) => list.hide(detail);
  uploads.addEventListener("image", onImageUploaded);
  uploads.addEventListener("removed", onRemoved);
  onRestored(() => reload().catch(showError), ended.signal);
  show();
  watchUnfinished();

  const edit = () => {
    const shown = set;
    const dialog = openDialog({
      title: words.edit,
      className: "small",
      body: setForm(shown, texts.save, async (wanted) => {
        const changes = changesOf(shown, wanted);
        if (changes) set = await call("PATCH", `/api/imagesets/${id}`, { body: changes });
        dialog.close();
        show();
      }),
    });
  };
  const remove = async () => {
    if (!await confirm(words.confirmDelete, words.delete)) return;
    try {
      await call("DELETE", `/api/imagesets/${id}`);
      notice(words.deleted);
      location.hash = "#/sets";
    } catch (error) {
      showError(error);
    }
  };
  return {
    title: set.title ?? texts.untitled,
    list,
    element: h("div", null,
      h("header", { class: "view-header one-line" }, h("a", { class: "icon-button", href: "#/sets", "aria-label": words.title }, icon("back")),
        heading, h("span", { class: "space" }),
        h("button", { type: "button", class: "button", onclick: edit }, texts.edit),
        iconButton("trash", words.delete, remove)),
      about, slots),
    dispose: () => {
      ended.abort();
      uploads.removeEventListener("image", onImageUploaded);
      uploads.removeEventListener("removed", onRemoved);
    },
  };
}
