// Polling images, with a fake API.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { watch } from "../../web/watcher.js";

const ID = "01JZ0000000000000000000001";
const TOKEN = `header.${btoa(JSON.stringify({ sub: "somebody" }))}.signature`;
/** The image that the fake API returns. */
let image;

/** @type {any} */
const answer = async (path) =>
  Response.json(path === "/api/auth/token/refresh" ? { access_token: TOKEN } : image);
globalThis.fetch = answer;

/** Waits until a listener has received an image with this title. */
async function heard(images, title) {
  for (let tries = 0; tries < 40; tries++) {
    if (images.some((image) => image?.title === title)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  assert.fail(`the listener did not receive "${title}"`);
}

const is = (status, title) => {
  image = { id: ID, status, title, updated_at: title, analysis: null, dropbox: null, source_image_id: null };
};

test("removing one listener of an image does not remove another", async () => {
  const [early, late] = [[], []];
  const leaving = new AbortController();
  is("ready", "first version");
  watch(ID, (image) => early.push(image), leaving.signal);
  await heard(early, "first version");
  // The image is finished, so it is no longer polled. A new version starts the polling again.
  is("processing", "second version");
  watch(ID, (image) => late.push(image));
  leaving.abort();
  is("ready", "second version, ready");
  await heard(late, "second version, ready");
});
