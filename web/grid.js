// A grid of pictures. Only the tiles near the viewport are in the document.

import { busy, fill, focusHeading, h, icon } from "./dom.js";
import { Layout } from "./layout.js";
import { onLongPress } from "./long-press.js";
import { showError } from "./notice.js";
import { picture, placeholder } from "./picture.js";
import { bestThumbnail, requestForTile } from "./sizes.js";
import { texts } from "./texts.js";
import { GAP, NARROW_TILE, tileLayout } from "./tiles.js";
import { uploads } from "./uploads.js";

/** How far tiles are created above and below the viewport, in heights of the viewport. */
const OVERSCAN = 0.75;

/**
 * A tile that is visible at `scrolled`, the distance that the page is scrolled. The tile is `top` CSS pixels below the
 * beginning of the grid.
 * @typedef {{id: string, index: number, top: number, scrolled: number}} Anchor
 */

/** A grid that shows a PagedList. Call `dispose` when it is removed from the document. */
export class Grid {
  #tiles = new Map();
  /**
   * The groups in the document. A group without a name has no header.
   * @type {Map<string, {list: HTMLElement, header: HTMLElement | null, button: HTMLButtonElement | null}>}
   */
  #sections = new Map();
  #layout = new Layout([], 0, { columns: 3, rowHeight: NARROW_TILE, gap: GAP });
  #tileSize = NARROW_TILE;
  #scheduled = false;
  /** @type {string | null} */
  #focusKey = null;
  /**
   * The picture that had the focus last. The Tab key leads back to it, so its tile stays in the document.
   * @type {string | null}
   */
  #current = null;
  /** @type {Error | null} */
  #failure = null;
  /** A visible tile that stays in its place when tiles are inserted above it. @type {Anchor | null} */
  #anchor = null;
  /** The length of the list when it was drawn last. */
  #count = 0;

  /**
   * @param {{list: import("./paged-list.js").PagedList, label: string, href: (image: Api.Image) => string,
   *   onDelete: (image: Api.Image) => void, selection: import("./selection.js").Selection,
   *   heading?: (group: string) => string, isTrash?: boolean}} options `heading` returns the heading of a group of the
   *   list; pictures in the trash can only be selected
   */
  constructor({ list, label, href, onDelete, selection, heading = (group) => group, isTrash = false }) {
    this.list = list;
    this.href = href;
    this.onDelete = onDelete;
    this.selection = selection;
    this.heading = heading;
    this.isTrash = isTrash;
    this.label = label;
    this.element = h("div", { class: "grid", role: list.group && "group", "aria-label": list.group && label });
    /** Shows why the list could not be loaded. */
    this.errorBox = h("div", { class: "callout error list-error", role: "alert", hidden: true });
    this.element.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.element.addEventListener("click", (event) => this.#onClick(event));
    this.element.addEventListener("focusin", ({ target }) => this.#onFocus(target));
    onLongPress(this.element, (target) => this.#beginRange(target));
    this.#onChange = () => this.#schedule();
    this.#observer = new ResizeObserver(this.#onChange);
    this.#observer.observe(this.element);
    addEventListener("scroll", this.#onChange, { passive: true });
    addEventListener("resize", this.#onChange);
    list.addEventListener("change", this.#onChange);
    list.addEventListener("error", this.#onChange);
    selection.addEventListener("change", this.#onChange);
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
    this.selection.removeEventListener("change", this.#onChange);
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
    const { columns, size: tileSize } = tileLayout(width);
    this.#tileSize = tileSize;
    const size = { columns, rowHeight: tileSize + GAP, gap: GAP };
    if (this.#layout.columns !== columns || this.#layout.rowHeight !== size.rowHeight) this.#anchor = null;
    this.#layout = new Layout(this.list.groups(), this.list.length - this.list.knownCount, size);
    this.element.style.height = `${this.#layout.height}px`;
    this.#keepAnchor();
    const top = -this.element.getBoundingClientRect().top;
    const margin = innerHeight * OVERSCAN;
    const visible = this.#layout.visible(top - margin, top + innerHeight + margin);
    this.list.ensureLoaded(visible[0]?.from ?? 0, Math.max((visible.at(-1)?.to ?? 0) - 1, 0));

    this.element.classList.toggle("selecting", this.selection.size > 0);
    const current = this.#currentIndex();
    const parts = this.#withTile(current, visible);
    const tiles = new Map();
    for (const { from, to } of parts) {
      for (let index = from; index < to; index++) {
        // The list drops pages that are not visible, also if the current tile is on one.
        const kept = index === current ? this.#tiles.get(this.#current)?.image : null;
        const tile = this.#tile(this.list.at(index) ?? kept ?? null, index);
        tiles.set(tile.key, tile);
      }
    }
    for (const [key, tile] of this.#tiles) {
      if (tiles.get(key) === tile) continue;
      cancelDownload(tile.element.querySelector("img"));
      tile.element.remove();
    }
    const blocks = [...new Set(parts.map(({ block }) => block))];
    this.#placeSections(blocks);
    for (const block of blocks) {
      const { list } = this.#section(block);
      const end = block.from + block.count;
      const inBlock = [...tiles.values()].filter(({ index }) => index >= block.from && index < end);
      placeInOrder(list, inBlock.map(({ element }) => element));
      const isKnown = this.list.complete || block !== this.#layout.blocks.at(-1);
      for (const tile of inBlock) this.#place(tile, block.from, isKnown ? block.count : -1);
    }
    this.#tiles = tiles;
    for (const tile of tiles.values()) this.#showSelected(tile);
    this.#showSelectedGroups(blocks);
    this.#showTabStop(top);
    this.#count = this.list.knownCount;
    if (this.#anchor?.scrolled !== scrollY) this.#chooseAnchor(top);
    this.#restoreFocus();
  }

  /**
   * Moves a tile to its place.
   * @param {{element: HTMLElement, index: number, place?: string}} tile
   * @param {number} first the index of the first tile in its group
   * @param {number} count the number of tiles in its group; -1 if it is not known yet
   */
  #place(tile, first, count) {
    const { element, index } = tile;
    const { left, top } = this.#layout.place(index);
    // Most tiles stay in their places while the page scrolls.
    const place = [left, top, this.#tileSize, index - first, count].join();
    if (tile.place === place) return;
    tile.place = place;
    element.style.width = element.style.height = `${this.#tileSize}px`;
    element.style.transform = `translate(${left}px, ${top}px)`;
    element.setAttribute("aria-posinset", String(index - first + 1));
    element.setAttribute("aria-setsize", String(count));
  }

  /** The index of the current tile; -1 if there is none. */
  #currentIndex() {
    if (this.#current === null) return -1;
    const index = this.#tiles.get(this.#current)?.index ?? -1;
    // Finding the id in a long list takes longer.
    return this.list.at(index)?.id === this.#current ? index : this.list.indexOf(this.#current);
  }

  /** Adds a tile to the visible ones. @param {number} index @param {ReturnType<Layout["visible"]>} visible */
  #withTile(index, visible) {
    if (index < 0 || visible.some(({ from, to }) => index >= from && index < to)) return visible;
    const part = { block: this.#layout.place(index).block, from: index, to: index + 1 };
    return [...visible, part].sort((one, other) => one.from - other.from);
  }

  /** Scrolls by the height that was inserted above the anchor. Browsers do this only for elements without a transform. */
  #keepAnchor() {
    const anchor = this.#anchor;
    if (!anchor || this.list.at(anchor.index)?.id === anchor.id) return;
    const index = this.list.indexOf(anchor.id);
    // The anchor itself was removed, or got another place in the order.
    if (index < 0 || Math.abs(index - anchor.index) > Math.abs(this.list.knownCount - this.#count)) {
      this.#anchor = null;
      return;
    }
    const { top } = this.#layout.place(index);
    const isHere = anchor.scrolled === scrollY;
    if (top !== anchor.top) scrollBy(0, top - anchor.top);
    this.#anchor = { ...anchor, index, top, scrolled: isHere ? scrollY : anchor.scrolled };
  }

  /** Chooses the first tile that is wholly visible, if there are tiles above it. @param {number} visibleTop */
  #chooseAnchor(visibleTop) {
    this.#anchor = null;
    if (visibleTop <= 0) return;
    for (const { image, index } of this.#tiles.values()) {
      const { top } = this.#layout.place(index);
      if (!image || top < visibleTop) continue;
      this.#anchor = { id: image.id, index, top, scrolled: scrollY };
      return;
    }
  }

  /**
   * Places the headers and lists of the visible groups, and removes the others.
   * @param {import("./layout.js").Block[]} blocks
   */
  #placeSections(blocks) {
    const keys = new Set(blocks.map(({ key }) => key));
    for (const [key, { list, header }] of this.#sections) {
      if (keys.has(key)) continue;
      list.remove();
      header?.remove();
      this.#sections.delete(key);
    }
    const elements = [];
    for (const block of blocks) {
      const { list, header } = this.#section(block);
      if (header) {
        header.style.transform = `translate(0, ${block.top}px) translateY(-100%)`;
        elements.push(header);
      }
      elements.push(list);
    }
    placeInOrder(this.element, elements);
  }

  /** @param {import("./layout.js").Block} block */
  #section({ key, group }) {
    const known = this.#sections.get(key);
    if (known) return known;
    const id = `group-${key.replace(" ", "-")}`;
    const name = group === "" ? null : this.heading(group);
    const label = name === null ? { "aria-label": this.label } : { "aria-labelledby": id };
    const list = h("ul", { role: "list", ...label });
    const button = name === null ? null : this.#groupButton(group);
    const header = button && h("div", { class: "group-header" }, h("h2", { class: "group-heading", id }, name), button);
    const section = { list, header, button };
    this.#sections.set(key, section);
    return section;
  }

  /**
   * The button that selects a group. The Tab key does not reach it, because this key leads out of the grid. The key G
   * does the same as the button.
   * @param {string} group
   */
  #groupButton(group) {
    const toggle = () => busy(button, () => this.selection.toggleGroup(group)).catch(showError);
    const props = { type: "button", class: "text-button", tabindex: "-1", "aria-keyshortcuts": "g", onclick: toggle };
    const button = h("button", props);
    return button;
  }

  /** Shows whether each group is selected. @param {import("./layout.js").Block[]} blocks */
  #showSelectedGroups(blocks) {
    const ids = this.selection.size > 0 && this.list.group ? this.list.ids() : [];
    for (const { key, group, from, count } of blocks) {
      const button = this.#sections.get(key)?.button;
      if (!button) continue;
      const inGroup = ids.slice(from, from + count);
      const isSelected = inGroup.length > 0 && inGroup.every((id) => this.selection.has(id));
      const { label, name } = isSelected ? texts.select.clearGroup : texts.select.allOfGroup;
      if (button.textContent === label) continue;
      button.textContent = label;
      button.setAttribute("aria-label", name(this.heading(group)));
    }
  }

  #showFailure() {
    const { failure } = this.list;
    if (failure === this.#failure) return;
    this.#failure = failure;
    const hadFocus = this.errorBox.contains(document.activeElement);
    this.errorBox.hidden = failure === null;
    fill(this.errorBox, failure && [h("p", null, failure.message),
      h("button", { type: "button", class: "button", onclick: () => this.list.retry() }, texts.retry)]);
    if (hadFocus) focusHeading(this.element.closest("main"));
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
    return { key, signature, image, index, element, link: element.querySelector("a") };
  }

  /** @param {Api.Image} image */
  #createTile(image, thumbnail) {
    const busy = image.status === "pending" || image.status === "processing";
    const status = uploads.isSending(image.id) ? texts.photos.uploading : texts.photos.status[image.status];
    const name = image.title ?? image.file_name;
    const badge = image.status === "failed" ? icon("alert") : busy && !thumbnail ? h("span", { class: "spinner" }) : null;
    const isNamed = image.status === "failed" || this.isTrash;
    if (!thumbnail && image.status === "ready" && !this.isTrash) requestForTile(image, this.#tileSize, (made) => this.list.update(made));
    return h("li", { class: `tile ${image.status}`, "data-id": image.id },
      // The browser would drag a link after a long press.
      h("a", { href: this.href(image), title: name, tabindex: "-1", draggable: "false" },
        placeholder(image),
        thumbnail && picture(image, thumbnail, "", () => this.list.refresh(image.id), this.#tileSize),
        // Failed and deleted pictures show their file names.
        h("span", { class: isNamed ? "caption" : "visually-hidden" }, name),
        badge && h("span", { class: `badge ${image.status}` }, badge, status),
        image.upload_link && h("span", { class: "guest-mark", "aria-hidden": "true", title: texts.photos.fromGuest }, icon("account"))),
      // Beside the link, whose name is that of the picture.
      image.upload_link && h("span", { class: "visually-hidden" }, texts.photos.fromGuest),
      // The label is larger than the box on a touch screen.
      h("label", { class: "tile-mark" },
        h("input", { type: "checkbox", class: "tile-check", tabindex: "-1", "aria-label": texts.select.one(name) })));
  }

  /** Shows whether a tile is selected. */
  #showSelected({ image, element, link }) {
    const check = element.querySelector(".tile-check");
    if (!check) return;
    check.checked = this.selection.has(image.id);
    element.classList.toggle("selected", check.checked);
    if (check.checked) link.setAttribute("aria-description", texts.select.selected);
    else link.removeAttribute("aria-description");
  }

  /**
   * Lets the Tab key reach one picture: the current one, or else the first one that is wholly visible. The arrow keys
   * lead to the others.
   * @param {number} visibleTop
   */
  #showTabStop(visibleTop) {
    const withLinks = [...this.#tiles.values()].filter(({ link }) => link);
    const stop = withLinks.find(({ key }) => key === this.#current) ??
      withLinks.find(({ index }) => this.#layout.place(index).top >= visibleTop) ?? withLinks[0];
    for (const tile of withLinks) {
      const tabIndex = tile === stop ? 0 : -1;
      if (tile.link.tabIndex !== tabIndex) tile.link.tabIndex = tabIndex;
    }
  }

  #onFocus(target) {
    const tile = this.#tileOf(target);
    if (!tile) return;
    this.#current = tile.image.id;
    this.#showTabStop(0);
  }

  /** Begins a range at a tile that a finger presses. Returns the function that extends it to the places of the finger. */
  #beginRange(target) {
    const tile = this.#tileOf(target);
    if (!tile) return undefined;
    const extend = this.selection.beginRange(tile.image.id);
    let last = tile.image.id;
    return (x, y) => {
      const { left, top } = this.element.getBoundingClientRect();
      const id = this.list.idAt(Math.min(this.#layout.indexAt(x - left, y - top), this.list.knownCount - 1));
      if (id === null || id === last) return;
      last = id;
      extend(id);
    };
  }

  /** Returns the tile that contains an element. */
  #tileOf(target) {
    return [...this.#tiles.values()].find(({ image, element }) => image && element.contains(target));
  }

  /**
   * A click selects a picture on its checkbox, with the Shift key, and everywhere once something is selected. The key
   * Enter clicks too, but always opens the picture, except in the trash.
   */
  #onClick(event) {
    const tile = this.#tileOf(event.target);
    const isCheck = event.target.matches(".tile-check");
    // A click on the label is followed by one on its checkbox.
    if (event.target.matches(".tile-mark") && !event.shiftKey) return;
    if (!tile || !isCheck && (event.ctrlKey || event.metaKey)) return;
    // A click of the keyboard has no `detail`.
    const mayOpen = !isCheck && !event.shiftKey && !this.isTrash;
    if (mayOpen && (this.selection.size === 0 || event.detail === 0)) return;
    if (!isCheck) event.preventDefault();
    if (event.shiftKey) this.selection.extendTo(tile.image.id);
    else this.selection.toggle(tile.image.id);
  }

  #onKeyDown(event) {
    const tile = this.#tileOf(document.activeElement);
    if (!tile?.image || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "x" || event.key === " " && !event.target.matches(".tile-check")) {
      event.preventDefault();
      this.selection.toggle(tile.image.id);
      return;
    }
    if (event.key === "g") {
      this.#sections.get(this.#layout.place(tile.index).block.key)?.button?.click();
      return;
    }
    // While something is selected, the key deletes the selection.
    if (event.key === "Delete" && this.selection.size === 0) {
      event.preventDefault();
      const neighbour = this.list.idAt(tile.index + 1) ?? this.list.idAt(tile.index - 1);
      this.onDelete(tile.image);
      this.reveal(neighbour);
      return;
    }
    const targets = {
      ArrowLeft: tile.index - 1,
      ArrowRight: tile.index + 1,
      ArrowUp: this.#layout.vertical(tile.index, false),
      ArrowDown: this.#layout.vertical(tile.index, true),
      Home: 0,
      End: this.list.knownCount - 1,
    };
    const target = targets[event.key];
    if (!(target >= 0 && target < this.list.knownCount)) return;
    event.preventDefault();
    if (event.shiftKey) {
      if (this.selection.size === 0) this.selection.toggle(tile.image.id);
      const id = this.list.idAt(target);
      if (id !== null) this.selection.extendTo(id);
    }
    this.#focusAt(target);
  }

  /** Scrolls to a picture and focuses it, or the heading if the list lacks it. @param {string | null} id */
  reveal(id) {
    const index = id === null ? -1 : this.list.indexOf(id);
    if (index < 0) return focusHeading(this.element.closest("main"));
    this.render();
    this.#focusAt(index);
  }

  #focusAt(index) {
    this.#focusKey = this.list.idAt(index) ?? `place ${index}`;
    const top = this.element.getBoundingClientRect().top + this.#layout.place(index).top;
    // The page's header and the bar of the selection cover the top.
    const margin = 130;
    if (top < margin) scrollBy(0, top - margin);
    else if (top + this.#tileSize > innerHeight - margin) scrollBy(0, top + this.#tileSize - innerHeight + margin);
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

/**
 * Cancels the download of a picture that is removed, because it would delay the visible ones.
 * @param {HTMLImageElement | null} img
 */
function cancelDownload(img) {
  if (!img || img.complete) return;
  for (const source of ["srcset", "src"]) img.removeAttribute(source);
}

/** Makes `elements` the children of `parent`, in this order. @param {HTMLElement} parent @param {HTMLElement[]} elements */
function placeInOrder(parent, elements) {
  let next = parent.firstElementChild;
  for (const element of elements) {
    // An element that is already in its place is not moved, because moving it would remove the focus.
    if (next === element) next = element.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
