// The sizes of a picture: which one to show, and how to get one that does not exist yet. After a change of tier, the
// service makes a new size when somebody asks for it.

import { call } from "./api.js";
import { query } from "./query.js";
import { retry } from "./retry.js";
import { state } from "./state.js";

/** How often the page asks for a size that the service is still making. */
const MAX_ATTEMPTS = 5;
/** How many sizes for tiles are requested at the same time. */
const MAX_PARALLEL = 2;
/** The media types that all browsers show. */
const SHOWN_TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/bmp"]);

/** Returns the smallest thumbnail that fills a square of `pixels` CSS pixels, or else the largest. @param {Api.Image} image */
export function bestThumbnail(image, pixels) {
  const needed = pixels * Math.min(devicePixelRatio, 2);
  return image.thumbnails.find((thumbnail) => Math.min(thumbnail.width, thumbnail.height) >= needed) ??
    image.thumbnails.at(-1) ?? null;
}

/** Returns the original as a thumbnail, or null if the tier does not include it or a browser cannot show it. @param {Api.Image} image */
export function shownOriginal(image) {
  if (!image.original_url || !image.width || !image.height || !SHOWN_TYPES.has(image.content_type)) return null;
  return { url: image.original_url, width: image.width, height: image.height };
}

/** Returns the sizes of the tier in which the picture does not exist yet. @param {Api.Image} image */
export function missingSizes(image) {
  if (image.status !== "ready" || !state.tier) return [];
  const known = new Set(image.thumbnails.map(({ size }) => size));
  return state.tier.thumbnail_sizes.filter((size) => !known.has(size));
}

/** Returns the smallest of `sizes` that fills `pixels` CSS pixels, or else the largest. @param {number[]} sizes */
export function bestSize(sizes, pixels) {
  const sorted = [...sizes].sort((a, b) => a - b);
  return sorted.find((size) => size >= pixels * Math.min(devicePixelRatio, 2)) ?? sorted.at(-1) ?? null;
}

/**
 * Makes the service create a size. Asks again while the service is at work.
 * @param {string} id
 * @param {number} size
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.Thumbnail>}
 */
export async function requestSize(id, size, signal) {
  const ask = () => call("GET", `/api/images/${id}/thumbnail${query({ size })}`, { signal });
  const { url, width, height, content_type } = await retry(ask, MAX_ATTEMPTS, signal);
  return { size, url, width, height, content_type };
}

/** Returns the image with one more thumbnail. @param {Api.Image} image @param {Api.Thumbnail} thumbnail @returns {Api.Image} */
export function withThumbnail(image, thumbnail) {
  const others = image.thumbnails.filter(({ size }) => size !== thumbnail.size);
  return { ...image, thumbnails: [...others, thumbnail].sort((a, b) => a.size - b.size) };
}

/** The ids of images whose size was requested. Each is requested once, so that a failure is not repeated endlessly. */
const requested = new Set();
/** @type {(() => Promise<void>)[]} */
const queue = [];
let running = 0;

/**
 * Requests a size for the tile of a ready picture that has none. Calls `onMade` with the changed image.
 * @param {Api.Image} image
 * @param {number} pixels the size of the tile
 * @param {(image: Api.Image) => void} onMade
 */
export function requestForTile(image, pixels, onMade) {
  const size = bestSize(missingSizes(image), pixels);
  if (size === null || image.thumbnails.length > 0 || requested.has(image.id)) return;
  requested.add(image.id);
  queue.push(async () => onMade(withThumbnail(image, await requestSize(image.id, size))));
  startQueued();
}

function startQueued() {
  while (running < MAX_PARALLEL) {
    const request = queue.shift();
    if (!request) return;
    running += 1;
    // The tile keeps its placeholder if the service cannot make the size.
    request().catch(() => {}).finally(() => {
      running -= 1;
      startQueued();
    });
  }
}

/** Forgets the requests, because another user may log in next. */
export function resetSizes() {
  requested.clear();
  queue.length = 0;
}
