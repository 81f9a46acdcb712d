// The running stack, described by `cargo xtask up`, and direct calls to it.

import assert from "node:assert/strict";
import dns from "node:dns";
import { readFileSync } from "node:fs";

/**
 * @typedef {{username: string, password: string}} Login
 * @type {{api_url: string, web_url: string, edge_url: string, endpoint_url: string, uploads_bucket: string,
 *   derived_bucket: string, demo: Login, admin: Login}}
 */
export const outputs = JSON.parse(readFileSync(/** @type {string} */ (process.env.DARKROOM_OUTPUTS), "utf8"));

// Some resolvers do not resolve names below `.localhost` to this machine. Chromium does.
const { lookup, promises: { lookup: lookupLater } } = dns;
const local = (host) => host.endsWith(".localhost") ? "localhost" : host;
dns.lookup = /** @type {any} */ ((host, options, callback) => lookup(local(host), options, callback));
// Playwright uses this one.
dns.promises.lookup = /** @type {any} */ ((host, options) => lookupLater(local(host), options));

/**
 * Calls `ask` until it returns a value, for at most a minute.
 * @template T
 * @param {() => Promise<T | undefined> | T | undefined} ask
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

/**
 * Calls the API. The test fails if the status is not 2xx.
 * @param {string} method
 * @param {string} path
 * @param {{token?: string, body?: unknown}} [request]
 * @returns {Promise<any>}
 */
export async function api(method, path, { token, body } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(outputs.api_url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** @param {Login} login @returns {Promise<string>} an access token */
export async function token({ username, password }) {
  return (await api("POST", "/api/auth/login", { body: { username, password } })).access_token;
}

let count = 0;

/** Returns an unused name and e-mail address, and a password. */
export function newAccount() {
  const username = `user-${Date.now().toString(36)}-${process.pid}-${count++}`;
  return { username, email: `${username}@example.com`, password: "Browser-Test-1" };
}

/**
 * Waits for at least `count` e-mails to an address, and returns their texts, oldest first.
 * @param {string} email
 */
export function mailTexts(email, count = 1) {
  return until(async () => {
    const { messages } = await (await fetch(`${outputs.endpoint_url}/_ministack/ses/messages`)).json();
    const mails = Object.values(messages).flat().filter((mail) => mail.To?.includes(email));
    const texts = mails.map((mail) => mail.BodyText ?? mail.BodyHtml);
    return texts.length >= count ? texts : undefined;
  }, `${count} mails to ${email}`);
}

/** Waits for at least `count` e-mails to an address, and returns their codes, oldest first. */
export async function mailedCodes(email, count = 1) {
  return (await mailTexts(email, count)).map((text) => /\b\d{6}\b/.exec(text)?.[0]);
}

/** Registers and confirms a new user with the API. */
export async function registerUser() {
  const account = newAccount();
  await api("POST", "/api/auth/register", { body: account });
  const [code] = await mailedCodes(account.email);
  await api("POST", "/api/auth/confirm", { body: { username: account.username, code } });
  return account;
}

/**
 * Moves a user to a tier, as the admin.
 * @param {Login} login
 * @param {string} tier for example `enterprise`
 */
export async function moveToTier(login, tier) {
  const { id } = await api("GET", "/api/auth/profile", { token: await token(login) });
  await api("PUT", `/api/admin/users/${id}/tier`, { token: await token(outputs.admin), body: { tier } });
}
