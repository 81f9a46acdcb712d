// Archives of many originals. The service makes them, and a notice shows the progress. The browser remembers the archives
// that a user requested, so that the notices are there again after a reload.

import { call } from "./api.js";
import { busy, h } from "./dom.js";
import { notice, showError } from "./notice.js";
import { state } from "./state.js";
import { texts } from "./texts.js";

const words = texts.select;
/** The maximum number of pictures in an archive. */
const MAX_FILES = 500;
const POLL_MS = 2000;

/** Aborted when the user logs out. */
let visit = new AbortController();
/**
 * The archives that are not ready yet. Each promise is resolved when its archive is ready or has failed.
 * @type {Set<Promise<void>>}
 */
const unfinished = new Set();

/**
 * Requests archives of pictures, as few as possible, and follows each of them. The service leaves out pictures that are not
 * ready. `say` shows what the page waits for.
 * @param {string[]} ids
 * @param {(text: string) => void} say
 */
export async function downloadArchives(ids, say) {
  const { signal } = visit;
  const user = userId();
  const groups = split(ids, MAX_FILES);
  let leftOut = 0;
  for (const group of groups) {
    try {
      const archive = await call("POST", "/api/downloads", { body: { image_ids: group }, key: crypto.randomUUID() });
      if (signal.aborted) return;
      remember(user, archive);
      start(user, archive.id, archive);
    } catch (error) {
      if (signal.aborted) return;
      const { limit, download_bytes: bytes, max_download_bytes: most } = error.problem ?? {};
      if (most) {
        groups.push(...split(group, Math.ceil(group.length / Math.ceil(bytes / most))));
      } else if (limit === "max_downloads" && unfinished.size > 0) {
        say(words.waiting);
        await Promise.race(unfinished);
        if (signal.aborted) return;
        groups.push(group);
      } else if (error.field === "image_ids") {
        // None of the group is ready.
        leftOut += group.length;
      } else {
        throw error;
      }
    }
  }
  if (leftOut === ids.length) throw new Error(words.noneReady);
  if (leftOut > 0) notice(words.leftOut(leftOut, ids.length));
}

/** Splits a list into parts. @param {string[]} ids @param {number} size the maximum length of a part */
function split(ids, size) {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, index) => ids.slice(index * size, (index + 1) * size));
}

/** Shows the archives that the user requested in this browser, and that have not expired. */
export function resumeArchives() {
  stopArchives();
  const user = userId();
  for (const id of Object.keys(remembered(user))) start(user, id);
}

/** Removes all notices about archives. The browser still remembers the archives. */
export function stopArchives() {
  visit.abort();
  visit = new AbortController();
}

/** Follows an archive. @param {string} user @param {string} id @param {Api.Download} [requested] as for `follow` */
function start(user, id, requested) {
  /** @type {Promise<void>} */
  const end = follow(user, id, requested).finally(() => unfinished.delete(end));
  unfinished.add(end);
}

/**
 * Shows the progress of an archive until it is ready, and then offers it. Also saves it, if this page has requested it and
 * the user has not closed the notice.
 * @param {string} user
 * @param {string} id
 * @param {Api.Download} [requested] the archive, if this page has just requested it
 */
async function follow(user, id, requested) {
  const { signal } = visit;
  const text = h("span");
  let isClosed = false;
  let close = () => {};
  signal.addEventListener("abort", () => close());
  try {
    let archive = requested ?? await ask(id, signal);
    if (archive.status === "queued") {
      close = notice(text, { stays: true, onend: () => {
        isClosed = true;
      } });
    }
    while (archive.status === "queued") {
      const line = words.packing(archive);
      if (text.textContent !== line) text.textContent = line;
      await pause();
      archive = await ask(id, signal);
    }
    const wantsFile = requested !== undefined && !isClosed;
    close();
    if (archive.failure) {
      forget(user, id);
      notice(texts.failure(archive.failure), { kind: "error" });
    } else {
      offer(user, archive, wantsFile, signal);
    }
  } catch (error) {
    close();
    if (signal.aborted) return;
    if (error.status === 404) forget(user, id);
    // An archive of an earlier visit is gone if newer ones have taken its place.
    if (error.status !== 404 || requested) showError(error);
  }
}

/**
 * Requests the state of an archive, until the service responds.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Api.Download>}
 */
async function ask(id, signal) {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call("GET", `/api/downloads/${id}`, { signal });
    } catch (error) {
      // The service goes on packing meanwhile.
      if (!error.transient) throw error;
    }
    await pause();
  }
}

const pause = () => new Promise((wake) => setTimeout(wake, POLL_MS));

/**
 * Offers an archive that is ready. With `wantsFile`, also saves it.
 * @param {string} user
 * @param {Api.Download} archive
 * @param {boolean} wantsFile
 * @param {AbortSignal} signal removes the notice
 */
function offer(user, archive, wantsFile, signal) {
  const isSaved = wantsFile && !wouldAsk();
  const button = h("button", { type: "button", class: "text-button", onclick: () => {
    busy(button, () => saveArchive(archive.id)).catch(showError);
  } }, words.saveArchive);
  // Until the user closes the notice, the archive is offered again after a reload. A browser may fail to save it.
  const close = notice(words.packed(archive), { actions: [button], stays: !isSaved, onend: () => {
    if (!isSaved && !signal.aborted) forget(user, archive.id);
  } });
  signal.addEventListener("abort", close);
  if (isSaved && archive.url) location.assign(archive.url);
}

/** Saves an archive. An address works for an hour only, so this requests a new one. @param {string} id */
async function saveArchive(id) {
  const { url } = await call("GET", `/api/downloads/${id}`);
  if (wouldAsk()) open(url, "_blank", "noopener");
  else location.assign(url);
}

/**
 * Whether a download in this tab may make the page ask whether to leave it. The listeners of this event know. A download in
 * another tab needs a click.
 */
const wouldAsk = () => !dispatchEvent(new Event("beforeunload", { cancelable: true }));

// ------------------------------------------------------------ the archives that the browser remembers

const userId = () => /** @type {Api.Profile} */ (state.profile).id;

/** The key in localStorage of the archives of a user. No archive can be read with what is stored there. */
const storageKey = (user) => `darkroom.archives.${user}`;

/** Returns when each archive of a user expires, by its id. @param {string} user @returns {Record<string, string>} */
function remembered(user) {
  const archives = Object.entries(JSON.parse(localStorage.getItem(storageKey(user)) ?? "{}"));
  return Object.fromEntries(archives.filter(([, expiry]) => Date.parse(expiry) > Date.now()));
}

/** @param {string} user @param {Record<string, string>} archives */
function store(user, archives) {
  localStorage.setItem(storageKey(user), JSON.stringify(archives));
}

/** @param {string} user @param {Api.Download} archive */
function remember(user, { id, expires_at }) {
  store(user, { ...remembered(user), [id]: expires_at });
}

/** @param {string} user @param {string} id */
function forget(user, id) {
  const others = Object.entries(remembered(user)).filter(([other]) => other !== id);
  store(user, Object.fromEntries(others));
}
