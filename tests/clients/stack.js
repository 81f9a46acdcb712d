// The running stack, described by `cargo xtask up`.

import dns from "node:dns";
import { readFileSync } from "node:fs";

/** @type {{api_url: string, demo: {username: string, password: string}}} */
export const outputs = JSON.parse(readFileSync(/** @type {string} */ (process.env.DARKROOM_OUTPUTS), "utf8"));

// Some resolvers do not resolve names below `.localhost` to this machine.
const lookup = dns.lookup;
dns.lookup = /** @type {any} */ ((host, options, callback) =>
  lookup(host.endsWith(".localhost") ? "localhost" : host, options, callback));

/**
 * Calls `ask` until it returns a value, for at most a minute.
 * @template T
 * @param {() => Promise<T | undefined>} ask
 * @param {string} what
 * @returns {Promise<T>}
 */
export async function until(ask, what) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((wake) => setTimeout(wake, 200))) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`waited a minute for ${what}`);
}
