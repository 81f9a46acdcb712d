// Lists with several pages.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Darkroom, NotFoundError } from "../client/dist/esm/index.js";
import { problem, standin } from "./standin.js";

/** Three pages. The second one is empty, as with a filter. @param {import("node:test").TestContext} t */
async function threePages(t) {
  /** @type {Record<string, object>} */
  const pages = {
    "": { images: [{ id: "1" }, { id: "2" }], next_cursor: "b" },
    b: { images: [], next_cursor: "c" },
    c: { images: [{ id: "3" }], next_cursor: null },
  };
  const { url, requests } = await standin(t, ({ query }) => ({ body: pages[query.cursor ?? ""] }));
  return { darkroom: new Darkroom({ baseUrl: url }), requests };
}

test("iterating over a list returns the items of all pages", async (t) => {
  const { darkroom, requests } = await threePages(t);
  const ids = [];
  for await (const image of darkroom.images.list({ status: "ready", limit: 2 })) ids.push(image.id);
  assert.deepEqual(ids, ["1", "2", "3"]);
  const filter = { status: "ready", limit: "2" };
  assert.deepEqual(
    requests.map(({ query }) => query),
    [filter, { ...filter, cursor: "b" }, { ...filter, cursor: "c" }],
  );
});

test("awaiting a list returns its first page", async (t) => {
  const { darkroom, requests } = await threePages(t);
  const { images, next_cursor } = await darkroom.images.list();
  assert.deepEqual([images.length, next_cursor, requests.length], [2, "b", 1]);
});

test("a list requests no page that nobody needs", async (t) => {
  const { darkroom, requests } = await threePages(t);
  const list = darkroom.images.list();
  await new Promise((wake) => setTimeout(wake, 50));
  assert.equal(requests.length, 0);
  for await (const image of list) if (image.id === "2") break;
  assert.equal(requests.length, 1);
  assert.deepEqual(
    (await list.toArray(2)).map(({ id }) => id),
    ["1", "2"],
  );
  assert.equal(requests.length, 2);
  assert.deepEqual((await list.toArray()).length, 3);
  assert.deepEqual(await list.toArray(0), []);
});

test("pages can be read one by one, from any list", async (t) => {
  const { darkroom, requests } = await threePages(t);
  const sizes = [];
  for await (const page of darkroom.list("GET /api/admin/images", { query: { file_name: "cat" } }).pages())
    sizes.push(page.images.length);
  assert.deepEqual(sizes, [2, 0, 1]);
  assert.equal(requests[2]?.query.file_name, "cat");
});

test("an error ends the list", async (t) => {
  const { url } = await standin(t, () => problem(404, "not-found"));
  const list = new Darkroom({ baseUrl: url }).phones.list("+4930901820");
  await assert.rejects(list.toArray(), NotFoundError);
  assert.equal(await list.catch((error) => /** @type {NotFoundError} */ (error).code), "not-found");
  await assert.rejects(
    list.finally(() => {}),
    NotFoundError,
  );
});
