// Operations on many images: with as few requests as possible.

import { ApiError, call } from "./api.js";

/** The maximum number of operations in one request. */
const MAX_OPERATIONS = 100;
/** How many requests for single images are sent at the same time. */
const MAX_PARALLEL = 4;

/**
 * What has failed: the ids, and the error of the last one.
 * @typedef {{failed: string[], error: Error | null}} Outcome
 */

/**
 * Deletes images. An image that is gone already counts as deleted.
 * @param {string[]} ids
 * @param {{base?: string, isPermanent?: boolean}} [options] `base`: the address of the images
 * @returns {Promise<Outcome>}
 */
export function deleteAll(ids, { base = "/api/images", isPermanent = false } = {}) {
  if (base === "/api/images" && ids.length > 1) {
    return sendBatches(ids.map((id) => ({ id, action: "delete", ...(isPermanent && { permanent: true }) })));
  }
  return sendSingly(ids, (id) => call("DELETE", `${base}/${id}${isPermanent ? "?permanent=true" : ""}`));
}

/** Takes images out of the trash. @param {string[]} ids @returns {Promise<Outcome>} */
export const restoreAll = (ids) => sendBatches(ids.map((id) => ({ id, action: "restore" })));

/** @param {{id: string, action: string}[]} operations @returns {Promise<Outcome>} */
async function sendBatches(operations) {
  /** @type {Outcome} */
  const outcome = { failed: [], error: null };
  for (let from = 0; from < operations.length; from += MAX_OPERATIONS) {
    const part = operations.slice(from, from + MAX_OPERATIONS);
    try {
      const { outcomes } = await call("POST", "/api/images/batch", { body: { operations: part }, key: crypto.randomUUID() });
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
