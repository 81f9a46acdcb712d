// What the large view says about a picture, and the forms that change it.

import { userNames } from "../admin/names.js";
import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { form } from "../dialog.js";
import { field, h, iconButton } from "../dom.js";
import { exifRows } from "../exif.js";
import { chooseFiles } from "../files.js";
import { bytes, time } from "../format.js";
import { notice } from "../notice.js";
import { texts } from "../texts.js";
import { uploads } from "../uploads.js";

const words = texts.image;

/** @param {Api.Image} image @param {HTMLElement} info the button that shows the panel @param {() => void} remove */
export function panelHeader(image, info, remove) {
  return h("header", { class: "panel-header" }, h("h1", { tabindex: "-1" }, image.title ?? image.file_name),
    info, iconButton("trash", words.delete, remove));
}

/**
 * Shows why a picture is not ready. `owner` holds the owner's actions, or is null for admins.
 * @param {Api.Image} image
 * @param {{uploadAgain: () => void, discard: () => void} | null} owner
 */
export function statusSection(image, owner) {
  if (image.status === "failed" && image.failure) {
    return h("div", { class: "callout error", role: "alert" }, h("p", null, texts.failure(image.failure)));
  }
  if (image.status === "processing") return h("p", { class: "callout" }, h("span", { class: "spinner" }), " ", words.processing);
  if (image.status !== "pending" || uploads.isSending(image.id)) return null;
  const isReplacement = image.thumbnails.length > 0;
  if (image.source_image_id && !isReplacement) return null;
  return h("div", { class: "callout" }, h("p", null, isReplacement ? words.pendingReplacement : words.pending),
    owner && h("div", { class: "actions" },
      h("button", { type: "button", class: "button", onclick: owner.uploadAgain }, words.uploadAgain),
      !isReplacement && h("button", { type: "button", class: "button", onclick: owner.discard }, words.discard)));
}

/**
 * @param {Api.Image} image
 * @param {string} base
 * @param {(image: Api.Image) => void} onImageChanged
 * @param {() => void} replaceFile
 */
export function textForm(image, base, onImageChanged, replaceFile) {
  const input = (name, tag = "input", more = {}) =>
    field(words.fields[name], h(tag, { name, value: image[name] ?? "", ...more }));
  /** What the fields contained when they were made or last saved. */
  let shown = image;
  return h("details", { class: "section" }, h("summary", null, words.details),
    form({
      fields: [
        input("title", "input", { maxlength: "200" }),
        input("description", "textarea", { maxlength: "5000", rows: "3" }),
        input("file_name", "input", { maxlength: "255", required: true }),
      ],
      button: texts.save,
      submit: async ({ title, description, file_name }) => {
        const wanted = { file_name, title: title.trim() || null, description: description.trim() || null };
        const changes = changesOf(shown, wanted);
        if (changes) onImageChanged(await call("PATCH", `${base}/${image.id}`, { body: changes }));
        shown = { ...shown, ...changes };
        notice(texts.saved);
      },
    }),
    base === "/api/images" &&
      h("button", { type: "button", class: "button", onclick: replaceFile }, words.replace));
}

/**
 * Uploads another file as a new version of an image. An incomplete upload is replaced in the same way, because the
 * file may have another size than the image was created with.
 * @param {Api.Image} image
 * @param {(image: Api.Image) => void} onImageChanged
 */
export async function replace(image, onImageChanged) {
  const [file] = await chooseFiles({ multiple: false });
  if (!file) return;
  const isFirst = image.thumbnails.length === 0;
  uploads.add([file], async ({ file_name, content_type, size }, key) => {
    const body = { replace: { content_type, size }, ...(isFirst && { file_name }) };
    const answer = await call("PATCH", `/api/images/${image.id}`, { body, key });
    onImageChanged(answer.image);
    return answer;
  }, { isReplacement: true });
  if (!isFirst) notice(words.replacing);
}

/** @param {Api.Image} image */
function dropboxCopy({ dropbox_url: url, dropbox }) {
  if (url) return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words.openDropbox);
  if (dropbox?.failure) return texts.failure(dropbox.failure);
  return dropbox?.status === "done" ? words.dropboxDone : words.dropboxQueued;
}

/** @param {Api.Image} image */
export function facts(image) {
  const own = (name) => `#/${image.user_id ? "admin/" : ""}${name}`;
  const rows = [
    image.description && [words.fields.description, image.description],
    [words.fields.file_name, image.file_name],
    image.width && [words.dimensions, words.dimensionsOf(image.width, image.height)],
    [words.size, bytes(image.size)],
    [words.type, image.content_type],
    ...exifRows(image.exif),
    [words.uploaded, time(image.uploaded_at ?? image.created_at)],
    image.version > 1 && [words.version, String(image.version)],
    image.phone_number && [words.phone, phoneLink(image)],
    image.trash && [words.trashedUntil, time(image.trash.deleted_at)],
    image.upload_link && [words.sentBy, words.guest],
    // Admins have no view of a single set.
    image.set && !image.user_id && [words.set, h("a", { href: `#/sets/${image.set.id}` }, words.openSet)],
    image.source_image_id && [words.source, h("a", { href: own(`images/${image.source_image_id}`) }, words.openSource)],
    image.edit_image_id && [words.editOf, h("a", { href: own(`images/${image.edit_image_id}`) }, words.openEdit)],
    image.edit_prompt && [words.prompt, image.edit_prompt],
    image.dropbox && [words.dropbox, dropboxCopy(image)],
    image.user_id && [words.owner, h("a", { href: `#/admin/users/${image.user_id}` }, userNames()(image.user_id))],
  ];
  return h("dl", { class: "facts" },
    rows.filter(Array.isArray).map(([label, value]) => [h("dt", null, label), h("dd", null, value)]));
}

/** @param {Api.Image} image */
function phoneLink({ phone_number: number, user_id }) {
  const query = `?phone_number=${encodeURIComponent(number ?? "")}`;
  const href = user_id ? `#/admin/images${query}` : `#/phone/${encodeURIComponent(number ?? "")}`;
  return h("a", { href }, number);
}
