// The large view of one picture, with its details and actions.

import { call } from "../api.js";
import { confirmDiscard } from "../dialog.js";
import { fill, h, isTyping } from "../dom.js";
import { downloadImage } from "../downloads.js";
import { aiForms, analysisSection } from "../image/ai.js";
import { facts, panelHeader, replace, statusSection, textForm } from "../image/panel.js";
import { sizesSection } from "../image/sizes-section.js";
import { Stage } from "../image/stage.js";
import { deleteAsAdmin, deleteImage } from "../images.js";
import { attachRegion, showError } from "../notice.js";
import { shareSection } from "../share.js";
import { texts } from "../texts.js";
import { isWhole } from "../tiles.js";
import { uploads } from "../uploads.js";
import { isUnfinished, watch } from "../watcher.js";

const PARTS = ["header", "state", "words", "answer", "questions", "links", "share", "facts"];

/**
 * Opens a picture above its list. The result shows another picture, and closes the view.
 * @param {{id: string, list: import("../paged-list.js").PagedList, admin?: boolean, onclose: (id: string) => void,
 *   go: (id: string) => void}} options `go` changes the address to that of another picture
 */
export function openImage({ id: first, list, admin = false, onclose, go }) {
  const base = admin ? "/api/admin/images" : "/api/images";
  const closed = new AbortController();
  let id = first;
  /** Ends when another picture is shown. */
  let ended = new AbortController();
  /** Null until it is loaded, if the list does not contain it. The list's image has only what a tile shows. */
  let image = /** @type {Api.Image} */ (/** @type {unknown} */ (null));

  const neighbourAt = (step) => {
    const index = list.indexOf(id);
    return index < 0 ? null : list.at(index + step);
  };
  const showNeighbour = (step) => {
    const other = neighbourAt(step);
    if (other) leave(() => go(other.id));
  };
  /** Goes on if the user has typed nothing, or discards it. */
  const leave = async (goOn) => {
    if (await confirmDiscard(dialog)) goOn();
  };
  const stage = new Stage({
    isAdmin: admin,
    close: () => leave(() => dialog.close()),
    showNeighbour,
    onImage: (changed) => onImageChanged(changed),
    signal: closed.signal,
  });
  const parts = new Map(PARTS.map((name) => [name, { element: h("div", { class: "part" }), signature: "" }]));
  const panel = h("div", { class: "panel" }, [...parts.values()].map(({ element }) => element));
  // The focus stays in the dialog after a click on a text. Otherwise its keys would not work.
  const dialog = h("dialog", { class: "lightbox", tabindex: "-1", "aria-label": texts.image.label }, stage.element, panel);

  /** Focuses the dialog if the element that had the focus was removed. Otherwise its keys would not work. */
  const keepFocus = () => {
    if (document.activeElement === document.body) dialog.focus({ preventScroll: true });
  };
  // A part is replaced only if its content changed, so that focus and typed text are kept.
  const updatePart = (name, signature, make) => {
    const part = parts.get(name);
    if (!part) throw new Error(`the panel has no part ${name}`);
    const json = JSON.stringify([id, signature]);
    if (part.signature === json) return;
    part.signature = json;
    fill(part.element, make());
    keepFocus();
  };
  const updateState = () => updatePart("state", [image.status, image.failure, uploads.isSending(id)], () =>
    statusSection(image, admin ? null : { uploadAgain: replaceFile, discard: remove }));
  const showTurns = () => stage.showTurns(neighbourAt(-1) !== null, neighbourAt(1) !== null);
  const show = () => {
    stage.show(image);
    showTurns();
    updatePart("header", image.title ?? image.file_name, () => panelHeader(image, remove));
    updateState();
    if (!isWhole(image)) return;
    // An open form stays, and so does typed text.
    if (!parts.get("words")?.element.querySelector("details[open], form[data-typed]")) {
      updatePart("words", [image.file_name, image.title, image.description], () =>
        textForm(image, base, onImageChanged, replaceFile));
    }
    updatePart("links", [image.thumbnails, image.original_url, image.status], () =>
      sizesSection(image, { isAdmin: admin, onImage: onImageChanged }));
    updatePart("facts", image, () => facts(image));
    const isOwnAndReady = !admin && image.status === "ready";
    updatePart("answer", [isOwnAndReady, image.analysis], () => isOwnAndReady && analysisSection(image));
    updatePart("questions", isOwnAndReady, () => isOwnAndReady && aiForms(image, onAnalysisStarted));
    updatePart("share", isOwnAndReady, () => isOwnAndReady && shareSection(image));
    parts.get("questions")?.element.classList.toggle("under-way", image.analysis?.status === "queued");
  };
  const onImageChanged = (value) => {
    if (value === null) return dialog.close();
    if (value.id !== id) return;
    if (!isWhole(value)) return load();
    image = value;
    list.update(image);
    show();
  };
  /** Reads the image when the user presses the button: it may have changed since the button was made. */
  const replaceFile = () => replace(image, onImageChanged);
  // The copy in the list may be outdated, and its URLs may have expired.
  const load = () => {
    const wanted = id;
    const { signal } = ended;
    call("GET", `${base}/${id}`, { signal }).then((value) => {
      onImageChanged(value);
      watchUnfinished();
    }, (error) => {
      if (error.name === "AbortError") return;
      showError(error);
      if (!image && wanted === id) dialog.close();
      else if (error.transient) addEventListener("online", load, { once: true, signal });
    });
  };
  const watchUnfinished = () => {
    if (!admin && image && isUnfinished(image)) watch(id, onImageChanged, ended.signal);
  };
  /** Called when an analysis has started. The response's image has no URLs, so only its analysis is used. */
  const onAnalysisStarted = (analysis) => {
    onImageChanged({ ...image, analysis });
    watchUnfinished();
  };
  const remove = () => leave(async () => {
    const next = neighbourAt(1) ?? neighbourAt(-1);
    if (admin && !await deleteAsAdmin([image], list)) return;
    if (!admin) deleteImage(image, list);
    if (next) go(next.id);
    else dialog.close();
  });
  /** Shows another picture in this view. */
  const showOther = (other) => {
    ended.abort();
    ended = new AbortController();
    id = other;
    const known = list.at(list.indexOf(id));
    for (const [name, part] of parts) {
      if (name !== "header") fill(part.element);
      part.signature = "";
    }
    image = /** @type {Api.Image} */ (known);
    panel.scrollTop = 0;
    if (image) show();
    keepFocus();
    load();
  };

  const onImageUploaded = ({ detail }) => onImageChanged(detail);
  // A failed or cancelled upload changes its own state, but not the image.
  const onUploadsChange = () => {
    if (image) updateState();
  };
  uploads.addEventListener("image", onImageUploaded);
  uploads.addEventListener("change", onUploadsChange);
  list.addEventListener("change", showTurns);

  dialog.addEventListener("keydown", (event) => {
    if (isTyping(event, "input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      ArrowLeft: () => showNeighbour(-1),
      ArrowRight: () => showNeighbour(1),
      Delete: remove,
      f: () => stage.toggleFullScreen(),
      z: () => stage.zoom.toggle(),
      "+": () => stage.zoom.in(),
      "=": () => stage.zoom.in(),
      "-": () => stage.zoom.out(),
      0: () => stage.zoom.reset(),
      d: () => image && isWhole(image) && downloadImage(image).catch(showError),
    };
    actions[event.key]?.();
  });
  // The address of another picture replaces this one, as with the arrows. So closing the view leads to the list.
  dialog.addEventListener("click", (event) => {
    const links = "a[href^='#/images/'], a[href^='#/admin/images/']";
    const link = event.target instanceof Element ? event.target.closest(links) : null;
    if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    leave(() => location.replace(link.href));
  });
  // The Escape key.
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    leave(() => dialog.close());
  });
  dialog.addEventListener("close", (event) => {
    if (event.target !== dialog) return;
    closed.abort();
    ended.abort();
    uploads.removeEventListener("image", onImageUploaded);
    uploads.removeEventListener("change", onUploadsChange);
    list.removeEventListener("change", showTurns);
    dialog.remove();
    onclose(id);
  });
  document.body.append(dialog);
  dialog.showModal();
  attachRegion();
  showOther(first);
  return { show: showOther, close: () => dialog.close() };
}
