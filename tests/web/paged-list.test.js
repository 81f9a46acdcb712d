// The order of a list with only some pages loaded.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { PagedList } from "../../web/paged-list.js";

const COUNT = 250;

/** Returns the id of an image. Newer images have larger ids. */
const id = (number) => `01${String(number).padStart(24, "0")}`;
const image = (number, more = {}) => /** @type {any} */ ({ id: id(number), ...more });

/** Loads a page of images with the numbers from COUNT down to 1. */
async function load(cursor, limit) {
  const from = Number(cursor ?? COUNT);
  const numbers = Array.from({ length: Math.min(limit, from) }, (_, index) => from - index);
  const next = from - limit;
  return { images: numbers.map((number) => image(number)), next_cursor: next > 0 ? String(next) : null };
}

/** Loads the first `count` items, and waits until they are loaded. */
async function loaded(list, count) {
  list.ensureLoaded(0, count - 1);
  while (list.knownCount < count) await new Promise((done) => list.addEventListener("change", done, { once: true }));
}

const ids = (list) => Array.from({ length: list.knownCount }, (_, index) => list.at(index)?.id);
const newestFirst = (list) => assert.deepEqual(ids(list), ids(list).sort().reverse());

test("an old image that changes is not inserted before newer ones, and keeps its place", async () => {
  const list = new PagedList(load);
  await loaded(list, 100);
  list.put(image(20, { title: "replaced" }));
  assert.equal(list.at(0)?.id, id(COUNT));
  assert.equal(list.knownCount, 100);
  await loaded(list, COUNT);
  assert.equal(list.indexOf(id(20)), COUNT - 20);
  assert.equal(list.knownCount, COUNT);
  newestFirst(list);
});

test("an old image that changes before the list is loaded is inserted in its place", async () => {
  const list = new PagedList(load);
  list.put(image(20, { title: "beyond the first page" }));
  list.put(image(200, { title: "in the first page" }));
  list.put(image(COUNT + 1, { title: "new" }));
  await loaded(list, 101);
  assert.equal(list.at(0)?.id, id(COUNT + 1));
  assert.equal(list.at(COUNT + 1 - 200)?.title, "in the first page");
  assert.equal(list.knownCount, 101);
  newestFirst(list);
});

test("new images are inserted in order, also if one is older than the newest loaded image", async () => {
  const list = new PagedList(async () => ({ images: [image(10), image(8)], next_cursor: null }));
  await loaded(list, 2);
  for (const number of [11, 9, 7]) list.put(image(number));
  assert.deepEqual(ids(list), [11, 10, 9, 8, 7].map(id));
});
