// Polls images until they are finished. If there are many, one request lists them all.

import { call } from "./api.js";
import { query } from "./query.js";
import { tiles } from "./tiles.js";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5000;
const HIDDEN_DELAY_MS = 15_000;
/** An image is not polled longer than this. */
const MAX_WATCH_MS = 20 * 60_000;
/** From this number of images on, the newest images are listed instead of requested one by one. */
const MIN_FOR_LIST = 4;

/** @type {Map<string, {listeners: Set<(image: Api.Image | null) => void>, since: number, lastSeen: string | null}>} */
const watched = new Map();
/** Increases with each logout, so that responses for an earlier user are ignored. */
let generation = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let delay = FIRST_DELAY_MS;

/** Whether the service is still working on an image. @param {Api.Image} image */
export function isUnfinished(image) {
  return image.status === "processing" || image.analysis?.status === "queued" || image.dropbox?.status === "queued" ||
    image.status === "pending" && image.source_image_id !== null;
}

/**
 * Calls `listener` with the image when it has changed, and with null when it was deleted. Stops when the image is
 * finished. If many images are watched, the image has only what a list contains: see `isWhole`.
 * @param {string} id
 * @param {(image: Api.Image | null) => void} listener
 * @param {AbortSignal} [signal] removes the listener
 */
export function watch(id, listener, signal) {
  const entry = watched.get(id) ?? { listeners: new Set(), since: Date.now(), lastSeen: "" };
  if (entry.listeners.has(listener)) return;
  entry.listeners.add(listener);
  entry.lastSeen = "";
  watched.set(id, entry);
  signal?.addEventListener("abort", () => {
    entry.listeners.delete(listener);
    // The map may contain a newer entry for this image, with other listeners.
    if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
  });
  delay = FIRST_DELAY_MS;
  schedule();
}

/** Stops polling all images. */
export function stopWatching() {
  generation += 1;
  watched.clear();
}

function schedule() {
  clearTimeout(timer);
  if (watched.size === 0) return;
  timer = setTimeout(poll, document.hidden ? HIDDEN_DELAY_MS : delay);
  delay = Math.min(delay * 1.3, MAX_DELAY_MS);
}

async function poll() {
  const ids = new Set(watched.keys());
  const startGeneration = generation;
  if (ids.size >= MIN_FOR_LIST) {
    const parameters = { limit: 100, ...tiles(["updated_at", "exif", "failure", "analysis", "dropbox", "set", "phone_number"]) };
    const { images } = await call("GET", `/api/images${query(parameters)}`).catch(() => ({ images: [] }));
    for (const image of images) {
      if (ids.delete(image.id)) notify(startGeneration, image.id, image);
    }
  }
  await Promise.all([...ids].slice(0, MIN_FOR_LIST).map(async (id) => {
    try {
      notify(startGeneration, id, await call("GET", `/api/images/${id}`));
    } catch (error) {
      if (error.status === 404) notify(startGeneration, id, null);
    }
  }));
  schedule();
}

function notify(startGeneration, id, image) {
  const entry = watched.get(id);
  if (!entry || startGeneration !== generation) return;
  const isFinished = image === null || !isUnfinished(image) && image.status !== "pending";
  const lastSeen = image && `${image.updated_at} ${image.status} ${image.analysis?.status} ${image.dropbox?.status}`;
  if (isFinished || Date.now() - entry.since > MAX_WATCH_MS) watched.delete(id);
  if (lastSeen === entry.lastSeen) return;
  entry.lastSeen = lastSeen;
  delay = FIRST_DELAY_MS;
  for (const listener of entry.listeners) listener(image);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  delay = FIRST_DELAY_MS;
  schedule();
});
