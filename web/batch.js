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

// The page sends one request after the other. If the user leaves it, the rest is not sent.
addEventListener("beforeunload", (event) => {
  if (running.size > 0) event.preventDefault();
});

/**
 * Has the page ask before the user leaves it, until the operations have ended. Returns what they return.
 * @template Result
 * @param {Promise<Result>} operations
 */
export function guard(operations) {
  running.add(operations);
  return operations.finally(() => running.delete(operations));
}

/** Resolves when all operations that are under way have ended. */
export const operationsEnd = () => Promise.allSettled(running);

const usesBatches = (ids, base) => base === OWN && ids.length > 1;

/**
 * Deletes images. An image that is gone already counts as deleted.
 * @param {string[]} ids
 * @param {{base?: string, isPermanent?: boolean}} [options] `base`: the address of the images
 * @returns {Promise<Outcome>}
 */
export function deleteAll(ids, { base = OWN, isPermanent = false } = {}) {
  if (usesBatches(ids, base)) return guard(sendBatches(deletions(ids, isPermanent)));
  return guard(sendSingly(ids, (id) => call("DELETE", `${base}/${id}${isPermanent ? "?permanent=true" : ""}`)));
}

/**
 * Deletes images while the user leaves the page. The browser refuses requests beyond its limits.
 * @param {string[]} ids
 * @param {string} base
 */
export function deleteWhileLeaving(ids, base) {
  if (!usesBatches(ids, base)) return ids.forEach((id) => callWhileLeaving("DELETE", `${base}/${id}`));
  for (const operations of parts(deletions(ids))) callWhileLeaving("POST", BATCH, { operations });
}

/** The part of the browser's limits that `deleteWhileLeaving` needs. @param {string[]} ids @param {string} base */
export const shareOfLimits = (ids, base) =>
  ids.length / (usesBatches(ids, base) ? MAX_WHILE_LEAVING : MAX_SINGLE_WHILE_LEAVING);

/** Takes images out of the trash. @param {string[]} ids @returns {Promise<Outcome>} */
export const restoreAll = (ids) => guard(sendBatches(ids.map((id) => ({ id, action: "restore" }))));

/** @param {string[]} ids */
const deletions = (ids, isPermanent = false) =>
  ids.map((id) => ({ id, action: "delete", ...(isPermanent && { permanent: true }) }));

/** Divides operations into those of each request. @param {{id: string, action: string}[]} operations */
const parts = (operations) => Array.from({ length: Math.ceil(operations.length / MAX_OPERATIONS) }, (_, index) =>
  operations.slice(index * MAX_OPERATIONS, (index + 1) * MAX_OPERATIONS));

/** @param {{id: string, action: string}[]} operations @returns {Promise<Outcome>} */
async function sendBatches(operations) {
  /** @type {Outcome} */
  const outcome = { failed: [], error: null };
  for (const part of parts(operations)) {
    try {
      const { outcomes } = await call("POST", BATCH, { body: { operations: part }, key: crypto.randomUUID() });
      for (const { id, problem } of outcomes) {
        if (problem && problem.code !== "not-found") note(outcome, id, new ApiError(problem));
      }
    } catch (error) {
      for (const { id } of part) note(outcome, id, error);
    }
  }
  return outcome;
}

/** @param {string[]} ids @param {(id: string) => Promise<unknown>} send @returns {Promise<Outcome>} */
async function sendSingly(ids, send) {
  const waiting = [...ids];
  /** @type {Outcome} */
  const outcome = { failed: [], error: null };
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await send(id);
      } catch (error) {
        // Somebody else has deleted it.
        if (error.status !== 404) note(outcome, id, error);
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, work));
  return outcome;
}

/** @param {Outcome} outcome @param {string} id @param {Error} error */
function note(outcome, id, error) {
  outcome.failed.push(id);
  outcome.error = error;
}
