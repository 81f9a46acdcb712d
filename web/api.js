// Calls to the API: tokens, problems, and what may be tried again.

import { texts } from "./texts.js";

/** What the API refused, or that it was not reached. `message` is a sentence that says what to do. */
export class ApiError extends Error {
  /** @param {{status?: number, code?: string, detail?: string, field?: string}} problem */
  constructor(problem) {
    super(texts.problem(problem));
    this.name = "ApiError";
    this.problem = problem;
    this.status = problem.status ?? 0;
    this.code = problem.code ?? "unreachable";
    this.field = problem.field ?? null;
    /** Whether the same request may well succeed later. */
    this.transient = this.status === 0 || this.status === 429 || this.status >= 500 && this.status !== 501;
    /** @type {number | null} in how many seconds it may, if the API says so */
    this.retryAfter = null;
  }
}

/** @type {string | null} */
let accessToken = null;
/** Whether this page's session has ended: a login alone begins another, whoever's cookie there is. */
let ended = false;
/** @type {Promise<void> | null} */
let refreshing = null;
let onSignedOut = () => {};

/** Gives what is called when the session has ended behind the page's back. */
export function whenSignedOut(listener) {
  onSignedOut = listener;
}

/**
 * The access token is kept in this module's memory alone, and the refresh token in a cookie that no script can read.
 * This mark only says whose such a cookie may be, so that a visitor who never logged in costs no request.
 */
const MARK = "darkroom.session";

export const session = {
  /** Whether somebody is logged in, as far as this browser knows. */
  get likely() {
    return localStorage.getItem(MARK) !== null;
  },

  async login(username, password) {
    const tokens = await send("POST", "/api/auth/login", { body: { username, password, refresh_token_in: "cookie" } });
    accessToken = tokens.access_token;
    ended = false;
    localStorage.setItem(MARK, userOf(accessToken));
  },

  /** Ends the session; `everywhere` ends all of this user's. It has not ended where the service was not reached. */
  async logout(everywhere = false) {
    try {
      await call("POST", "/api/auth/logout", { body: everywhere ? { everywhere: true } : {} });
    } catch (error) {
      if (error.transient) throw error;
    }
    session.forget();
  },

  forget() {
    accessToken = null;
    ended = true;
    localStorage.removeItem(MARK);
  },
};

/** Whose an access token is. */
function userOf(token) {
  return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
}

/** The session has ended here. What still has to be said with its token can be. */
function end() {
  onSignedOut();
  accessToken = null;
  ended = true;
}

// Logging out in one tab logs out the others, and so does another user's login: there is one cookie.
addEventListener("storage", ({ key, newValue }) => {
  if (key === MARK && accessToken !== null && newValue !== userOf(accessToken)) end();
});

function refresh() {
  if (ended) return Promise.reject(new ApiError({ status: 401, code: "unauthorized" }));
  const before = accessToken;
  refreshing ??= send("POST", "/api/auth/token/refresh", { body: {} })
    .then((tokens) => {
      const user = userOf(tokens.access_token);
      const isOther = before !== null && userOf(before) !== user;
      if (isOther && accessToken === before) end();
      // What was to be done for one user is not done for the next, who may also have logged in meanwhile.
      if (isOther || accessToken !== before) throw new ApiError({ status: 401, code: "unauthorized" });
      accessToken = tokens.access_token;
      localStorage.setItem(MARK, user);
    })
    .catch((error) => {
      if (!error.transient && accessToken === before) {
        if (session.likely) end();
        session.forget();
      }
      throw error;
    })
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

/**
 * A call as the user who is logged in.
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, key?: string, signal?: AbortSignal}} [options] `key`: the Idempotency-Key
 */
export async function call(method, path, options = {}) {
  if (accessToken === null) await refresh();
  try {
    return await send(method, path, { ...options, token: accessToken });
  } catch (error) {
    if (error.status !== 401) throw error;
    await refresh();
    return send(method, path, { ...options, token: accessToken });
  }
}

/** A call that needs no login. */
export const callPublic = (method, path, options = {}) => send(method, path, options);

/** A call while the page is being left: the browser sends it although nobody waits for it. */
export function callWhileLeaving(method, path) {
  if (accessToken === null) return;
  fetch(path, { method, keepalive: true, headers: { authorization: `Bearer ${accessToken}` } }).catch(() => {});
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, key?: string, token?: string | null, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the body
 */
async function send(method, path, { body, key, token, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  if (key) headers["idempotency-key"] = key;
  let response, text;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({});
  }
  const value = parse(text);
  if (response.ok) return value;
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  const error = new ApiError({ status: response.status, ...(value?.code ? value : {}) });
  error.retryAfter = retryAfter;
  throw error;
}

function parse(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** The query part of an address, without what is empty. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
