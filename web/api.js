// Sends requests to the API. Manages the tokens and turns problems into errors.

import { SESSION_KEY, lastUser, takeEarly } from "./early.js";
import { texts } from "./texts.js";

/** A problem from the API, or a failed connection (status 0). `message` is a sentence for the user. */
export class ApiError extends Error {
  /** @param {{status?: number, code?: string, detail?: string, field?: string}} problem */
  constructor(problem) {
    super(texts.problem(problem));
    this.name = "ApiError";
    this.problem = problem;
    this.status = problem.status ?? 0;
    this.code = problem.code ?? "unreachable";
    this.field = problem.field ?? null;
    /** Whether the same request may succeed later. */
    this.transient = this.status === 0 || this.status === 429 && this.code !== "daily-limit-reached" || this.status >= 500 && this.status !== 501;
    /** @type {number | null} seconds to wait before the next attempt, if the API gives them */
    this.retryAfter = null;
  }
}

/** @type {string | null} */
let accessToken = null;
/** Whether the session has ended. Then only a login starts a new one: the cookie may belong to another user. */
let sessionEnded = false;
/** @type {Promise<void> | null} */
let refreshing = null;
/** @type {(isElsewhere: boolean) => void} */
let sessionEndedListener = () => {};

/**
 * Sets the function to call when the session ends without a logout on this page. Its argument tells whether the user has
 * logged out in another tab, or another user has logged in there.
 * @param {(isElsewhere: boolean) => void} listener
 */
export function onSessionEnded(listener) {
  sessionEndedListener = listener;
}

/** The session of the user. */
export const session = {
  /** Whether a session probably exists in this browser. */
  get isLikely() {
    return lastUser() !== null;
  },

  /**
   * Logs in with a user name or an e-mail address. Resolves to null, or to what `answer` needs if the service demands
   * one more step.
   * @param {string} name
   * @param {string} password
   */
  async login(name, password) {
    const field = EMAIL.test(name) ? { email: name } : { username: name };
    return begin(await send("POST", "/api/auth/login", { body: { ...field, password, refresh_token_in: "cookie" } }));
  },

  /**
   * Takes the next step of a login. `answer` is `{code}` or `{new_password}`. Resolves as `login` does.
   * @param {Api.Challenge} challenge
   * @param {{code: string} | {new_password: string}} answer
   */
  async answer({ username, session }, answer) {
    const body = { username, session, ...answer, refresh_token_in: "cookie" };
    return begin(await send("POST", "/api/auth/challenge", { body }));
  },

  /** Changes the password. All sessions end, and the page continues with a new one. Resolves as `login` does. */
  async changePassword(current_password, new_password) {
    return begin(await call("POST", "/api/auth/password", { body: { current_password, new_password } }));
  },

  /** Turns the second factor on. All sessions end, and the page continues with a new one. */
  async confirmTotp(code, password) {
    await begin(await call("POST", "/api/auth/totp/confirm", { body: { code, password } }));
  },

  /**
   * Ends the session, or with `everywhere` all sessions of the user.
   * @throws {ApiError} if the service is not available; the session then continues
   */
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
    sessionEnded = true;
    localStorage.removeItem(SESSION_KEY);
  },
};

const EMAIL = /^\S+@\S+\.\S+$/;

/**
 * Begins the session with the tokens in a response. If the response is a challenge, returns it.
 * @returns {Api.Challenge | null}
 */
function begin(response) {
  if (response.challenge) return response;
  accessToken = response.access_token;
  sessionEnded = false;
  localStorage.setItem(SESSION_KEY, userIdOf(accessToken));
  return null;
}

/** Returns the user id in an access token. */
function userIdOf(token) {
  return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
}

/** Ends the session on this page. The listener runs first, because it still needs the token. */
function endSession(isElsewhere = false) {
  sessionEndedListener(isElsewhere);
  accessToken = null;
  sessionEnded = true;
}

// All tabs share one cookie. So a logout, or a login of another user, in one tab ends the session in the others.
addEventListener("storage", ({ key, newValue }) => {
  if (key === SESSION_KEY && accessToken !== null && newValue !== userIdOf(accessToken)) endSession(true);
});

function refresh() {
  if (sessionEnded) return Promise.reject(new ApiError({ status: 401, code: "unauthorized" }));
  const before = accessToken;
  refreshing ??= send("POST", "/api/auth/token/refresh", { body: {} })
    .then((tokens) => {
      const user = userIdOf(tokens.access_token);
      const isOther = before !== null && userIdOf(before) !== user;
      if (isOther && accessToken === before) endSession(true);
      // A request of one user must not be sent as another user, who may have logged in meanwhile.
      if (isOther || accessToken !== before) throw new ApiError({ status: 401, code: "unauthorized" });
      accessToken = tokens.access_token;
      localStorage.setItem(SESSION_KEY, user);
    })
    .catch((error) => {
      if (!error.transient && accessToken === before) {
        if (session.isLikely) endSession();
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
 * Sends a request as the user who is logged in. Refreshes the access token if necessary.
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

/** Sends a request that needs no login. */
export const callPublic = (method, path, options = {}) => send(method, path, options);

/**
 * Sends a request while the user leaves the page. The browser completes it after the page is closed.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
export function callWhileLeaving(method, path, body) {
  if (accessToken === null) return;
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${accessToken}` };
  if (body) headers["content-type"] = "application/json";
  fetch(path, { method, keepalive: true, headers, body: body && JSON.stringify(body) }).catch(() => {});
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, key?: string, token?: string | null, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the body
 */
async function send(method, path, { body, key, token, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  if (key) headers["idempotency-key"] = key;
  const request = () => fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  let response, text;
  try {
    // An early request that is lost is sent again.
    response = await (takeEarly(method, path)?.catch(request) ?? request());
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
  // The page did not know the user's tier.
  if (error.code.endsWith("-not-in-tier")) dispatchEvent(new CustomEvent("not-in-tier"));
  throw error;
}

function parse(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
