// The admins' view of image sets.

import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { confirm, form, openDialog } from "../dialog.js";
import { field, h } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { notice } from "../notice.js";
import { PagedList } from "../paged-list.js";
import { picture, placeholder } from "../picture.js";
import { query } from "../query.js";
import { setForm, SLOTS } from "../set-form.js";
import { bestThumbnail } from "../sizes.js";
import { texts } from "../texts.js";
import { squares } from "../tiles.js";
import { userNames } from "./names.js";
import { DataTable, forEachRow } from "./table.js";

const words = laterTexts.admin;
/** The size of a picture in a row in CSS pixels. */
const ROW_PICTURE = 48;
const PAGE_SIZE = 50;
const path = ({ id }) => `/api/admin/imagesets/${encodeURIComponent(id)}`;
const titleOf = (set) => set.title ?? texts.untitled;
const countOf = (set) => SLOTS.filter((slot) => set.images[slot]).length;

/**
 * Creates the table, and a list with the pictures in it.
 * @param {{username?: string, search?: string}} filters
 * @param {{hasUser?: boolean}} [options]
 */
export async function setTable(filters, { hasUser = true } = {}) {
  const userName = userNames();
  const list = new PagedList(async () => ({ images: [], next_cursor: null }));
  const table = new DataTable({
    label: words.setsList,
    none: hasUser ? words.noSets : words.noSetsOfUser,
    load: async (cursor) => {
      const parameters = { ...filters, limit: PAGE_SIZE, cursor, ...squares(ROW_PICTURE) };
      const { imagesets, next_cursor } = await call("GET", `/api/admin/imagesets${query(parameters)}`);
      return { rows: imagesets, next_cursor };
    },
    onRows: (sets) => {
      for (const set of sets) SLOTS.map((slot) => set.images[slot]).filter(Boolean).forEach((image) => list.put(image));
    },
    columns: columns(userName, (set) => edit(set, table)).filter(({ label }) => hasUser || label !== words.user),
    actions: [{ name: texts.sets.delete, icon: "trash", kind: "danger", run: (sets) => remove(sets, table) }],
  });
  await table.start();
  return { table, list };
}

/**
 * @param {(id: string) => HTMLElement} userName
 * @param {(set: Api.OwnedSet) => void} edit
 * @returns {import("./table.js").Column<Api.OwnedSet>[]}
 */
function columns(userName, edit) {
  return [
    { label: words.pictures, cell: strip },
    { label: texts.sets.name, isHeading: true, kind: "wrap", sort: titleOf, cell: titleOf },
    { label: texts.sets.description, kind: "wrap", sort: ({ description }) => description, cell: ({ description }) => description },
    { label: words.user, kind: "wrap", cell: ({ user_id }) => h("a", { href: `#/admin/users/${user_id}` }, userName(user_id)) },
    { label: words.filled, sort: countOf, cell: (set) => texts.sets.full(countOf(set)) },
    { label: words.created, sort: ({ created_at }) => created_at, cell: ({ created_at }) => time(created_at) },
    { label: words.actions, cell: (set) =>
      h("button", { type: "button", class: "button", "aria-label": words.editSet(titleOf(set)), onclick: () => edit(set) }, texts.edit) },
  ];
}

/** @param {Api.OwnedSet} set */
function strip(set) {
  return h("span", { class: "row-pictures" }, SLOTS.map((slot) => set.images[slot]).map((image) => (image
    ? h("a", { class: "row-picture", href: `#/admin/images/${image.id}`, "aria-label": words.openPicture(image.title ?? image.file_name) },
      placeholder(image), thumbnail(image))
    : h("span", { class: "row-picture" }))));
}

function thumbnail(image) {
  const best = bestThumbnail(image, ROW_PICTURE);
  return best && picture(image, best, "");
}

/** @param {Api.OwnedSet} set @param {DataTable<Api.OwnedSet>} table */
function edit(set, table) {
  const dialog = openDialog({
    title: texts.sets.edit,
    className: "small",
    body: setForm(set, texts.save, async (wanted) => {
      const changes = changesOf(set, wanted);
      const saved = changes && await call("PATCH", path(set), { body: changes });
      dialog.close();
      table.put({ ...set, ...saved });
      notice(words.setSaved);
    }),
  });
}

/** @param {Api.OwnedSet[]} sets @param {DataTable<Api.OwnedSet>} table */
async function remove(sets, table) {
  const question = sets.length === 1 ? words.confirmDeleteSet(titleOf(sets[0])) : words.confirmDeleteSets(sets.length);
  if (!await confirm(question, texts.sets.delete)) return;
  await forEachRow(sets, async (set) => {
    await call("DELETE", path(set));
    table.remove(set.id);
  });
  notice(sets.length === 1 ? words.setDeleted : words.setsDeleted(sets.length));
}

/** Creates the view. @param {{username?: string, search?: string}} parameters */
export async function sets({ username, search }) {
  const { table, list } = await setTable({ username, search });
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
  return { parts: [searchForm, table.element], list };
}
