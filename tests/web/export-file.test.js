// The file with the data of a user, with a fake API.

import "./globals.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { FIELDS, exportFile } from "../../web/account/export-file.js";

const TOKEN = `header.${btoa(JSON.stringify({ sub: "user" }))}.signature`;
const COUNT = 10_000;
/** The members of an image that the file leaves out: addresses of files. */
const ADDRESSES = ["thumbnails", "srcset", "original_url", "dropbox_url"];
const image = (number, more = {}) => ({ id: String(number), width: 1, trash: null, upload_link: null, ...more });

/** The addresses that were requested. @type {URL[]} */
let requests;

/** Returns the page of a list that a request asks for. */
function page(items, { searchParams }) {
  const start = Number(searchParams.get("cursor"));
  const end = start + Number(searchParams.get("limit"));
  return { items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null };
}

/** Makes `fetch` answer as an API with these images, of which the second and the third have a link. */
function answerWith(images, links = 2) {
  requests = [];
  const trash = [image("trashed", { trash: {} })];
  const linked = ["2", "3"];
  globalThis.fetch = /** @type {any} */ (async (path, { signal }) => {
    signal?.throwIfAborted();
    const url = new URL(path, "http://page.example");
    requests.push(url);
    const paged = (name, items) => {
      const { items: found, next_cursor } = page(items, url);
      return Response.json({ [name]: found, next_cursor });
    };
    switch (url.pathname) {
      case "/api/auth/token/refresh": return Response.json({ access_token: TOKEN });
      case "/api/auth/profile": return Response.json({ username: "ann", usage: { images: images.length + 1, sets: 1, links } });
      case "/api/images": return paged("images", url.searchParams.has("trashed") ? trash : images);
      case "/api/imagesets": return paged("imagesets", [{ id: "set", images: { image1: { id: "1" }, image2: null, image3: null } }]);
      case "/api/upload-links": return Response.json({ upload_links: [{ id: "secret", url: "http://page.example/#/send/secret", remaining: 3 }] });
      case "/api/webhooks": return Response.json({ webhooks: [{ id: "webhook" }] });
      case "/api/keys": return Response.json({ keys: [{ id: "key", name: "The shop" }] });
      default: {
        const id = url.pathname.split("/")[3];
        if (id === "gone") return Response.json({ code: "not-found" }, { status: 404 });
        const link = { id: "secret", url: "http://page.example/l/secret", views: 7 };
        return Response.json({ links: linked.includes(id) ? [link] : [] });
      }
    }
  });
}

const linkRequests = () => requests.filter(({ pathname }) => pathname.endsWith("/links"));

test("the file has all members of an image except addresses", () => {
  const contract = readFileSync(new URL("../../docs/openapi.yaml", import.meta.url), "utf8");
  const [, list] = contract.match(/\n {4}ImageMembers:[\s\S]*?required:\n((?: +- \w+\n)+)/) ?? [];
  const members = list.match(/\w+/g);
  assert.ok(members && members.length > 20);
  assert.deepEqual([...FIELDS, ...ADDRESSES].sort(), [...members].sort());
});

test("the file of a user with ten thousand pictures has everything, but no secret", async () => {
  const images = Array.from({ length: COUNT }, (_, index) => image(index + 1, { upload_link: index === 0 ? "secret" : null }));
  answerWith(images);
  const progress = [];
  const file = await exportFile(new AbortController().signal, (...step) => progress.push(step));
  assert.match(file.name, /^darkroom-export-ann-\d{4}-\d\d-\d\d\.json$/);
  const text = await file.text();
  assert.ok(!text.includes("secret") && !text.includes(TOKEN));
  const { exported_at, profile, ...data } = JSON.parse(text);
  assert.ok(Date.now() - Date.parse(exported_at) < 60_000);
  assert.equal(profile.username, "ann");
  assert.equal(data.images.length, COUNT);
  assert.deepEqual(data.images[0], { id: "1", width: 1, trash: null, is_from_guest: true });
  assert.equal(data.images.at(-1).is_from_guest, false);
  assert.deepEqual({ ...data, images: [] }, {
    format: "darkroom-export",
    version: 1,
    images: [],
    trash: [{ id: "trashed", width: 1, trash: {}, is_from_guest: false }],
    imagesets: [{ id: "set", images: { image1: { id: "1" }, image2: null, image3: null } }],
    links: [{ image_id: "2", views: 7 }, { image_id: "3", views: 7 }],
    upload_links: [{ remaining: 3 }],
    webhooks: [{ id: "webhook" }],
    keys: [{ id: "key", name: "The shop" }],
  });
  assert.ok(progress.some(([what, done, all]) => what === "images" && done === COUNT + 1 && all === COUNT + 1));
  // No address of a picture is requested, and nothing after the last link was found.
  for (const { searchParams } of requests.filter(({ pathname }) => pathname === "/api/images")) {
    assert.equal(searchParams.get("fields"), FIELDS.join());
  }
  assert.ok(linkRequests().length < 10, `${linkRequests().length} requests for links`);
});

test("only pictures that can have links are asked for them, and a deleted one does not matter", async () => {
  answerWith([image("gone"), image("pending", { width: null })], 1);
  const { links, images } = JSON.parse(await (await exportFile(new AbortController().signal, () => {})).text());
  assert.deepEqual([links, images.length], [[], 2]);
  assert.deepEqual(linkRequests().map(({ pathname }) => pathname), ["/api/images/gone/links"]);
});

test("a temporary failure is repeated, and another one ends the export", async () => {
  answerWith([image(1)], 0);
  const answer = globalThis.fetch;
  const fail = (path, statuses) => {
    globalThis.fetch = /** @type {any} */ ((address, options) => {
      const status = address.startsWith(path) ? statuses.shift() : undefined;
      return status ? Response.json({ code: "internal" }, { status }) : answer(address, options);
    });
  };
  fail("/api/images?", [503]);
  assert.equal(JSON.parse(await (await exportFile(new AbortController().signal, () => {})).text()).images.length, 1);
  fail("/api/webhooks", [403]);
  await assert.rejects(exportFile(new AbortController().signal, () => {}), { status: 403 });
});

test("a cancelled export ends at once, also during the pause after a failure", async () => {
  answerWith([image(1)], 0);
  const answer = globalThis.fetch;
  const controller = new AbortController();
  globalThis.fetch = /** @type {any} */ ((address, options) => {
    if (!address.startsWith("/api/images?")) return answer(address, options);
    options.signal.throwIfAborted();
    setTimeout(() => controller.abort());
    return Response.json({ code: "unavailable" }, { status: 503, headers: { "retry-after": "5" } });
  });
  const start = Date.now();
  await assert.rejects(exportFile(controller.signal, () => {}), { name: "AbortError" });
  assert.ok(Date.now() - start < 4_000);
});
