// Asking for images until they are settled, against an API that is made here.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { watch } from "../../web/watcher.js";

const ID = "01JZ0000000000000000000001";
const TOKEN = `header.${btoa(JSON.stringify({ sub: "somebody" }))}.signature`;
/** What the API says of the image. */
let image;

/** @type {any} */
const answer = async (path) =>
  Response.json(path === "/api/auth/token/refresh" ? { access_token: TOKEN } : image);
globalThis.fetch = answer;

/** Waits until an image has been heard of whose title is this. */
async function heard(images, title) {
  for (let tries = 0; tries < 40; tries++) {
    if (images.some((image) => image?.title === title)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  assert.fail(`nothing was heard of "${title}"`);
}

const is = (status, title) => {
  image = { id: ID, status, title, updated_at: title, analysis: null, dropbox: null, source_image_id: null };
};

test("whoever stops watching an image does not stop another one who watches it", async () => {
  const [early, late] = [[], []];
  const leaving = new AbortController();
  is("ready", "first version");
  watch(ID, (image) => early.push(image), leaving.signal);
  await heard(early, "first version");
  // The image is settled, so it is not watched any more, until somebody uploads another version.
  is("processing", "second version");
  watch(ID, (image) => late.push(image));
  leaving.abort();
  is("ready", "second version, ready");
  await heard(late, "second version, ready");
});
