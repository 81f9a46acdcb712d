// Archives of many originals. The service makes them, and a notice shows the progress. The browser remembers the archives
// that a user requested, so that the notices are there again after a reload.

import { call } from "./api.js";
import { split } from "./batch.js";
import { h } from "./dom.js";
import { notice, showError } from "./notice.js";
import { state } from "./state.js";
import { texts } from "./texts.js";

const words = texts.select;
/** The maximum number of pictures in an archive. */
const MAX_FILES = 500;
const POLL_MS = 2000;
/** How long the page uses an address of an archive. The service makes addresses that work for an hour. */
const ADDRESS_MS = 50 * 60_000;

/** Aborted when the user logs out. */
let visit = new AbortController();
/**
 * The archives that are not ready yet. Each promise is resolved when its archive is ready or has failed.
 * @type {Set<Promise<void>>}
 */
const unfinished = new Set();
/** The archives that the page follows or offers: for each id, a function that removes the notice. @type {Map<string, () => void>} */
const shown = new Map();
/** How many downloads have groups of pictures that the page has not requested yet. */
let requesting = 0;
/** Whether the browser is about to save an archive. */
let isSaving = false;
/** Resolves when the browser has begun to save the archives before. */
let saves = Promise.resolve();

// The groups that the page has not requested are lost. The events of `wouldAsk` are not trusted, and saving an archive
// does not leave the page.
addEventListener("beforeunload", (event) => {
  if (requesting > 0 && event.isTrusted && !isSaving) event.preventDefault();
});

/**
 * Requests archives of pictures, as few as possible, and follows each of them. The service leaves out pictures that are not
 * ready. `say` shows what the page waits for.
 * @param {string[]} ids
 * @param {(text: string) => void} say
 */
export async function downloadArchives(ids, say) {
  requesting += 1;
  try {
    await requestArchives(ids, say);
  } finally {
    requesting -= 1;
  }
}

/** @param {string[]} ids @param {(text: string) => void} say */
async function requestArchives(ids, say) {
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

/** Shows the archives that the user requested in this browser, and that have not expired, unless the page shows them already. */
export function resumeArchives() {
  const user = userId();
  for (const id of Object.keys(remembered(user))) {
    if (!shown.has(id)) start(user, id);
  }
}

/** Removes all notices about archives. The browser still remembers the archives. */
export function stopArchives() {
  visit.abort();
  visit = new AbortController();
  for (const close of shown.values()) close();
  shown.clear();
}

/** Follows an archive. @param {string} user @param {string} id @param {Api.Download} [requested] as for `follow` */
function start(user, id, requested) {
  shown.set(id, () => {});
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
  // A screen reader announces the beginning and the end, and not each change of the numbers.
  const numbers = h("span", { "aria-live": "off" });
  let isClosed = false;
  let close = () => {};
  try {
    let archive = requested ?? await ask(id, signal);
    if (archive.status === "queued") {
      close = notice(h("span", null, words.packing, " ", numbers), { stays: true, onend: () => {
        isClosed = true;
      } });
      shown.set(id, close);
    }
    while (archive.status === "queued") {
      const line = words.progress(archive);
      if (numbers.textContent !== line) numbers.textContent = line;
      await pause();
      archive = await ask(id, signal);
    }
    const wantsFile = requested !== undefined && !isClosed;
    close();
    if (archive.failure) {
      forget(user, id);
      shown.delete(id);
      notice(texts.failure(archive.failure), { kind: "error" });
    } else if (wantsFile) {
      // A second address would replace one that the browser has not requested yet.
      saves = saves.then(() => {
        if (signal.aborted) return;
        offer(user, archive, signal, true);
        return pause();
      });
    } else if (requested || id in remembered(user)) {
      offer(user, archive, signal, false);
    } else {
      // Another tab has saved it.
      shown.delete(id);
    }
  } catch (error) {
    close();
    if (signal.aborted) return;
    shown.delete(id);
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

/** @returns {Promise<void>} */
const pause = () => new Promise((wake) => setTimeout(wake, POLL_MS));

/**
 * Offers an archive that is ready, until the user closes the notice. With `wantsFile`, also saves the archive.
 * @param {string} user
 * @param {Api.Download} archive
 * @param {AbortSignal} signal aborted when the user logs out
 * @param {boolean} wantsFile
 */
function offer(user, { id, url, ...archive }, signal, wantsFile) {
  const isSaved = wantsFile && !wouldAsk();
  const text = h("span", null, words.packed(archive));
  let expiry = Date.now() + ADDRESS_MS;
  /** Called when the browser is about to save the archive. The page then does not offer it again after a reload. */
  const onSaved = () => {
    forget(user, id);
    text.textContent = words.archiveSaved(archive);
    link.textContent = words.saveAgain;
  };
  const save = async () => {
    const { url: fresh } = await call("GET", `/api/downloads/${id}`);
    if (signal.aborted) return;
    link.href = fresh;
    expiry = Date.now() + ADDRESS_MS;
    // If the browser refuses to open a tab after the request, the user presses the link again.
    if (wouldAsk()) return link.click();
    onSaved();
    saveHere(fresh);
  };
  const link = h("a", { class: "text-button", href: url, target: "_blank", rel: "noopener", onclick: (event) => {
    // The browser follows the link. A tab needs a click, and some browsers refuse to open one after a request.
    if (wouldAsk() && Date.now() < expiry) return onSaved();
    event.preventDefault();
    save().catch((error) => {
      if (signal.aborted) return;
      if (error.status !== 404) return showError(error);
      close();
      notice(words.archiveGone, { kind: "error" });
    });
  } }, words.saveArchive);
  const close = notice(text, { actions: [link], stays: !isSaved, onend: () => {
    if (signal.aborted) return;
    forget(user, id);
    shown.delete(id);
  } });
  shown.set(id, close);
  if (isSaved && url) {
    onSaved();
    saveHere(url);
  }
}

/** Saves the archive at an address. The browser asks the page whether to leave it, although it stays. @param {string} url */
function saveHere(url) {
  isSaving = true;
  setTimeout(() => {
    isSaving = false;
  }, POLL_MS);
  location.assign(url);
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
  const archives = Object.entries(read(user));
  const valid = Object.fromEntries(archives.filter(([, expiry]) => Date.parse(expiry) > Date.now()));
  if (Object.keys(valid).length < archives.length) store(user, valid);
  return valid;
}

/** Returns what is stored for a user; nothing if it is damaged, or if the user has forbidden the page to store anything. */
function read(user) {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey(user)) ?? "{}");
    return stored?.constructor === Object ? stored : {};
  } catch {
    return {};
  }
}

/** @param {string} user @param {Record<string, string>} archives */
function store(user, archives) {
  try {
    if (Object.keys(archives).length > 0) localStorage.setItem(storageKey(user), JSON.stringify(archives));
    else localStorage.removeItem(storageKey(user));
  } catch {
    // The storage is full or forbidden. The archives are then not there after a reload.
  }
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
