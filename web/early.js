// The first requests of a user who is logged in. This script is small, so they run while the browser loads app.js, which
// takes the responses. A module that both scripts import exists twice, so it must have no state.

import { chosenOrder, listParameters } from "./chosen-order.js";
import { query } from "./query.js";
import { PAGE_SIZE } from "./tiles.js";

/**
 * The key in localStorage of the id of the user who logged in last. It shows that a cookie with a refresh token may
 * exist, so that a visitor who never logged in causes no request. The access token is only in memory, and no script
 * can read the cookie.
 */
export const SESSION_KEY = "darkroom.session";

/** Returns the id of the user who logged in last, or null. */
export function lastUser() {
  try {
    return localStorage.getItem(SESSION_KEY);
  } catch {
    // The user has forbidden the page to store anything.
    return null;
  }
}

/** A response that nobody has taken after this time is dropped. */
const MAX_AGE_MS = 20_000;

/** How many pictures begin to load when the list arrives: the first row on a phone. The grid loads the others later. */
const FIRST_PICTURES = 3;

/** The user of the requests. */
const user = lastUser();
/** @type {Map<string, Promise<Response>>} */
const responses = new Map();
const drop = () => responses.clear();

/**
 * Returns the response to a request that this script has sent. Each response can be taken once.
 * @param {string} method
 * @param {string} path
 */
export function takeEarly(method, path) {
  // Another user may have logged in, also in another tab.
  if (lastUser() !== user) drop();
  const name = `${method} ${path}`;
  const response = responses.get(name);
  responses.delete(name);
  return response;
}

/** @param {string} name the method and the path @param {Promise<Response>} response */
function keep(name, response) {
  responses.set(name, response);
  // app.js takes the response, and handles its error.
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
    if (!response.ok) throw new Error("no session");
    return `Bearer ${(await response.clone().json()).access_token}`;
  });
  // A later attempt must not take the failures that follow.
  authorization.catch(drop);
  /** @param {string} path */
  const get = (path) => {
    const response = authorization.then((authorization) => fetch(path, { headers: { ...accept, authorization } }));
    keep(`GET ${path}`, response);
    return response;
  };
  keep("POST /api/auth/token/refresh", tokens);
  keep("GET /api/account-tiers", fetch("/api/account-tiers", { headers: accept }));
  get("/api/auth/profile");
  // app.js takes the list, and shows its error.
  if (["", "#/"].includes(location.hash)) {
    const list = query({ limit: PAGE_SIZE, ...listParameters(chosenOrder({})) });
    loadPictures(get(`/api/images${list}`)).catch(() => {});
  }
  setTimeout(drop, MAX_AGE_MS);
}

// Guests need no login.
if (user !== null && !location.hash.startsWith("#/send/")) start();
