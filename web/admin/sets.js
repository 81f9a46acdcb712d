// The admins' view of image sets.

import { call, query } from "../api.js";
import { confirm, form, openDialog } from "../dialog.js";
import { field, h, iconButton } from "../dom.js";
import { time } from "../format.js";
import { bestThumbnail, picture, placeholder } from "../grid.js";
import { notice, showError } from "../notice.js";
import { setForm, SLOTS } from "../set-form.js";
import { texts } from "../texts.js";
import { pages, userNames } from "./table.js";

const words = texts.admin;

/** Creates the view. @param {{username?: string, search?: string}} parameters */
export async function sets({ username, search }) {
  const userName = userNames();
  const cards = h("ul", { class: "cards", "aria-label": words.setsList });
  const below = await pages({
    load: (cursor) => call("GET", `/api/admin/imagesets${query({ limit: 24, username, search, cursor })}`),
    rows: ({ imagesets }) => imagesets.map((set) => setCard(set, userName)),
    place: cards,
    none: words.noSets,
  });
  const input = (label, name, value) => field(label, h("input", { name, type: "search", maxlength: "200", value: value ?? "" }));
  const searchForm = form({
    className: "inline search",
    fields: [input(words.setSearch, "search", search), input(words.owner, "username", username)],
    button: words.search,
    submit: async (values) => {
      location.hash = `#/admin/sets${query({ search: values.search.trim(), username: values.username.trim() })}`;
    },
    actions: [h("a", { class: "button", href: "#/admin/sets" }, words.reset)],
  });
  return { parts: [searchForm, cards, below] };
}

/** @param {Api.OwnedSet} set @param {ReturnType<typeof userNames>} userName */
function setCard(set, userName) {
  const title = set.title ?? texts.untitled;
  const images = SLOTS.map((slot) => set.images[slot]);
  const path = `/api/admin/imagesets/${encodeURIComponent(set.id)}`;
  const edit = () => {
    const dialog = openDialog({
      title: texts.sets.edit,
      className: "small",
      body: setForm(set, texts.save, async (body) => {
        const saved = await call("PATCH", path, { body });
        dialog.close();
        const next = setCard({ ...set, ...saved }, userName);
        element.replaceWith(next);
        next.querySelector("button")?.focus();
        notice(words.setSaved);
      }),
    });
  };
  const remove = async () => {
    if (!await confirm(words.confirmDeleteSet(title), texts.sets.delete)) return;
    try {
      await call("DELETE", path);
      element.remove();
      notice(words.setDeleted);
    } catch (error) {
      showError(error);
    }
  };
  const element = h("li", { class: "card set-card admin-set" },
    h("div", { class: "strip" }, images.map((image) => image
      ? h("a", { class: "strip-slot", href: `#/admin/images/${image.id}`, "aria-label": words.openPicture(image.title ?? image.file_name) }, placeholder(image), thumbnail(image))
      : h("span", { class: "strip-slot" }))),
    h("strong", null, title),
    set.description !== null && h("p", null, set.description),
    h("p", { class: "quiet" }, words.by, " ", userName(set.user_id), " · ", time(set.created_at), " · ", texts.sets.full(images.filter(Boolean).length)),
    h("div", { class: "actions" },
      h("button", { type: "button", class: "button", "aria-label": words.editSet(title), onclick: edit }, texts.edit),
      iconButton("trash", words.deleteSet(title), remove)));
  return element;
}

function thumbnail(image) {
  const best = bestThumbnail(image, 200);
  return best && picture(image, best, "");
}
