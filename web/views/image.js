// The large view of one picture, with its details and actions.

import { call } from "../api.js";
import { confirmDiscard } from "../dialog.js";
import { fill, h, iconButton, isTyping } from "../dom.js";
import { downloadImage } from "../downloads.js";
import { aiForms, analysisSection } from "../image/ai.js";
import { facts, panelHeader, replace, statusSection, textForm } from "../image/panel.js";
import { sizesSection } from "../image/sizes-section.js";
import { Stage } from "../image/stage.js";
import { deleteAsAdmin, deleteImage } from "../images.js";
import { attachRegion, showError } from "../notice.js";
import { shareSection } from "../share.js";
import { mayUseAi, onRulesChanged, renewProfile, state } from "../state.js";
import { texts } from "../texts.js";
import { isWhole } from "../tiles.js";
import { uploads } from "../uploads.js";
import { isUnfinished, watch } from "../watcher.js";

const PARTS = ["header", "state", "words", "facts", "links", "share", "answer", "questions"];

/** A picture above its list. */
export class LargeView {
  #closed = new AbortController();
  /** Ends when another picture is shown. */
  #ended = new AbortController();
  #id = "";
  /** Null until it is loaded, if the list does not contain it. The list's image has only what a tile shows. */
  #image = /** @type {Api.Image} */ (/** @type {unknown} */ (null));
  /** Resolves when the list contains the picture, or not. @type {Promise<void> | null} */
  #finding = null;
  /** The image whose texts the form shows. */
  #formOf = "";
  #parts = new Map(PARTS.map((name) => [name, { element: h("div", { class: "part" }), signature: "" }]));

  /**
   * Opens the view.
   * @param {{id: string, list: import("../paged-list.js").PagedList, admin?: boolean, onclose: (id: string) => void,
   *   go: (id: string) => void}} options `go` changes the address to that of another picture
   */
  constructor({ id, list, admin = false, onclose, go }) {
    this.list = list;
    this.isAdmin = admin;
    this.base = admin ? "/api/admin/images" : "/api/images";
    this.onclose = onclose;
    this.go = go;
    this.stage = new Stage({
      isAdmin: admin,
      close: () => this.#leave(() => this.close()),
      showNeighbour: (step) => this.#showNeighbour(step),
      onImage: this.#onImageChanged,
      signal: this.#closed.signal,
    });
    // On a narrow screen, the panel is below the picture.
    this.info = iconButton("info", texts.image.info, () => this.#togglePanel(), { class: "icon-button info", "aria-expanded": "false" });
    this.panel = h("div", { class: "panel" }, [...this.#parts.values()].map(({ element }) => element));
    // The focus stays in the dialog after a click on a text. Otherwise its keys would not work.
    this.dialog = h("dialog", { class: "lightbox", tabindex: "-1", "aria-label": texts.image.label }, this.stage.element, this.panel);
    this.#followChanges();
    this.#listenToUser();
    document.body.append(this.dialog);
    this.dialog.showModal();
    attachRegion();
    this.show(id);
  }

  /** Shows another picture in this view. @param {string} id */
  show(id) {
    this.#ended.abort();
    this.#ended = new AbortController();
    this.#finding = null;
    this.#id = id;
    for (const [name, part] of this.#parts) {
      if (name !== "header") fill(part.element);
      part.signature = "";
    }
    this.#image = /** @type {Api.Image} */ (this.list.at(this.list.indexOf(id)));
    this.dialog.scrollTop = this.panel.scrollTop = 0;
    if (this.#image) this.#draw();
    this.#keepFocus();
    this.#load();
    renewProfile();
  }

  close() {
    this.dialog.close();
  }

  /** Follows the uploads and the list until the view is closed. */
  #followChanges() {
    const { signal } = this.#closed;
    uploads.addEventListener("image", ({ detail }) => this.#onImageChanged(detail), { signal });
    // A failed or cancelled upload changes its own state, but not the image.
    uploads.addEventListener("change", () => this.#image && this.#updateState(), { signal });
    this.list.addEventListener("change", () => this.#showTurns(), { signal });
    // Another tier may also include the original of this picture.
    onRulesChanged(() => this.#load(), signal);
  }

  #listenToUser() {
    const { dialog } = this;
    dialog.addEventListener("keydown", (event) => this.#onKeyDown(event));
    dialog.addEventListener("click", (event) => this.#onClick(event));
    dialog.addEventListener("scroll", () => this.info.setAttribute("aria-expanded", String(this.#showsPanel)), { passive: true });
    // The Escape key.
    dialog.addEventListener("cancel", (event) => {
      if (event.target !== dialog) return;
      event.preventDefault();
      this.#leave(() => this.close());
    });
    dialog.addEventListener("close", (event) => {
      if (event.target !== dialog) return;
      this.#closed.abort();
      this.#ended.abort();
      dialog.remove();
      this.onclose(this.#id);
    });
  }

  /** @param {KeyboardEvent} event */
  #onKeyDown(event) {
    if (isTyping(event, "input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { zoom } = this.stage;
    const actions = {
      ArrowLeft: () => this.#showNeighbour(-1),
      ArrowRight: () => this.#showNeighbour(1),
      Delete: () => this.#remove(),
      f: () => this.stage.toggleFullScreen(),
      z: () => zoom.toggle(),
      "+": () => zoom.in(),
      "=": () => zoom.in(),
      "-": () => zoom.out(),
      0: () => zoom.reset(),
      d: () => this.#image && isWhole(this.#image) && downloadImage(this.#image).catch(showError),
    };
    actions[event.key]?.();
  }

  /**
   * The address of another picture replaces this one, as with the arrows. So closing the view leads to the list.
   * @param {MouseEvent} event
   */
  #onClick(event) {
    const links = "a[href^='#/images/'], a[href^='#/admin/images/']";
    const link = event.target instanceof Element ? event.target.closest(links) : null;
    if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#leave(() => location.replace(link.href));
  }

  /** Whether the user of a narrow screen has scrolled to the panel, at least half of the way. */
  get #showsPanel() {
    const { scrollTop, scrollHeight, clientHeight } = this.dialog;
    return scrollTop > Math.min(this.panel.offsetTop, scrollHeight - clientHeight) / 2;
  }

  /** Scrolls to the panel, or back to the picture. */
  #togglePanel() {
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
    this.dialog.scrollTo({ top: this.#showsPanel ? 0 : this.panel.offsetTop, behavior });
  }

  /** Goes on if the user has typed nothing, or discards it. @param {() => unknown} goOn */
  async #leave(goOn) {
    if (await confirmDiscard(this.dialog)) goOn();
  }

  /** @param {number} step */
  #neighbourAt(step) {
    const index = this.list.indexOf(this.#id);
    return index < 0 ? null : this.list.at(index + step);
  }

  /** @param {number} step */
  #showNeighbour(step) {
    const other = this.#neighbourAt(step);
    if (other) this.#leave(() => this.go(other.id));
  }

  #showTurns() {
    this.#loadNeighbours();
    this.stage.showTurns(this.#neighbourAt(-1) !== null, this.#neighbourAt(1) !== null);
  }

  /**
   * Has the list load the pictures before and after this one. After a reload of the page, the list knows only its first
   * pictures, and this one may be far away.
   */
  #loadNeighbours() {
    const { list } = this;
    const index = list.indexOf(this.#id);
    if (!list.started || list.failure) return;
    if (index >= 0) return list.ensureLoaded(Math.max(0, index - 1), index + 1);
    if (this.#image) this.#finding ??= list.loadTo(this.#image, this.#ended.signal).catch(() => {
      // The list shows its failure. When it goes on, it calls this method again.
    }).finally(() => {
      this.#finding = null;
    });
  }

  /** Focuses the dialog if the element that had the focus was removed. Otherwise its keys would not work. */
  #keepFocus() {
    if (document.activeElement === document.body) this.dialog.focus({ preventScroll: true });
  }

  /** The copy in the list may be outdated, and its URLs may have expired. */
  #load = () => {
    const wanted = this.#id;
    const { signal } = this.#ended;
    call("GET", `${this.base}/${wanted}`, { signal }).then((value) => {
      this.#onImageChanged(value);
      this.#watchUnfinished();
    }, (error) => {
      if (error.name === "AbortError") return;
      showError(error);
      if (!this.#image && wanted === this.#id) this.close();
      else if (error.transient) addEventListener("online", this.#load, { once: true, signal });
    });
  };

  #watchUnfinished() {
    if (this.isAdmin || !this.#image || !isUnfinished(this.#image)) return;
    watch(this.#id, this.#onImageChanged, this.#ended.signal);
  }

  /** @param {Api.Image | null} value null if the image is gone */
  #onImageChanged = (value) => {
    if (value === null) return this.close();
    if (value.id !== this.#id) return;
    if (!isWhole(value)) return this.#load();
    this.#image = value;
    this.list.update(value);
    this.#draw();
  };

  /** Called when an analysis has started. The response's image has no URLs, so only its analysis is used. */
  #onAnalysisStarted(analysis) {
    this.#onImageChanged({ ...this.#image, analysis });
    this.#watchUnfinished();
  }

  #draw() {
    const image = this.#image;
    const { isAdmin } = this;
    const { tier } = state;
    this.stage.show(image);
    this.#showTurns();
    this.#updatePart("header", image.title ?? image.file_name, () =>
      panelHeader(image, this.info, () => this.#remove()));
    this.#updateState();
    if (!isWhole(image)) return;
    // An open form of the same picture stays, and so does typed text.
    const isOpen = this.#parts.get("words")?.element.querySelector("details[open], form[data-typed]");
    if (!isOpen || this.#formOf !== image.id) {
      this.#formOf = image.id;
      this.#updatePart("words", [image.file_name, image.title, image.description], () =>
        textForm(image, this.base, this.#onImageChanged, () => this.#replaceFile()));
    }
    this.#updatePart("facts", image, () => facts(image));
    this.#updatePart("links", [image.thumbnails, image.original_url, image.status, tier?.thumbnail_sizes], () =>
      sizesSection(image, { isAdmin, onImage: this.#onImageChanged }));
    const isOwnAndReady = !isAdmin && image.status === "ready";
    this.#updatePart("answer", [isOwnAndReady, image.analysis, mayUseAi()], () => isOwnAndReady && analysisSection(image));
    this.#updatePart("questions", [isOwnAndReady, mayUseAi()], () =>
      isOwnAndReady && aiForms(image, (analysis) => this.#onAnalysisStarted(analysis)));
    this.#updatePart("share", [isOwnAndReady, tier?.expiring_links, tier?.renditions], () => isOwnAndReady && shareSection(image));
    this.#parts.get("questions")?.element.classList.toggle("under-way", image.analysis?.status === "queued");
  }

  #updateState() {
    const owner = { uploadAgain: () => this.#replaceFile(), discard: () => this.#remove() };
    this.#updatePart("state", [this.#image.status, this.#image.failure, uploads.isSending(this.#id)], () =>
      statusSection(this.#image, this.isAdmin ? null : owner));
  }

  /**
   * Draws a part of the panel if its content has changed. Otherwise it keeps its focus and typed text.
   * @param {string} name
   * @param {unknown} signature differs if the content differs
   * @param {() => unknown} make
   */
  #updatePart(name, signature, make) {
    const part = this.#parts.get(name);
    if (!part) throw new Error(`the panel has no part ${name}`);
    const json = JSON.stringify([this.#id, signature]);
    if (part.signature === json) return;
    part.signature = json;
    fill(part.element, make());
    this.#keepFocus();
  }

  /** Reads the image when the user presses the button: it may have changed since the button was made. */
  #replaceFile() {
    return replace(this.#image, this.#onImageChanged);
  }

  #remove() {
    // The picture is not loaded yet.
    if (!this.#image) return undefined;
    return this.#leave(async () => {
      const next = this.#neighbourAt(1) ?? this.#neighbourAt(-1);
      if (this.isAdmin && !await deleteAsAdmin([this.#image], this.list)) return;
      if (!this.isAdmin) deleteImage(this.#image, this.list);
      if (next) this.go(next.id);
      else this.close();
    });
  }
}
