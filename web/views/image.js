// The large view of one picture, with its details and actions.

import { userNames } from "../admin/table.js";
import { call } from "../api.js";
import { form } from "../dialog.js";
import { field, fill, h, icon, iconButton, isTyping } from "../dom.js";
import { chooseFiles } from "../files.js";
import { bytes, time } from "../format.js";
import { bestThumbnail, picture, placeholder } from "../grid.js";
import { deleteImage, watchImage } from "../images.js";
import { showError, notice } from "../notice.js";
import { mayUseAi, state } from "../state.js";
import { texts } from "../texts.js";
import { uploads } from "../uploads.js";
import { isUnfinished, watch } from "../watcher.js";

const words = texts.image;
/** The minimum length of a swipe in CSS pixels. */
const MIN_SWIPE = 50;
/** Choices for the lifetime of a link, in seconds. */
const LIFETIMES = [300, 3600, 4 * 3600, 30_000];

/**
 * Opens a picture above its list.
 * @param {{id: string, list: import("../paged-list.js").PagedList, admin?: boolean, onclose: () => void,
 *   go: (id: string) => void}} options
 */
export function openImage({ id, list, admin = false, onclose, go }) {
  const base = admin ? "/api/admin/images" : "/api/images";
  const ended = new AbortController();
  const stage = h("div", { class: "stage" });
  const panel = h("div", { class: "panel" });
  const dialog = h("dialog", { class: "lightbox", "aria-label": words.label },
    iconButton("back", words.back, () => dialog.close(), { class: "icon-button lightbox-close", autofocus: true }), stage, panel);
  // Null until it is loaded, if the list does not contain it.
  let image = /** @type {Api.Image} */ (list.at(list.indexOf(id)));

  const neighbourAt = (step) => {
    const index = list.indexOf(id);
    return index < 0 ? null : list.at(index + step);
  };
  const showNeighbour = (step) => {
    const other = neighbourAt(step);
    if (other) go(other.id);
  };
  const parts = new Map(["header", "state", "words", "answer", "questions", "links", "expiring", "facts"].map((name) =>
    [name, { element: h("div", { class: "part" }), signature: "" }]));
  fill(panel, [...parts.values()].map(({ element }) => element));
  // A part is replaced only if its content changed, so that focus and typed text are kept.
  const updatePart = (name, signature, make) => {
    const part = parts.get(name);
    if (!part) throw new Error(`the panel has no part ${name}`);
    const json = JSON.stringify(signature);
    if (part.signature !== json) fill(part.element, make());
    part.signature = json;
  };
  const updateState = () => updatePart("state", [image.status, image.failure, uploads.isSending(id)], () =>
    statusSection(image, admin ? null : { uploadAgain: () => replace(image, onImageChanged), discard: remove }));
  const show = () => {
    showPicture(stage, image, showNeighbour, neighbourAt);
    updatePart("header", image.title ?? image.file_name, () => panelHeader(image, remove));
    updateState();
    updatePart("words", null, () => textForm(image, base, onImageChanged));
    updatePart("links", [image.thumbnails, image.original_url], () => linksSection(image, admin));
    updatePart("facts", image, () => facts(image));
    if (admin || image.status !== "ready") return;
    updatePart("answer", image.analysis, () => analysisSection(image));
    updatePart("questions", null, () => aiForms(image, onAnalysisStarted));
    updatePart("expiring", null, () => expiringLink(image));
    parts.get("questions")?.element.classList.toggle("under-way", image.analysis?.status === "queued");
  };
  const onImageChanged = (value) => {
    if (value === null) return dialog.close();
    image = value;
    list.update(image);
    show();
  };
  const watchUnfinished = () => {
    if (!admin && isUnfinished(image)) watch(id, onImageChanged, ended.signal);
  };
  /** Called when an analysis has started. The response's image has no URLs, so only its analysis is used. */
  const onAnalysisStarted = (analysis) => {
    onImageChanged({ ...image, analysis });
    watchUnfinished();
  };
  const remove = () => {
    const next = neighbourAt(1) ?? neighbourAt(-1);
    deleteImage(image, list, base);
    if (next) go(next.id);
    else dialog.close();
  };

  const onImageUploaded = ({ detail }) => {
    if (detail.id === id) onImageChanged(detail);
  };
  // A failed or cancelled upload changes its own state, but not the image.
  const onUploadsChange = () => {
    if (image) updateState();
  };
  uploads.addEventListener("image", onImageUploaded);
  uploads.addEventListener("change", onUploadsChange);

  dialog.addEventListener("keydown", (event) => {
    if (isTyping(event, "input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") showNeighbour(-1);
    if (event.key === "ArrowRight") showNeighbour(1);
    if (event.key === "Delete") remove();
  });
  /** @type {Touch | null} */
  let touched = null;
  stage.addEventListener("touchstart", ({ touches }) => {
    touched = touches.length === 1 ? touches[0] : null;
  }, { passive: true });
  stage.addEventListener("touchend", ({ changedTouches: [end] }) => {
    const [across, down] = touched ? [end.clientX - touched.clientX, end.clientY - touched.clientY] : [0, 0];
    if (Math.abs(across) > MIN_SWIPE && Math.abs(across) > 2 * Math.abs(down)) showNeighbour(across > 0 ? -1 : 1);
  });
  dialog.addEventListener("close", () => {
    ended.abort();
    uploads.removeEventListener("image", onImageUploaded);
    uploads.removeEventListener("change", onUploadsChange);
    dialog.remove();
    onclose();
  });
  document.body.append(dialog);
  dialog.showModal();
  if (image) show();
  // The copy in the list may be outdated, and its URLs may have expired.
  call("GET", `${base}/${id}`, { signal: ended.signal }).then((value) => {
    onImageChanged(value);
    watchUnfinished();
  }, (error) => {
    if (error.name === "AbortError") return;
    showError(error);
    if (!image) dialog.close();
  });
  return dialog;
}

/** @param {HTMLElement} stage @param {Api.Image} image */
function showPicture(stage, image, showNeighbour, neighbourAt) {
  const thumbnail = bestThumbnail(image, Math.max(stage.clientWidth, stage.clientHeight, 600));
  const shown = stage.querySelector("img");
  const kept = /** @type {HTMLElement | null | undefined} */ (shown?.closest(".frame"));
  // The same URL is the same picture. Replacing its element would make it flicker.
  const frame = kept && shown?.src === thumbnail?.url ? kept : h("div", { class: "frame" },
    placeholder(image),
    thumbnail ? picture(image, thumbnail, words.alt(image))
      : h("div", { class: "no-picture" }, icon(image.status === "failed" ? "alert" : "aperture"), h("p", null, texts.photos.status[image.status])));
  if (thumbnail) {
    frame.style.aspectRatio = `${thumbnail.width} / ${thumbnail.height}`;
    frame.style.setProperty("--ratio", String(thumbnail.width / thumbnail.height));
  }
  fill(stage, frame,
    neighbourAt(-1) && iconButton("back", words.previous, () => showNeighbour(-1), { class: "icon-button turn before" }),
    neighbourAt(1) && iconButton("forward", words.next, () => showNeighbour(1), { class: "icon-button turn after" }));
}

/** @param {Api.Image} image */
function panelHeader(image, remove) {
  return h("header", { class: "panel-header" }, h("h1", { tabindex: "-1" }, image.title ?? image.file_name),
    iconButton("trash", words.delete, remove));
}

/** Shows why a picture is not ready. `owner` holds the owner's actions, or is null for admins. @param {Api.Image} image */
function statusSection(image, owner) {
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

function textForm(image, base, onImageChanged) {
  const input = (name, tag = "input", more = {}) =>
    field(words.fields[name], h(tag, { name, value: image[name] ?? "", ...more }));
  return h("details", { class: "section" }, h("summary", null, words.details),
    form({
      fields: [
        input("title", "input", { maxlength: "200" }),
        input("description", "textarea", { maxlength: "5000", rows: "3" }),
        input("file_name", "input", { maxlength: "255", required: true }),
      ],
      button: texts.save,
      submit: async ({ title, description, file_name }) => {
        const body = { file_name, title: title.trim() || null, description: description.trim() || null };
        onImageChanged(await call("PATCH", `${base}/${image.id}`, { body }));
        notice(texts.saved);
      },
    }),
    base === "/api/images" && h("button", { type: "button", class: "button", onclick: () => replace(image, onImageChanged) }, words.replace));
}

/**
 * Uploads another file as a new version of an image. An incomplete upload is replaced in the same way, because the
 * file may have another size than the image was created with.
 */
async function replace(image, onImageChanged) {
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

/** Shows the AI's description, its failure, or that it is at work. @param {Api.Image} image */
function analysisSection({ analysis }) {
  if (!state.profile?.features.ai) return null;
  return h("section", { class: "section" }, h("h2", null, words.ai),
    !state.tier?.ai && h("p", { class: "quiet" }, words.aiNotInTier),
    analysis?.status === "queued" && h("p", { role: "status" }, h("span", { class: "spinner" }), " ", words.asking),
    analysis?.status === "failed" && analysis.failure && h("p", { class: "callout error" }, texts.failure(analysis.failure)),
    analysis?.status === "done" && [
      h("p", { class: "analysis" }, analysis.description),
      analysis.answer && h("p", null, h("strong", null, `${words.answer}: `), analysis.answer),
      h("ul", { class: "tags", "aria-label": words.tags }, analysis.tags.map((tag) => h("li", { class: "chip" }, tag))),
      h("p", { class: "quiet" }, words.by(analysis.model)),
    ]);
}

function aiForms(image, onAnalysisStarted) {
  if (!mayUseAi()) return null;
  return [
    form({
      className: "describe",
      kind: "",
      fields: [field(words.question, h("input", { name: "prompt", maxlength: "2000" }))],
      button: words.describe,
      submit: async ({ prompt }) => {
        const body = prompt.trim() ? { prompt: prompt.trim() } : {};
        onAnalysisStarted((await call("POST", `/api/images/${image.id}/analysis`, { body })).image.analysis);
      },
    }),
    form({
      kind: "",
      fields: [field(words.editPrompt, h("input", { name: "prompt", maxlength: "2000", required: true }))],
      button: words.makeEdit,
      submit: async ({ prompt }, element, key) => {
        const made = await call("POST", `/api/images/${image.id}/edits`, { body: { prompt }, key });
        watchImage(made.image.id);
        element.reset();
        notice(words.editStarted, { actions: [h("a", { class: "text-button", href: `#/images/${made.image.id}` }, words.openEdit)] });
      },
    }),
  ];
}

/** @param {Api.Image} image */
function linksSection(image, admin) {
  if (image.thumbnails.length === 0) return null;
  const row = (label, url, what) => h("li", { class: "link-row" }, h("span", null, label),
    h("a", { class: "text-button", href: url, target: "_blank", rel: "noopener" }, words.open),
    iconButton("copy", words.copy(what), () => copy(url)));
  return h("section", { class: "section" }, h("h2", null, words.links),
    h("ul", { class: "links" },
      image.thumbnails.map(({ size, width, height, url }) => row(words.thumbnail(size, width, height), url, `${size} px`)),
      image.original_url && row(words.original, image.original_url, words.original)),
    h("p", { class: "quiet" }, words.signed, " ", !image.original_url && !admin && words.noOriginal));
}

function expiringLink(image) {
  if (!state.tier?.expiring_links) return h("p", { class: "quiet" }, words.noExpiring);
  const made = h("div", { role: "status" });
  const select = h("select", { name: "expires_in" }, LIFETIMES.map((seconds) =>
    h("option", { value: seconds, selected: seconds === 3600 }, words.expiresAfter(seconds))));
  return [h("h3", null, words.expiring), h("p", { class: "quiet" }, words.expiringHint),
    form({
      kind: "",
      fields: [field(words.expiresIn, select)],
      button: words.makeLink,
      submit: async ({ expires_in }) => {
        const body = { expires_in: Number(expires_in) };
        const { url, expires_at } = await call("POST", `/api/images/${image.id}/links`, { body });
        const link = h("input", { readonly: true, value: url, "aria-label": words.expiring });
        fill(made, h("div", { class: "link-made" }, link, iconButton("copy", words.copy(words.original), () => copy(url, link))),
          h("p", { class: "quiet" }, words.expiresAt(time(expires_at))));
      },
    }), made];
}

async function copy(url, input) {
  try {
    await navigator.clipboard.writeText(url);
    notice(words.copied);
  } catch {
    input?.select();
    notice(words.copyFailed, { kind: "error" });
  }
}

/** @param {Api.Image} image */
function dropboxCopy({ dropbox_url: url, dropbox }) {
  if (url) return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words.openDropbox);
  if (dropbox?.failure) return texts.failure(dropbox.failure);
  return dropbox?.status === "done" ? words.dropboxDone : words.dropboxQueued;
}

/** @param {Api.Image} image */
function facts(image) {
  const rows = [
    [words.fields.file_name, image.file_name],
    image.width && [words.dimensions, words.dimensionsOf(image.width, image.height)],
    [words.size, bytes(image.size)],
    [words.type, image.content_type],
    [words.uploaded, time(image.uploaded_at ?? image.created_at)],
    image.version > 1 && [words.version, String(image.version)],
    image.description && [words.fields.description, image.description],
    image.phone_number && [words.phone, h("a", { href: `#/phone/${encodeURIComponent(image.phone_number)}` }, image.phone_number)],
    image.upload_link && [words.sentBy, words.guest],
    // Admins have no view of a single set.
    image.set && !image.user_id && [words.set, h("a", { href: `#/sets/${image.set.id}` }, words.openSet)],
    image.source_image_id && [words.source, h("a", { href: `#/images/${image.source_image_id}` }, words.openSource)],
    image.edit_image_id && [words.editOf, h("a", { href: `#/images/${image.edit_image_id}` }, words.openEdit)],
    image.edit_prompt && [words.prompt, image.edit_prompt],
    image.dropbox && [words.dropbox, dropboxCopy(image)],
    image.user_id && [words.owner, userNames()(image.user_id)],
  ];
  return h("dl", { class: "facts" }, rows.filter(Array.isArray).map(([label, value]) => [h("dt", null, label), h("dd", null, value)]));
}
