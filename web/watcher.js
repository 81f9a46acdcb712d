// Asks for images that are under way until they are settled: one request for all of them where there are many.

import { call } from "./api.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const HIDDEN_PAUSE_MS = 15_000;
/** What has not settled by then will not do so while anybody looks. */
const LONGEST_WATCH_MS = 20 * 60_000;
/** From how many images on the newest are listed instead of asked for one by one. */
const LIST_FROM = 4;

/** @type {Map<string, {listeners: Set<(image: Api.Image | null) => void>, since: number, seen: string | null}>} */
const watched = new Map();
/** Counts whoever is logged in: what was asked for one of them is told to no other. */
let turn = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let pause = FIRST_PAUSE_MS;

/** Whether an image may still change without anybody asking for it. @param {Api.Image} image */
export function unsettled(image) {
  return image.status === "processing" || image.analysis?.status === "queued" || image.dropbox?.status === "queued" ||
    image.status === "pending" && image.source_image_id !== null;
}

/**
 * Calls `listener` with the image whenever it has changed, with null when it is gone, and no more once it is settled.
 * @param {string} id
 * @param {(image: Api.Image | null) => void} listener
 * @param {AbortSignal} [signal] ends it
 */
export function watch(id, listener, signal) {
  const entry = watched.get(id) ?? { listeners: new Set(), since: Date.now(), seen: "" };
  if (entry.listeners.has(listener)) return;
  entry.listeners.add(listener);
  entry.seen = "";
  watched.set(id, entry);
  signal?.addEventListener("abort", () => {
    entry.listeners.delete(listener);
    // By now another entry may be in its place, which has listeners of its own.
    if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
  });
  pause = FIRST_PAUSE_MS;
  schedule();
}

/** Asks for nothing more. */
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
