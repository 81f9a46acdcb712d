// Selecting pictures of a list of which only some pages are loaded.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { PagedList } from "../../web/paged-list.js";
import { Selection } from "../../web/selection.js";

const COUNT = 2500;
const id = (number) => `01${String(number).padStart(24, "0")}`;

/** Loads a page of images with the numbers from COUNT down to 1. */
async function load(cursor, limit) {
  const from = Number(cursor ?? COUNT);
  const images = Array.from({ length: Math.min(limit, from) }, (_, index) => /** @type {any} */ ({ id: id(from - index) }));
  return { images, next_cursor: from > limit ? String(from - limit) : null };
}

test("everything is selected, although most pages are dropped while the list is loaded", async () => {
  const list = new PagedList(load);
  const selection = new Selection(list);
  await selection.selectAll();
  assert.equal(selection.size, COUNT);
  assert.deepEqual([selection.ids[0], selection.ids.at(-1)], [id(COUNT), id(1)]);
  // Only the first page and the twelve pages that were used last have items.
  assert.equal(list.items().length, 1300);
});

test("a range reaches from the picture that was selected last, in both directions", async () => {
  const list = new PagedList(load);
  await list.loadToEnd();
  const selection = new Selection(list);
  selection.toggle(id(2000));
  selection.extendTo(id(1995));
  assert.equal(selection.size, 6);
  selection.extendTo(id(1997));
  assert.equal(selection.size, 6);
  selection.toggle(id(1997));
  assert.deepEqual([selection.size, selection.has(id(1997))], [5, false]);
  selection.clear();
  assert.equal(selection.size, 0);
});

test("a range that a finger selects follows the finger, and leaves other pictures as they are", async () => {
  const list = new PagedList(load);
  await list.loadToEnd();
  const selection = new Selection(list);
  selection.toggle(id(1000));
  selection.toggle(id(1996));
  const extend = selection.beginRange(id(2000));
  assert.equal(selection.size, 3);
  extend(id(1995));
  assert.deepEqual(selection.ids, [2000, 1999, 1998, 1997, 1996, 1995, 1000].map(id));
  extend(id(2001));
  assert.deepEqual(selection.ids, [2001, 2000, 1996, 1000].map(id));
  // A range that begins with a selected picture takes its pictures out of the selection.
  selection.beginRange(id(2001))(id(1997));
  assert.deepEqual(selection.ids, [1996, 1000].map(id));
});

test("a group is selected to its end, also if most of it is not loaded, and the second time nothing of it", async () => {
  const group = ({ id }) => (Number(id.slice(2)) > 2450 ? "new" : Number(id.slice(2)) > 1000 ? "middle" : "old");
  const list = new PagedList(load, undefined, undefined, group);
  list.ensureLoaded(0, 99);
  while (list.knownCount < 100) await new Promise((done) => list.addEventListener("change", done, { once: true }));
  const selection = new Selection(list);
  selection.toggle(id(COUNT));
  await selection.toggleGroup("middle");
  assert.deepEqual([selection.size, selection.has(id(2450)), selection.has(id(1001)), selection.has(id(1000))], [1451, true, true, false]);
  // The list was loaded only to the end of the group.
  assert.equal(list.knownCount, 1600);
  await selection.toggleGroup("middle");
  assert.deepEqual(selection.ids, [id(COUNT)]);
});

test("a picture that leaves the list is no longer selected", async () => {
  const list = new PagedList(load);
  await list.loadToEnd();
  const selection = new Selection(list);
  for (const number of [2000, 1000]) selection.toggle(id(number));
  let changes = 0;
  selection.addEventListener("change", () => (changes += 1));
  for (const number of [2000, 1999]) list.hide(id(number));
  await null;
  assert.deepEqual([selection.size, changes], [1, 1]);
  selection.dispose();
  list.hide(id(1000));
  await null;
  assert.equal(selection.size, 1);
});

test("pictures of dropped pages are hidden and put back in their places", async () => {
  const list = new PagedList(load);
  await list.loadToEnd();
  const before = list.ids();
  const hidden = [500, 501, 2400].map(id);
  const restore = hidden.map((one) => list.hide(one));
  assert.equal(list.knownCount, COUNT - 3);
  assert.ok(hidden.every((one) => list.indexOf(one) < 0));
  for (const show of restore.reverse()) show();
  assert.deepEqual(list.ids(), before);
  assert.equal(list.knownCount, COUNT);
});

test("a list that fails on the way to its end says so, and nothing is selected", async () => {
  const list = new PagedList(async (cursor, limit) => {
    if (cursor !== null) throw new Error("away");
    return load(cursor, limit);
  });
  const selection = new Selection(list);
  await assert.rejects(selection.selectAll(), /away/);
  assert.equal(selection.size, 0);
});

test("the neighbour of the selection is the picture after it, or at the end of the list the one before it", async () => {
  const list = new PagedList(load);
  await list.loadToEnd();
  const selection = new Selection(list);
  selection.toggle(id(2000));
  selection.toggle(id(1997));
  assert.equal(selection.neighbour, id(1996));
  selection.toggle(id(1));
  assert.equal(selection.neighbour, id(2));
  await selection.selectAll();
  assert.equal(selection.neighbour, null);
});

test("a renewed list has what was added elsewhere, and lacks what was deleted elsewhere", async () => {
  let stored = [5, 4, 3].map((number) => ({ id: id(number), status: "ready", title: null, file_name: "a.jpg" }));
  const list = new PagedList(async () => ({ images: /** @type {any} */ ([...stored]), next_cursor: null }));
  await list.loadToEnd();
  const kept = list.at(2);
  stored = [{ ...stored[0], id: id(6) }, { ...stored[0], title: "new" }, { ...stored[2] }];
  await list.renew();
  assert.deepEqual(list.ids(), [6, 5, 3].map(id));
  assert.equal(list.at(1)?.title, "new");
  // A picture that looks the same keeps its addresses.
  assert.equal(list.at(2), kept);
});
