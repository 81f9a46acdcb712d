// Polling images, with a fake API.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { watch } from "../../web/watcher.js";

const ID = "01JZ0000000000000000000001";
const TOKEN = `header.${btoa(JSON.stringify({ sub: "user" }))}.signature`;
/** The image that the fake API returns. */
let image;

/** @type {any} */
const fakeFetch = async (path) =>
  Response.json(path === "/api/auth/token/refresh" ? { access_token: TOKEN } : image);
globalThis.fetch = fakeFetch;

/** Waits until a listener has received an image with this title. */
async function waitForTitle(images, title) {
  for (let tries = 0; tries < 40; tries++) {
    if (images.some((image) => image?.title === title)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  assert.fail(`the listener did not receive "${title}"`);
}

const setImage = (status, title) => {
  image = { id: ID, status, title, updated_at: title, analysis: null, dropbox: null, source_image_id: null };
};

test("removing one listener of an image does not remove another", async () => {
  const [early, late] = [[], []];
  const leaving = new AbortController();
  setImage("ready", "first version");
  watch(ID, (image) => early.push(image), leaving.signal);
  await waitForTitle(early, "first version");
  // The image is finished, so it is no longer polled. A new version starts the polling again.
  setImage("processing", "second version");
  watch(ID, (image) => late.push(image));
  leaving.abort();
  setImage("ready", "second version, ready");
  await waitForTitle(late, "second version, ready");
});
