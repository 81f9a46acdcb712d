// A grid of pictures. Only the tiles near the viewport are in the document.

import { fill, h, icon } from "./dom.js";
import { texts } from "./texts.js";
import { drawThumbhash } from "./thumbhash.js";
import { uploads } from "./uploads.js";

const GAP = 6;
/** The minimum width of a tile in CSS pixels, on narrow and on wide screens. */
const NARROW_TILE = 104;
const WIDE_TILE = 184;
/** How far tiles are created above and below the viewport, in heights of the viewport. */
const OVERSCAN = 0.75;

/** Returns the smallest thumbnail that fills a square of `pixels` CSS pixels, or else the largest. @param {Api.Image} image */
export function bestThumbnail(image, pixels) {
  const needed = pixels * Math.min(devicePixelRatio, 2);
  return image.thumbnails.find((thumbnail) => Math.min(thumbnail.width, thumbnail.height) >= needed) ??
    image.thumbnails.at(-1) ?? null;
}

/**
 * Creates what the user sees until a picture is loaded: its ThumbHash, or a small preview of the uploaded file.
 * @param {Api.Image} image
 */
export function placeholder(image) {
  const preview = uploads.previews.get(image.id);
  if (!image.placeholder && !preview) return null;
  const canvas = h("canvas", { class: "placeholder", "aria-hidden": "true" });
  if (image.placeholder) {
    canvas.style.backgroundColor = image.placeholder.color;
    drawThumbhash(canvas, image.placeholder.thumbhash);
  } else {
    canvas.width = preview.width;
    canvas.height = preview.height;
    canvas.getContext("2d")?.drawImage(preview, 0, 0);
  }
  return canvas;
}

/** Creates a picture that fades in over its placeholder. Calls `onBroken` if it cannot be loaded. */
export function picture(image, thumbnail, alt, onBroken) {
  const shown = h("img", { class: "picture", alt, decoding: "async", draggable: "false" });
  shown.addEventListener("load", () => {
    shown.classList.add("loaded");
    uploads.previews.delete(image.id);
  });
  shown.addEventListener("error", () => onBroken?.());
  if (thumbnail) shown.src = thumbnail.url;
  return shown;
}

/** A grid that shows a PagedList. Call `dispose` when it is removed from the document. */
export class Grid {
  #tiles = new Map();
  #columns = 3;
  #tileSize = NARROW_TILE;
  #scheduled = false;
  /** @type {string | null} */
  #focusKey = null;
  /** @type {Error | null} */
  #failure = null;

  /**
   * @param {{list: import("./paged-list.js").PagedList, label: string, href: (image: Api.Image) => string,
   *   onDelete: (image: Api.Image) => void, caption?: (image: Api.Image) => string}} options
   */
  constructor({ list, label, href, onDelete, caption }) {
    this.list = list;
    this.href = href;
    this.onDelete = onDelete;
    this.caption = caption;
    this.element = h("ul", { class: "grid", role: "list", "aria-label": label });
    /** Shows why the list could not be loaded. */
    this.errorBox = h("div", { class: "callout error list-error", role: "alert", hidden: true });
    this.element.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.#onChange = () => this.#schedule();
    this.#observer = new ResizeObserver(this.#onChange);
    this.#observer.observe(this.element);
    addEventListener("scroll", this.#onChange, { passive: true });
    addEventListener("resize", this.#onChange);
    list.addEventListener("change", this.#onChange);
    list.addEventListener("error", this.#onChange);
    this.#schedule();
  }

  #onChange;
  #observer;

  dispose() {
    this.#observer.disconnect();
    removeEventListener("scroll", this.#onChange);
    removeEventListener("resize", this.#onChange);
    this.list.removeEventListener("change", this.#onChange);
    this.list.removeEventListener("error", this.#onChange);
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.element.isConnected) this.render();
    });
  }

  render() {
    this.#showFailure();
    const width = this.element.clientWidth;
    if (width === 0) return;
    const least = width < 640 ? NARROW_TILE : WIDE_TILE;
    this.#columns = Math.max(width < 640 ? 3 : 2, Math.floor((width + GAP) / (least + GAP)));
    this.#tileSize = (width - GAP * (this.#columns - 1)) / this.#columns;
    const rowHeight = this.#tileSize + GAP;
    const rows = Math.ceil(this.list.length / this.#columns);
    const top = -this.element.getBoundingClientRect().top;
    const margin = innerHeight * OVERSCAN;
    const firstRow = Math.max(0, Math.min(Math.floor((top - margin) / rowHeight), rows - 1));
    const lastRow = Math.min(rows, Math.max(firstRow + 1, Math.ceil((top + innerHeight + margin) / rowHeight)));
    const from = firstRow * this.#columns;
    const to = Math.min(this.list.length, lastRow * this.#columns) - 1;
    this.list.ensureLoaded(from, Math.max(to, 0));

    this.element.style.height = `${Math.max(0, rows * rowHeight - GAP)}px`;
    const tiles = new Map();
    for (let index = from; index <= to; index++) {
      const tile = this.#tile(this.list.at(index), index);
      tiles.set(tile.key, tile);
    }
    for (const [key, tile] of this.#tiles) {
      if (tiles.get(key) === tile) continue;
      // This cancels the download. Otherwise removed pictures would delay the visible ones.
      tile.element.querySelector("img")?.removeAttribute("src");
      tile.element.remove();
    }
    let next = this.element.firstElementChild;
    for (const { element, index } of tiles.values()) {
      const [row, column] = [Math.floor(index / this.#columns), index % this.#columns];
      element.style.width = element.style.height = `${this.#tileSize}px`;
      element.style.transform = `translate(${column * rowHeight}px, ${row * rowHeight}px)`;
      element.setAttribute("aria-posinset", index + 1);
      element.setAttribute("aria-setsize", this.list.complete ? this.list.length : -1);
      // A tile that is already in its place is not moved, because moving it would remove the focus.
      if (next === element) next = element.nextElementSibling;
      else this.element.insertBefore(element, next);
    }
    this.#tiles = tiles;
    this.#restoreFocus();
  }

  #showFailure() {
    const { failure } = this.list;
    if (failure === this.#failure) return;
    this.#failure = failure;
    const hadFocus = this.errorBox.contains(document.activeElement);
    this.errorBox.hidden = failure === null;
    fill(this.errorBox, failure && [h("p", null, failure.message),
      h("button", { type: "button", class: "button", onclick: () => this.list.retry() }, texts.retry)]);
    if (hadFocus) this.element.closest("main")?.querySelector("h1")?.focus({ preventScroll: true });
  }

  /** Returns the tile for a place. Reuses the existing tile if it still looks the same. @param {Api.Image | null} image */
  #tile(image, index) {
    const key = image?.id ?? `place ${index}`;
    const thumbnail = image && bestThumbnail(image, this.#tileSize);
    const signature = image && [image.status, thumbnail?.url, image.title, image.file_name,
      !thumbnail && uploads.previews.has(key), uploads.isSending(key)].join("\n");
    const known = this.#tiles.get(key);
    if (known?.signature === signature) return Object.assign(known, { image, index });
    if (known?.element.contains(document.activeElement)) this.#focusKey ??= key;
    const element = image ? this.#createTile(image, thumbnail) : h("li", { class: "tile skeleton", "aria-hidden": "true" });
    return { key, signature, image, index, element };
  }

  /** @param {Api.Image} image */
  #createTile(image, thumbnail) {
    const busy = image.status === "pending" || image.status === "processing";
    const status = uploads.isSending(image.id) ? texts.photos.uploading : texts.photos.status[image.status];
    const [name, caption] = [image.title ?? image.file_name, this.caption?.(image)];
    const badge = image.status === "failed" ? icon("alert") : busy && !thumbnail ? h("span", { class: "spinner" }) : null;
    return h("li", { class: `tile ${image.status}`, "data-id": image.id },
      h("a", { href: this.href(image), title: name },
        placeholder(image),
        thumbnail && picture(image, thumbnail, "", () => this.list.refresh(image.id)),
        caption !== name && h("span", { class: "visually-hidden" }, name),
        caption && h("span", { class: "caption" }, caption),
        badge && h("span", { class: `badge ${image.status}` }, badge, status)));
  }

  #onKeyDown(event) {
    const tile = [...this.#tiles.values()].find(({ element }) => element.contains(document.activeElement));
    if (!tile?.image || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns };
    if (event.key === "Delete") {
      event.preventDefault();
      this.#focusAt(tile.index + 1 < this.list.knownCount ? tile.index + 1 : tile.index - 1);
      this.onDelete(tile.image);
      return;
    }
    const target = event.key === "Home" ? 0 : event.key === "End" ? this.list.knownCount - 1 : tile.index + steps[event.key];
    if (!(target >= 0 && target < this.list.knownCount)) return;
    event.preventDefault();
    this.#focusAt(target);
  }

  #focusAt(index) {
    const image = this.list.at(index);
    this.#focusKey = image?.id ?? `place ${index}`;
    const row = Math.floor(index / this.#columns);
    const top = this.element.getBoundingClientRect().top + row * (this.#tileSize + GAP);
    const header = 80;
    if (top < header) scrollBy(0, top - header);
    else if (top + this.#tileSize > innerHeight - header) scrollBy(0, top + this.#tileSize - innerHeight + header);
    this.render();
  }

  #restoreFocus() {
    if (this.#focusKey === null) return;
    const link = this.#tiles.get(this.#focusKey)?.element.querySelector("a");
    if (!link) return;
    this.#focusKey = null;
    link.focus({ preventScroll: true });
  }
}
