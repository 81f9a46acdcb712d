// The picture in the large view, with the buttons above it.

import { h, icon, iconButton } from "../dom.js";
import { picture, placeholder } from "../picture.js";
import { bestSize, bestThumbnail, missingSizes, requestSize, shownOriginal, withThumbnail } from "../sizes.js";
import { texts } from "../texts.js";
import { isWhole } from "../tiles.js";
import { Zoom } from "./zoom.js";

const words = texts.image;
/** The minimum of pixels that the large view asks for, in CSS pixels. */
const LEAST_PIXELS = 600;

export class Stage {
  /** The address of the best picture in the frame. */
  #shownUrl = "";
  #frame = h("div", { class: "frame" });
  /** @type {Api.Image | null} */
  #image = null;
  /** The sizes that were requested for this picture. @type {Set<number>} */
  #requested = new Set();

  /**
   * @param {{isAdmin: boolean, close: () => void, showNeighbour: (step: number) => void, onImage: (image: Api.Image) => void,
   *   signal: AbortSignal}} options `onImage` is called with an image that has gained a size
   */
  constructor({ isAdmin, close, showNeighbour, onImage, signal }) {
    this.isAdmin = isAdmin;
    this.onImage = onImage;
    this.signal = signal;
    this.before = iconButton("back", words.previous, () => showNeighbour(-1), { class: "icon-button turn before" });
    this.after = iconButton("forward", words.next, () => showNeighbour(1), { class: "icon-button turn after" });
    const zoomButton = iconButton("zoom", words.zoom, () => this.zoom.toggle(), { "aria-pressed": "false", "aria-keyshortcuts": "z" });
    this.element = h("div", { class: "stage", tabindex: "-1" }, this.#frame,
      h("div", { class: "stage-bar" },
        iconButton("close", words.back, close, { autofocus: true }),
        h("span", { class: "space" }),
        zoomButton,
        document.fullscreenEnabled && iconButton("full", words.fullScreen, () => this.toggleFullScreen(), { "aria-keyshortcuts": "f" })),
      this.before, this.after);
    this.zoom = new Zoom(this.element, () => this.#frame, showNeighbour);
    this.zoom.addEventListener("zoom", () => {
      zoomButton.setAttribute("aria-pressed", String(this.zoom.isZoomed));
      this.#draw();
    });
    // The window and full screen change which size is sharp.
    const observer = new ResizeObserver(() => this.#draw());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  toggleFullScreen() {
    // The promise is rejected if the browser does not allow it.
    const done = document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen?.();
    done?.catch(() => {});
  }

  /** Shows which neighbours exist. @param {boolean} before @param {boolean} after */
  showTurns(before, after) {
    const focused = document.activeElement;
    this.before.hidden = !before;
    this.after.hidden = !after;
    // The button that had the focus is gone at the end of the list.
    if (focused === this.before && !before) this.after.focus();
    if (focused === this.after && !after) this.before.focus();
  }

  /** Shows an image. @param {Api.Image} image */
  show(image) {
    const isOther = this.#image?.id !== image.id;
    this.#image = image;
    if (isOther) this.#begin(image);
    this.#draw();
  }

  /** @param {Api.Image} image */
  #begin(image) {
    const next = h("div", { class: "frame" }, placeholder(image));
    this.#frame.replaceWith(next);
    this.#frame = next;
    this.#shownUrl = "";
    this.#requested.clear();
    this.zoom.reset();
  }

  /** Shows the best source that exists, and requests a better one. */
  #draw() {
    const image = this.#image;
    if (!image) return;
    const source = this.#source(image);
    this.#shape(image, source);
    this.#requestBetter(image);
    if (!source) return this.#showStatus(image);
    // The same URL is the same picture. Replacing its element would make it flicker.
    if (source.url !== this.#shownUrl) {
      this.#shownUrl = source.url;
      const older = [...this.#frame.querySelectorAll("img, .no-picture")];
      const shown = picture(image, source, words.alt(image));
      // The picture so far stays until the better one is loaded.
      shown.addEventListener("load", () => older.forEach((element) => element.remove()));
      this.#frame.append(shown);
    }
    // The list knows only the size for its tile. It fills the frame until the whole image with all sizes is loaded.
    this.#frame.querySelector("img:last-of-type")?.classList.toggle("own-size", isWhole(image));
  }

  /** The longer side of the picture on the screen, in CSS pixels. */
  get #pixels() {
    const { clientWidth, clientHeight } = this.element;
    const { width, height } = this.#image ?? {};
    const ratio = width && height ? width / height : 1;
    const sides = [Math.min(clientWidth, clientHeight * ratio), Math.min(clientHeight, clientWidth / ratio)];
    return Math.max(...sides, LEAST_PIXELS) * this.zoom.scale;
  }

  /**
   * The best thumbnail, or the original if that thumbnail has too few pixels. The original stays once it is shown.
   * @param {Api.Image} image
   */
  #source(image) {
    const [thumbnail, original] = [bestThumbnail(image, this.#pixels), shownOriginal(image)];
    if (!thumbnail || original?.url === this.#shownUrl) return original ?? thumbnail;
    const needed = this.zoom.isZoomed ? this.#frame.clientWidth * this.zoom.scale : LEAST_PIXELS;
    return Math.max(thumbnail.width, thumbnail.height) < needed ? original ?? thumbnail : thumbnail;
  }

  /** Gives the frame the shape of the picture. @param {Api.Image} image */
  #shape(image, source) {
    const { width, height } = source ?? image;
    const ratio = width && height ? width / height : 1.5;
    this.element.style.setProperty("--ratio", String(ratio));
    // A picture that has fewer pixels than the screen is not enlarged.
    this.#frame.style.maxWidth = image.width ? `${image.width}px` : "";
  }

  /** @param {Api.Image} image */
  #showStatus(image) {
    this.#frame.querySelector(".no-picture")?.remove();
    if (image.status !== "ready") this.#frame.append(h("div", { class: "no-picture" }, icon(image.status === "failed" ? "alert" : "aperture"),
      h("p", null, texts.photos.status[image.status])));
  }

  /** Requests the size that fits, if the tier has it and the picture does not exist in it yet. @param {Api.Image} image */
  #requestBetter(image) {
    const missing = missingSizes(image);
    // Only the owner can request sizes, and only of a whole image it is known which ones are missing.
    if (this.isAdmin || !isWhole(image) || missing.length === 0) return;
    const size = bestSize([...missing, ...image.thumbnails.map((thumbnail) => thumbnail.size)], this.#pixels);
    if (size === null || !missing.includes(size) || this.#requested.has(size)) return;
    this.#requested.add(size);
    requestSize(image.id, size, this.signal).then((thumbnail) => {
      if (this.#image?.id === image.id) this.onImage(withThumbnail(this.#image, thumbnail));
    }, () => {
      // What exists stays visible.
    });
  }
}
