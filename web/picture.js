// The elements that show a picture: its placeholder, and the picture that appears over it.

import { h } from "./dom.js";
import { bestThumbnail, requestForTile } from "./sizes.js";
import { drawThumbhash } from "./thumbhash.js";
import { uploads } from "./uploads.js";

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

/**
 * Creates a picture that appears over its placeholder when it is loaded. Calls `onBroken` if it cannot be loaded. If the
 * picture fills a square of `square` CSS pixels, the browser chooses the thumbnail for its screen.
 */
export function picture(image, thumbnail, alt, onBroken, square = 0) {
  const shown = h("img", { class: "picture", alt, decoding: "async", draggable: "false" });
  shown.addEventListener("load", () => {
    shown.classList.add("loaded");
    uploads.previews.delete(image.id);
  });
  shown.addEventListener("error", () => {
    onBroken?.();
    // The network may have been lost.
    addEventListener("online", () => {
      if (shown.isConnected) shown.src = thumbnail.url;
    }, { once: true });
  });
  if (thumbnail && square > 0 && image.srcset) {
    // A picture that is wider than high is cut at its sides, so it is shown wider than the square.
    shown.sizes = `${Math.ceil(square * Math.max(1, thumbnail.width / thumbnail.height))}px`;
    shown.srcset = image.srcset;
  }
  if (thumbnail) shown.src = thumbnail.url;
  return shown;
}

/**
 * Shows an image in a place of `pixels` CSS pixels. Has a thumbnail made if there is none. Returns the place.
 * @param {HTMLElement} place
 * @param {Api.Image} image
 * @param {number} pixels
 */
export function showIn(place, image, pixels) {
  /** @param {Api.Image} image */
  const show = (image) => {
    const best = bestThumbnail(image, pixels);
    if (best) place.append(picture(image, best, ""));
  };
  place.append(placeholder(image) ?? "");
  show(image);
  requestForTile(image, pixels, show);
  return place;
}
