// The admins' view of pictures.

import { ADMIN_PICTURES, pictureAddress } from "../addresses.js";
import { call } from "../api.js";
import { form } from "../dialog.js";
import { field, h } from "../dom.js";
import { bytes, time } from "../format.js";
import { deleteAsAdmin } from "../images.js";
import { laterTexts } from "../later-texts.js";
import { PagedList } from "../paged-list.js";
import { picture, placeholder } from "../picture.js";
import { query } from "../query.js";
import { bestThumbnail } from "../sizes.js";
import { texts } from "../texts.js";
import { squares } from "../tiles.js";
import { userNames } from "./names.js";
import { DataTable } from "./table.js";

const words = laterTexts.admin;
/** The size of a picture in a row in CSS pixels. */
const ROW_PICTURE = 48;
const PAGE_SIZE = 50;

/**
 * Creates the table, and the list that the large view needs.
 * @param {Record<string, string | undefined>} filters those of the API
 * @param {{listName: Record<string, string>, hasUser?: boolean}} options `listName`: the parameters that name the list
 * in the addresses of its pictures
 */
export async function imageTable(filters, { listName, hasUser = true }) {
  const userName = userNames();
  const list = new PagedList(async () => ({ images: [], next_cursor: null }));
  let isAdding = false;
  const fields = squares(ROW_PICTURE, ["phone_number", "size", "content_type", "trash"]);
  const table = new DataTable({
    label: words.tabs.images,
    none: !hasUser ? words.noImagesOfUser : Object.values(filters).some(Boolean) ? words.noImages : words.noImagesYet,
    load: async (cursor) => {
      const { images, next_cursor } = await call("GET", `/api/admin/images${query({ ...filters, limit: PAGE_SIZE, cursor, ...fields })}`);
      return { rows: images, next_cursor };
    },
    onRows: (images) => {
      isAdding = true;
      for (const image of images) list.put(image);
      isAdding = false;
    },
    columns: columns(userName, listName).filter(({ label }) => hasUser || label !== words.user),
    actions: [{ name: texts.image.delete, icon: "trash", kind: "danger", run: (images) => deleteAsAdmin(images, list) }],
  });
  // The large view changes and deletes pictures, and Undo brings them back.
  list.addEventListener("change", () => !isAdding && table.set(list.items()));
  await table.start();
  return { table, list };
}

/**
 * @param {(id: string) => HTMLElement} userName
 * @param {Record<string, string>} listName
 * @returns {import("./table.js").Column<Api.Image>[]}
 */
function columns(userName, listName) {
  return [
    { label: words.picture, cell: rowPicture },
    { label: words.fileName, isHeading: true, kind: "wrap", sort: ({ file_name }) => file_name,
      cell: (image) => h("a", { href: pictureAddress(image.id, listName, ADMIN_PICTURES) }, image.file_name) },
    { label: words.user, kind: "wrap", cell: ({ user_id }) => user_id && h("a", { href: `#/admin/users/${user_id}` }, userName(user_id)) },
    { label: words.status, sort: statusOf, cell: (image) => h("span", { class: `status ${image.status}` }, statusOf(image)) },
    { label: texts.image.size, kind: "number", sort: ({ size }) => size, cell: ({ size }) => bytes(size) },
    { label: texts.image.type, sort: ({ content_type }) => content_type, cell: ({ content_type }) => content_type },
    { label: texts.image.phone, sort: ({ phone_number }) => phone_number, cell: ({ phone_number }) => phone_number },
    { label: texts.image.uploaded, sort: ({ created_at }) => created_at, cell: ({ created_at }) => time(created_at) },
  ];
}

/** @param {Api.Image} image */
const statusOf = (image) => (image.trash ? words.inTrash : texts.photos.status[image.status]);

/** @param {Api.Image} image */
function rowPicture(image) {
  const best = bestThumbnail(image, ROW_PICTURE);
  return h("span", { class: "row-picture" }, placeholder(image), best && picture(image, best, ""));
}

/** Creates the view. @param {Record<string, string>} search */
export async function images(search) {
  const { username, file_name, phone_number, from, to, status } = search;
  const { table, list } = await imageTable({
    username, file_name, phone_number, status,
    uploaded_after: from && new Date(`${from}T00:00`).toISOString(),
    uploaded_before: to && dayAfter(to),
  }, { listName: search });
  const input = (label, name, type, value) => field(label, h("input", { name, type, value: value ?? "" }));
  const states = h("select", { name: "status" }, h("option", { value: "" }, words.any),
    Object.entries(texts.photos.status).map(([value, label]) => h("option", { value, selected: value === status }, label)));
  const element = form({
    className: "inline search",
    fields: [
      input(words.owner, "username", "search", username),
      input(words.fileNameContains, "file_name", "search", file_name),
      input(words.phone, "phone_number", "tel", phone_number),
      input(words.after, "from", "date", from),
      input(words.before, "to", "date", to),
      field(words.status, states),
    ],
    button: words.search,
    submit: async (values) => {
      if (values.from && values.to && values.from > values.to) throw Object.assign(new Error(words.wrongRange), { field: "to" });
      location.hash = `#/admin/images${query(values)}`;
    },
    actions: [h("a", { class: "button", href: "#/admin/images" }, words.reset)],
  });
  return { parts: [element, table.element], list };
}

/** Returns the start of the next day in the user's time zone, so that the search includes the whole day. */
function dayAfter(day) {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + 1);
  return date.toISOString();
}
