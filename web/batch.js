// Operations on many images: with as few requests as possible.

import { ApiError, call, callWhileLeaving } from "./api.js";

/** The address of the user's own images. Only these have requests with many operations. */
const OWN = "/api/images";
const BATCH = `${OWN}/batch`;
/** The maximum number of operations in one request. */
const MAX_OPERATIONS = 100;
/** How many requests for single images are sent at the same time. */
const MAX_PARALLEL = 4;
/**
 * How many images a page can delete with batches while the user leaves it. Browsers accept 64 KiB in the bodies of such
 * requests (Fetch Standard, "HTTP-network-or-cache fetch"), and a body with 100 deletions has less than 6 KB.
 */
const MAX_WHILE_LEAVING = 1000;
/** The same for requests for single images. Chromium accepts 256 such requests of a page. */
const MAX_SINGLE_WHILE_LEAVING = 200;

/**
 * What has failed: the ids, and the error of the last one.
 * @typedef {{failed: string[], error: Error | null}} Outcome
 */

/** The operations that are under way. @type {Set<Promise<unknown>>} */
const running = new Set();
/** What a logout waits for too: requests that follow the operations. @type {Set<Promise<unknown>>} */
const following = new Set();
/** For operations that are under way: functions that send what no request contains yet. @type {Set<() => void>} */
const rests = new Set();

// The page sends one request after the other. If the user leaves it, the browser may refuse a part of the rest.
addEventListener("beforeunload", (event) => {
  if (running.size > 0) event.preventDefault();
});
addEventListener("pagehide", () => finishWhileLeaving());

/**
 * Has the page ask before the user leaves it, until the operations have ended. Returns what they return.
 * @template Result
 * @param {Promise<Result>} operations
 */
export function guard(operations) {
  running.add(operations);
  return operations.finally(() => running.delete(operations));
}

/** Has a logout wait for a promise. Otherwise it would end the session of its requests. @param {Promise<unknown>} work */
export function holdLogout(work) {
  following.add(work);
  return work.finally(() => following.delete(work));
}

/** Whether a logout has to wait. */
export const hasOperations = () => running.size + following.size > 0;

/** Resolves when all that a logout waits for has ended. */
export const operationsEnd = () => Promise.allSettled([...running, ...following]);

/** Sends the rest of the operations that are under way, because the user leaves the page. The browser has limits for this. */
export function finishWhileLeaving() {
  for (const send of rests) send();
}

const usesBatches = (ids, base) => base === OWN && ids.length > 1;

/**
 * Deletes images. An image that is gone already counts as deleted.
 * @param {string[]} ids
 * @param {{base?: string, isPermanent?: boolean}} [options] `base`: the address of the images
 * @returns {Promise<Outcome>}
 */
export function deleteAll(ids, { base = OWN, isPermanent = false } = {}) {
  if (usesBatches(ids, base)) return guard(sendBatches(deletions(ids, isPermanent)));
  return guard(deleteSingly(ids, (id) => `${base}/${id}${isPermanent ? "?permanent=true" : ""}`));
}

/**
 * Deletes images while the user leaves the page. The browser refuses requests beyond its limits.
 * @param {string[]} ids
 * @param {string} base
 */
export function deleteWhileLeaving(ids, base) {
  if (!usesBatches(ids, base)) return ids.forEach((id) => callWhileLeaving("DELETE", `${base}/${id}`));
  for (const part of split(deletions(ids), MAX_OPERATIONS)) sendWhileLeaving(part);
}

/** The part of the browser's limits that `deleteWhileLeaving` needs. @param {string[]} ids @param {string} base */
export const shareOfLimits = (ids, base) =>
  ids.length / (usesBatches(ids, base) ? MAX_WHILE_LEAVING : MAX_SINGLE_WHILE_LEAVING);

/** Takes images out of the trash. @param {string[]} ids @returns {Promise<Outcome>} */
export const restoreAll = (ids) => guard(sendBatches(ids.map((id) => ({ id, action: "restore" }))));

/** @param {string[]} ids */
const deletions = (ids, isPermanent = false) =>
  ids.map((id) => ({ id, action: "delete", ...(isPermanent && { permanent: true }) }));

/**
 * Splits a list into parts of at most `size` items.
 * @template Item
 * @param {Item[]} items
 * @param {number} size
 */
export const split = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** Sends a part of the operations while the user leaves the page. @param {{id: string, action: string}[]} operations */
const sendWhileLeaving = (operations) => callWhileLeaving("POST", BATCH, { operations });

/**
 * Takes the items of a list one by one. If the user leaves the page, `leave` gets each item that is left.
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => Promise<void>} work
 * @param {(item: Item) => void} leave
 * @param {number} [parallel] how many items are worked on at the same time
 */
async function forEach(items, work, leave, parallel = 1) {
  const waiting = [...items];
  const rest = () => waiting.splice(0).forEach(leave);
  rests.add(rest);
  await Promise.all(Array.from({ length: parallel }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  }));
  rests.delete(rest);
}

/** @param {{id: string, action: string}[]} operations @returns {Promise<Outcome>} */
async function sendBatches(operations) {
  /** @type {Outcome} */
  const outcome = { failed: [], error: null };
  await forEach(split(operations, MAX_OPERATIONS), async (part) => {
    try {
      const { outcomes } = await call("POST", BATCH, { body: { operations: part }, key: crypto.randomUUID() });
      for (const { id, problem } of outcomes) {
        if (problem && problem.code !== "not-found") note(outcome, id, new ApiError(problem));
      }
    } catch (error) {
      for (const { id } of part) note(outcome, id, error);
    }
  }, sendWhileLeaving);
  return outcome;
}

/** @param {string[]} ids @param {(id: string) => string} path @returns {Promise<Outcome>} */
async function deleteSingly(ids, path) {
  /** @type {Outcome} */
  const outcome = { failed: [], error: null };
  await forEach(ids, async (id) => {
    try {
      await call("DELETE", path(id));
    } catch (error) {
      // Somebody else has deleted it.
      if (error.status !== 404) note(outcome, id, error);
    }
  }, (id) => callWhileLeaving("DELETE", path(id)), MAX_PARALLEL);
  return outcome;
}

/** @param {Outcome} outcome @param {string} id @param {Error} error */
function note(outcome, id, error) {
  outcome.failed.push(id);
  outcome.error = error;
}
