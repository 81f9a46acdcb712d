// next/image, Nuxt Image and unpic show renditions through clients/loaders/darkroom.mjs. A server adds the token, as an
// application's server does, and every address that the three packages generate is fetched.

import { strict as assert } from "node:assert";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { createImage } from "@nuxt/image/runtime";
import { transformBaseImageProps } from "@unpic/core/base";
import next from "next/image.js";
import { outputs, until } from "../clients/stack.js";

const darkroom = await import(pathToFileURL(process.env.DARKROOM_LOADER).href);
const AVIF = "image/avif,image/webp,image/*,*/*;q=0.8";

async function call(method, path, token, body) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(outputs.api_url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

/** The width and the height of a WebP that is not lossless and has no transparency. */
function sizeOfWebp(bytes) {
  assert.equal(String(bytes.subarray(8, 15)), "WEBPVP8");
  return [bytes.readUInt16LE(26), bytes.readUInt16LE(28)];
}

const { body: tokens } = await call("POST", "/api/auth/login", undefined, outputs.demo);
const token = tokens.access_token;

// A BMP of 1800 x 1200 pixels, which needs no library.
const [width, height] = [1800, 1200];
const picture = Buffer.alloc(54 + width * height * 3, 0x60);
picture.write("BM");
picture.writeUInt32LE(picture.length, 2);
for (const [offset, value] of [[10, 54], [14, 40], [18, width], [22, height], [34, width * height * 3]]) picture.writeUInt32LE(value, offset);
picture.writeUInt16LE(1, 26);
picture.writeUInt16LE(24, 28);
picture.fill(0, 6, 10);
for (const offset of [30, 38, 42, 46, 50]) picture.writeUInt32LE(0, offset);

const file = { file_name: "loaders.bmp", content_type: "image/bmp", size: picture.length };
const created = await call("POST", "/api/images", token, file);
assert.equal(created.status, 201, JSON.stringify(created.body));
const { image: { id }, upload } = created.body;
const { ok } = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: picture });
assert.ok(ok);
await until(async () => {
  const { body } = await call("GET", `/api/images/${id}/status`, token);
  assert.notEqual(body.status, "failed", JSON.stringify(body));
  return body.status === "ready" ? body : undefined;
}, `image ${id} to be ready`);

const server = createServer(async (incoming, outgoing) => {
  const request = new Request(`http://app${incoming.url}`, { headers: { accept: incoming.headers.accept ?? "*/*" } });
  const answer = await darkroom.forwardRendition(request, outputs.api_url, token);
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  outgoing.end(Buffer.from(await answer.arrayBuffer()));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const base = `http://127.0.0.1:${server.address().port}/pictures`;

/** Fetches what an `img` would fetch. */
async function shown(url, accept) {
  const answer = await fetch(url, { headers: { accept }, redirect: "manual" });
  assert.equal(answer.status, 302, `${url}: ${answer.status} ${await answer.text()}`);
  const rendition = await fetch(answer.headers.get("location"));
  assert.equal(rendition.status, 200, url);
  return { type: rendition.headers.get("content-type"), bytes: Buffer.from(await rendition.arrayBuffer()) };
}

/** Requires the sizes of all candidates of a `srcset`. */
async function sizes(srcset, expected) {
  const urls = srcset.split(/,\s+/).map((candidate) => candidate.split(" ")[0]);
  const found = await Promise.all(urls.map(async (url) => sizeOfWebp((await shown(url, "image/webp")).bytes)));
  assert.deepEqual(found, expected, srcset);
}

// next/image
const nextProps = (props, options) =>
  next.getImageProps({ src: id, alt: "", loader: darkroom.nextLoader(base, options), ...props }).props;
const fixed = nextProps({ width: 300, height: 200 });
await sizes(fixed.srcSet, [[384, 256], [640, 427]]);
const square = nextProps({ width: 300, height: 300 }, { ratio: 1, gravity: "0.2x0.5" });
await sizes(square.srcSet, [[384, 384], [640, 640]]);
assert.match(nextProps({ width: 300, height: 200, quality: 75 }).src, /quality=75/);
const wide = nextProps({ fill: true, sizes: "100vw" }).srcSet.split(", ").at(-1).split(" ")[0];
// No picture is enlarged.
assert.deepEqual(sizeOfWebp((await shown(wide, "image/webp")).bytes), [1800, 1200]);
assert.equal((await shown(fixed.src, AVIF)).type, "image/avif");
assert.equal((await shown(fixed.src, "*/*")).type, "image/jpeg");

// Nuxt Image
const image = createImage({
  provider: "darkroom", presets: {}, alias: {}, domains: [], densities: [1, 2], screens: { sm: 640, md: 768 },
  providers: { darkroom: { setup: darkroom.default, defaults: { baseURL: base } } },
});
const nuxt = image.getSizes(id, { modifiers: { width: 300, height: 200, fit: "cover", quality: 70 }, sizes: "sm:300px md:600px" });
assert.match(nuxt.src, /quality=70/);
await sizes(nuxt.srcset, [[300, 200], [600, 400], [1200, 800]]);
assert.deepEqual(sizeOfWebp((await shown(image(id, { width: 300, height: 300, fit: "contain" }), "image/webp")).bytes), [300, 300]);
assert.deepEqual(sizeOfWebp((await shown(image(id, { width: 300, height: 300, fit: "inside" }), "image/webp")).bytes), [300, 200]);
assert.equal((await shown(image(id, { width: 30, format: "jpg" }), AVIF)).type, "image/jpeg");

// unpic
const unpic = (props) => transformBaseImageProps({ src: id, transformer: darkroom.transform, options: { baseURL: base }, ...props });
await sizes(unpic({ layout: "fixed", width: 300, height: 300 }).srcset, [[300, 300], [600, 600]]);
const full = unpic({ layout: "fullWidth", breakpoints: [400, 800] });
await sizes(full.srcset, [[400, 267], [800, 533]]);

// Errors reach the browser.
const refused = await fetch(darkroom.renditionUrl(base, id, { width: 300, fit: "squeeze" }), { redirect: "manual" });
assert.equal(refused.status, 400);
assert.equal((await refused.json()).field, "fit");

server.close();
assert.equal((await call("DELETE", `/api/images/${id}`, token)).status, 204);
console.log("next/image, Nuxt Image and unpic showed renditions.");
