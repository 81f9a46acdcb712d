// A program in a fresh project for Node.js: ten pictures go through a running stack.

import { strict as assert } from "node:assert";
import { Darkroom, InvalidFieldError, NotFoundError, ProcessingError, WrongCredentialsError } from "darkroom-client";
// @ts-expect-error: a file of the tests, without types
import { png } from "../../../clients/picture.js";
// @ts-expect-error: a file of the tests, without types
import { outputs } from "../../../clients/stack.js";

const darkroom = new Darkroom({ baseUrl: outputs.api_url });
const { username, password } = outputs.demo;
await assert.rejects(darkroom.account.login({ username, password: "Wrong-passw0rd" }), WrongCredentialsError);
assert.equal(await darkroom.account.login({ username, password }), null);
assert.equal((await darkroom.account.profile()).username, username);

const file = (index: number) =>
  new File([png(300 + index, 200, [index * 20, 80, 160])], `node-${index}.png`, { type: "image/png" });
const files = Array.from({ length: 10 }, (_, index) => file(index));
const phases = new Set<string>();
const images = await Promise.all(
  files.map((file, index) =>
    darkroom.images.upload(
      file,
      { title: `Number ${index}` },
      { checksum: index % 2 === 0, onProgress: ({ phase }) => phases.add(phase) },
    ),
  ),
);
assert.deepEqual(
  images.map(({ status, width, height, title, file_name }) => [status, width, height, title, file_name]),
  files.map((file, index) => ["ready", 300 + index, 200, `Number ${index}`, file.name]),
);
for (const phase of ["creating", "sending", "processing", "ready"]) assert(phases.has(phase), phase);

// Lists.
const ids = new Set(images.map(({ id }) => id));
const listed = new Set<string>();
for await (const { id } of darkroom.images.list({ limit: 4 })) if (ids.has(id)) listed.add(id);
assert.deepEqual(listed, ids);
const [newest] = await darkroom.images.list({ fields: "title" }).toArray(1);
assert.deepEqual(Object.keys(newest ?? {}).sort(), ["id", "title"]);

// Pictures.
const [first, second] = images;
assert(first && second);
const rendition = await darkroom.images.rendition(first.id, { width: 100, height: 100, fit: "cover", format: "webp" });
assert.deepEqual([rendition.width, rendition.height, rendition.content_type], [100, 100, "image/webp"]);
const set = await darkroom.images.srcset(first.id, [80, 160, 4000], { format: "jpeg" });
assert.match(set.srcset, /^\S+ 80w, \S+ 160w, \S+ 300w$/);
for (const url of [rendition.url, set.src, (await darkroom.images.thumbnail(first.id)).url]) {
  const picture = await fetch(url);
  assert.equal(picture.status, 200);
  assert((await picture.blob()).size > 100);
}

// The same key creates one image, and a pending image gets its file later.
const again = { idempotencyKey: crypto.randomUUID() };
const [one, two] = [await darkroom.images.upload(file(0), {}, again), await darkroom.images.upload(file(0), {}, again)];
assert.equal(one.id, two.id);
const { image: pending } = await darkroom.request("POST /api/images", {
  body: { file_name: "late.png", content_type: "image/png", size: file(1).size },
});
assert.equal((await darkroom.images.resumeUpload(pending.id, file(1))).status, "ready");
const replaced = await darkroom.images.replace(pending.id, file(2));
assert.deepEqual([replaced.version, replaced.width], [2, 302]);
assert.equal((await darkroom.images.update(pending.id, { focal_point: { x: 0.5, y: 0.25 } })).focal_point?.y, 0.25);

// Failures.
const text = new Blob(["This is a text."], { type: "image/png" });
const failed = await darkroom.images.upload(text, { file_name: "text.png" }).catch((error: unknown) => error);
assert(failed instanceof ProcessingError, String(failed));
assert.equal(failed.code, "not-an-image");
await assert.rejects(
  darkroom.images.upload(new Blob([])),
  (error) => error instanceof InvalidFieldError && error.field === "size",
);
await assert.rejects(darkroom.images.get("01JZ8Q4V7N2M5K3R6T9W0XYZAB"), NotFoundError);

// Links, sets, phone numbers and guests.
const link = await darkroom.images.createLink(second.id, { expires_in: 600 });
assert((await darkroom.request("GET /l/{link_id}", { path: { link_id: link.id } })).size > 100);
assert.equal((await darkroom.images.links(second.id))[0]?.id, link.id);
await darkroom.images.deleteLink(second.id, link.id);
const album = await darkroom.imageSets.create({ title: "Set" });
const inSlot = await darkroom.imageSets.upload(album.id, "image2", file(3));
assert.equal((await darkroom.imageSets.get(album.id)).images.image2?.id, inSlot.id);
const forPhone = await darkroom.phones.upload("+49 30 901820", file(4));
assert.equal((await darkroom.phones.list("+4930901820", { limit: 1 })).images[0]?.id, forPhone.id);
const uploadLink = await darkroom.uploadLinks.create({ max_images: 2, expires_in: 600 });
const guest = new Darkroom({ baseUrl: outputs.api_url }).guest(uploadLink.url);
const sent = await guest.upload(file(5));
assert.deepEqual([sent.status, (await guest.link()).remaining], ["ready", 1]);
await darkroom.uploadLinks.delete(uploadLink.id);

// Everything goes.
await darkroom.imageSets.delete(album.id);
for (const id of [...ids, one.id, pending.id, failed.imageId, forPhone.id, sent.id]) await darkroom.images.delete(id);
const session = await darkroom.account.refresh();
assert(session.expiresAt > Date.now());
await darkroom.account.logout();
assert.equal(await darkroom.account.session(), null);
await assert.rejects(darkroom.images.list(), { code: "unauthorized" });
console.log("Ten pictures went through.");
