// The first requests of a user who is logged in. This script is small, so they run while the browser loads the others.

import { query } from "./query.js";
import { PAGE_SIZE, tiles } from "./tiles.js";

/**
 * The key in localStorage of the id of the user who logged in last. It shows that a cookie with a refresh token may
 * exist, so that a visitor who never logged in causes no request. The access token is only in memory, and no script
 * can read the cookie.
 */
export const SESSION_KEY = "darkroom.session";

/** A response that nobody has taken after this time is dropped. */
const MAX_AGE_MS = 20_000;

/** How many pictures begin to load when the list arrives: about those that a phone shows. */
const FIRST_PICTURES = 18;

/** @type {Map<string, Promise<Response>>} */
const responses = new Map();

/**
 * Returns the response to a request that this script has sent. Each response can be taken once.
 * @param {string} method
 * @param {string} path
 */
export function takeEarly(method, path) {
  const name = `${method} ${path}`;
  const response = responses.get(name);
  responses.delete(name);
  return response;
}

/** Drops all responses, because another user may log in. */
export function dropEarly() {
  responses.clear();
}

/** @param {string} name the method and the path @param {Promise<Response>} response */
function keep(name, response) {
  responses.set(name, response);
  // Whoever takes the response handles its error.
  response.catch(() => {});
}

/** Loads the first pictures of a list into the cache of the browser. @param {Promise<Response>} list */
async function loadPictures(list) {
  const response = await list;
  if (!response.ok) return;
  const { images } = await response.clone().json();
  for (const { thumbnails: [thumbnail] } of images.slice(0, FIRST_PICTURES)) {
    if (thumbnail) new Image().src = thumbnail.url;
  }
}

function start() {
  const accept = { accept: "application/json" };
  const tokens = fetch("/api/auth/token/refresh", { method: "POST", headers: { ...accept, "content-type": "application/json" }, body: "{}" });
  const authorization = tokens.then(async (response) => {
    if (!response.ok) {
      dropEarly();
      throw new Error("no session");
    }
    return `Bearer ${(await response.clone().json()).access_token}`;
  });
  /** @param {string} path */
  const get = (path) => {
    const response = authorization.then((authorization) => fetch(path, { headers: { ...accept, authorization } }));
    keep(`GET ${path}`, response);
    return response;
  };
  keep("POST /api/auth/token/refresh", tokens);
  keep("GET /api/account-tiers", fetch("/api/account-tiers", { headers: accept }));
  get("/api/auth/profile");
  // Whoever takes the list shows its error.
  if (["", "#/"].includes(location.hash)) loadPictures(get(`/api/images${query({ limit: PAGE_SIZE, ...tiles() })}`)).catch(() => {});
  setTimeout(dropEarly, MAX_AGE_MS);
}

// Guests need no login.
if (localStorage.getItem(SESSION_KEY) !== null && !location.hash.startsWith("#/send/")) start();
