// The order of a list with only some pages loaded.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { orderOf } from "../../web/chosen-order.js";
import { groupOf, listOrder } from "../../web/order.js";
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

test("an empty first page, which others follow, removes no image from the list", async () => {
  let isEmpty = false;
  const list = new PagedList(async (cursor, limit) =>
    (isEmpty && cursor === null ? { images: [], next_cursor: "1" } : load(cursor, limit)));
  await loaded(list, 100);
  isEmpty = true;
  await list.renew();
  assert.equal(list.knownCount, 100);
  newestFirst(list);
});

test("a list that is compared with the service keeps what is added during the request", async () => {
  let meanwhile = () => {};
  const list = new PagedList(async (cursor, limit) => {
    const page = await load(cursor, limit);
    meanwhile();
    return page;
  });
  await loaded(list, 100);
  meanwhile = () => list.put(image(COUNT + 1));
  await list.renew();
  assert.equal(list.at(0)?.id, id(COUNT + 1));
  newestFirst(list);
});

test("a list is loaded up to the place of a picture, also if it does not contain the picture", async () => {
  const { signal } = new AbortController();
  const list = new PagedList(load);
  await list.loadTo(image(120), signal);
  assert.equal(list.indexOf(id(120)), COUNT - 120);
  assert.equal(list.knownCount, 200);
  await list.loadTo(image(230), signal);
  assert.equal(list.knownCount, 200);
  const others = new PagedList(async (cursor, limit) => {
    const { images, next_cursor } = await load(cursor, limit);
    return { images: images.filter((one) => one.id !== id(120)), next_cursor };
  });
  await others.loadTo(image(120), signal);
  assert.equal(others.knownCount, 199);
});

test("a search for a picture ends when the user looks at another one, or with the failure of the list", async () => {
  const ended = new AbortController();
  const list = new PagedList((cursor, limit) => {
    if (cursor !== null) ended.abort();
    return load(cursor, limit);
  });
  await list.loadTo(image(1), ended.signal);
  assert.equal(list.knownCount, 200);
  const broken = new PagedList(async (cursor, limit) => {
    if (cursor !== null) throw new Error("away");
    return load(cursor, limit);
  });
  await assert.rejects(broken.loadTo(image(1), new AbortController().signal), /away/);
});

test("a list that loads no pages takes a new order, and loses what is not in it", () => {
  const list = new PagedList(async () => ({ images: [], next_cursor: null }));
  list.set([image(1), image(2), image(3)]);
  list.hide(id(3));
  list.set([image(2), image(1), image(3)]);
  assert.deepEqual(ids(list), [2, 1].map(id));
  list.set([image(1)]);
  assert.deepEqual(ids(list), [id(1)]);
});

/** The images of a list by the time taken: the number is the order of the uploads. */
const taken = (number, taken_at) => image(number, { created_at: "2026-06-01T00:00:00Z", exif: taken_at && { taken_at } });

/** Returns a list by the time taken that is already known, in groups of months. */
async function takenList(images, order) {
  const chosen = orderOf({ sort: "taken_at", order });
  const list = new PagedList(async () => ({ images, next_cursor: null }), undefined, listOrder(chosen), groupOf(chosen));
  await loaded(list, images.length);
  return list;
}

test("a picture whose time becomes known moves to its place, and to its month", async () => {
  const may = taken(3, "2026-05-20T10:00:00+02:00");
  const list = await takenList([taken(2, null), may, taken(1, "2026-05-01T10:00:00")], "desc");
  assert.deepEqual(list.groups(), [{ group: "2026-06", count: 1 }, { group: "2026-05", count: 2 }]);
  list.put(taken(4, null));
  assert.deepEqual(ids(list), [4, 2, 3, 1].map(id));
  list.put(taken(4, "2026-05-20T09:59:59.5-10:00"));
  assert.deepEqual(ids(list), [2, 3, 4, 1].map(id));
  assert.deepEqual(list.groups(), [{ group: "2026-06", count: 1 }, { group: "2026-05", count: 3 }]);
  list.put({ ...may, title: "changed" });
  assert.equal(list.at(1)?.title, "changed");
  assert.equal(list.knownCount, 4);
});

test("the oldest come first in the other direction", async () => {
  const list = await takenList([taken(1, "2026-05-01T10:00:00"), taken(3, "2026-05-20T10:00:00")], "asc");
  for (const item of [taken(5, "2026-05-10T10:00:00"), taken(6, "2026-04-10T10:00:00"), taken(2, null)]) list.put(item);
  assert.deepEqual(ids(list), [6, 1, 5, 3, 2].map(id));
});

test("the groups of a page stay when its pictures are dropped", async () => {
  const count = 2000;
  const chosen = orderOf({ sort: "taken_at", order: "desc", group: "day" });
  const day = (number) => `2026-05-${String(Math.floor(number / 100) + 1).padStart(2, "0")}T10:00:00`;
  const list = new PagedList(async (cursor, limit) => {
    const from = Number(cursor ?? count);
    const numbers = Array.from({ length: limit }, (_, index) => from - 1 - index);
    return { images: numbers.map((number) => taken(number, day(number))), next_cursor: from > limit ? String(from - limit) : null };
  }, undefined, listOrder(chosen), groupOf(chosen));
  await loaded(list, count);
  assert.ok(ids(list).includes(undefined), "a page is dropped");
  const groups = Array.from({ length: 20 }, (_, index) => ({ group: day(1999 - index * 100).slice(0, 10), count: 100 }));
  assert.deepEqual(list.groups(), groups);
});
