// Polls images until they are finished. If there are many, one request lists them all.

import { call } from "./api.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const HIDDEN_PAUSE_MS = 15_000;
/** An image is not polled longer than this. */
const LONGEST_WATCH_MS = 20 * 60_000;
/** From this number of images on, the newest images are listed instead of requested one by one. */
const LIST_FROM = 4;

/** @type {Map<string, {listeners: Set<(image: Api.Image | null) => void>, since: number, seen: string | null}>} */
const watched = new Map();
/** Increases with each logout, so that responses for an earlier user are ignored. */
let turn = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let pause = FIRST_PAUSE_MS;

/** Whether the service is still working on an image. @param {Api.Image} image */
export function unsettled(image) {
  return image.status === "processing" || image.analysis?.status === "queued" || image.dropbox?.status === "queued" ||
    image.status === "pending" && image.source_image_id !== null;
}

/**
 * Calls `listener` with the image when it has changed, and with null when it was deleted. Stops when the image is
 * finished.
 * @param {string} id
 * @param {(image: Api.Image | null) => void} listener
 * @param {AbortSignal} [signal] removes the listener
 */
export function watch(id, listener, signal) {
  const entry = watched.get(id) ?? { listeners: new Set(), since: Date.now(), seen: "" };
  if (entry.listeners.has(listener)) return;
  entry.listeners.add(listener);
  entry.seen = "";
  watched.set(id, entry);
  signal?.addEventListener("abort", () => {
    entry.listeners.delete(listener);
    // The map may contain a newer entry for this image, with other listeners.
    if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
  });
  pause = FIRST_PAUSE_MS;
  schedule();
}

/** Stops polling all images. */
export function watchNothing() {
  turn += 1;
  watched.clear();
}

function schedule() {
  clearTimeout(timer);
  if (watched.size === 0) return;
  timer = setTimeout(look, document.hidden ? HIDDEN_PAUSE_MS : pause);
  pause = Math.min(pause * 1.3, LONGEST_PAUSE_MS);
}

async function look() {
  const ids = new Set(watched.keys());
  const asked = turn;
  if (ids.size >= LIST_FROM) {
    const { images } = await call("GET", "/api/images?limit=100").catch(() => ({ images: [] }));
    for (const image of images) {
      if (ids.delete(image.id)) tell(asked, image.id, image);
    }
  }
  await Promise.all([...ids].slice(0, LIST_FROM).map(async (id) => {
    try {
      tell(asked, id, await call("GET", `/api/images/${id}`));
    } catch (error) {
      if (error.status === 404) tell(asked, id, null);
    }
  }));
  schedule();
}

function tell(asked, id, image) {
  const entry = watched.get(id);
  if (!entry || asked !== turn) return;
  const settled = image === null || !unsettled(image) && image.status !== "pending";
  const seen = image && `${image.updated_at} ${image.status} ${image.analysis?.status} ${image.dropbox?.status}`;
  if (settled || Date.now() - entry.since > LONGEST_WATCH_MS) watched.delete(id);
  if (seen === entry.seen) return;
  entry.seen = seen;
  pause = FIRST_PAUSE_MS;
  for (const listener of entry.listeners) listener(image);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  pause = FIRST_PAUSE_MS;
  schedule();
});
