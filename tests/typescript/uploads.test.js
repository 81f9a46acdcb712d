// Uploads: what is repeated, and what an upload says.

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  Darkroom,
  NotPendingError,
  ProcessingError,
  QuotaExceededError,
  UploadError,
  WaitTimeoutError,
} from "../client/dist/esm/index.js";
import { image, problem, standin, upload } from "./standin.js";

const ID = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";
const CREATE = "POST /api/images";
const SEND = "PUT /s3/file";
const SIGN = `POST /api/images/${ID}/upload`;
const STATUS = `GET /api/images/${ID}/status`;
const GET = `GET /api/images/${ID}`;
const BYTES = new Uint8Array(1000).fill(7);
const FILE = new File([BYTES], "cat.png", { type: "image/png" });

/**
 * A stand-in in which uploads succeed, unless `answers` says something else for a route. Null means the usual answer.
 * @param {import("node:test").TestContext} t
 * @param {Record<string, (number: number) => import("./standin.js").Answer | null>} [answers]
 */
async function service(t, answers = {}) {
  /** @type {string} */
  let url;
  const usual = (/** @type {string} */ route) => {
    if (route === CREATE) return { status: 201, body: { image: image(), upload: upload(url) } };
    if (route === SIGN) return { body: { upload: upload(url, "signed-again") } };
    if (route === STATUS) return { body: image({ status: "ready" }) };
    return route === GET ? { body: image({ status: "ready", file_name: "cat.png" }) } : {};
  };
  const running = await standin(t, (request, number) => answers[request.route]?.(number) ?? usual(request.route));
  url = running.url;
  return {
    ...running,
    darkroom: new Darkroom({ baseUrl: url }),
    routes: () => running.requests.map(({ route }) => route),
  };
}

test("an upload creates an image, sends the file and waits", async (t) => {
  const { darkroom, requests, routes } = await service(t, {
    [STATUS]: (number) => (number === 1 ? { body: image({ status: "processing" }) } : null),
  });
  /** @type {string[]} */
  const progress = [];
  const onProgress = (/** @type {import("../client/dist/esm/index.js").UploadProgress} */ { phase, loaded, total }) =>
    progress.push(`${phase} ${loaded}/${total}`);
  const ready = await darkroom.images.upload(FILE, { title: "Cat" }, { onProgress });
  assert.equal(ready.file_name, "cat.png");
  assert.deepEqual(routes(), [CREATE, SEND, STATUS, STATUS, GET]);
  assert.deepEqual(requests[0]?.body, { content_type: "image/png", size: 1000, file_name: "cat.png", title: "Cat" });
  assert.deepEqual([requests[1]?.headers["content-type"], requests[1]?.headers["if-none-match"]], ["image/png", "*"]);
  assert.equal(requests[1]?.headers["content-length"], "1000");
  assert.equal(requests[1]?.text, Buffer.from(BYTES).toString());
  assert.deepEqual(progress, ["creating 0/1000", "sending 0/1000", "processing 1000/1000", "ready 1000/1000"]);
});

test("bytes without a name and a type can be uploaded", async (t) => {
  const { darkroom, requests } = await service(t);
  await darkroom.images.upload(BYTES);
  await darkroom.images.upload(BYTES.buffer, { file_name: "dog.gif", content_type: "image/gif" });
  const sent = requests.filter(({ route }) => route === CREATE).map(({ body }) => body);
  assert.deepEqual(sent, [
    { content_type: "", size: 1000, file_name: "image" },
    { content_type: "image/gif", size: 1000, file_name: "dog.gif" },
  ]);
});

test("the caller may wait only for the storage", async (t) => {
  const { darkroom, routes } = await service(t);
  await darkroom.images.upload(FILE, {}, { waitUntil: "stored" });
  assert.deepEqual(routes(), [CREATE, SEND, GET]);
});

test("an expired URL is signed again", async (t) => {
  const { darkroom, routes } = await service(t, { [SEND]: () => ({ status: 403, body: "<Error/>" }) });
  await darkroom.images.upload(FILE);
  assert.deepEqual(routes(), [CREATE, SEND, SIGN, "PUT /s3/signed-again", STATUS, GET]);
});

test("a lost connection to the storage is tried again", async (t) => {
  const { darkroom, routes } = await service(t, { [SEND]: () => ({ cut: true }) });
  /** @type {string[]} */
  const phases = [];
  await darkroom.images.upload(FILE, {}, { onProgress: ({ phase }) => phases.push(phase) });
  assert.deepEqual(routes(), [CREATE, SEND, SIGN, "PUT /s3/signed-again", STATUS, GET]);
  assert.deepEqual(phases, ["creating", "sending", "waiting", "sending", "processing", "ready"]);
});

test("a file that has arrived is not sent again", async (t) => {
  // The response to the first attempt was lost.
  const known = await service(t, { [SEND]: () => ({ cut: true }), [SIGN]: () => problem(409, "not-pending") });
  await known.darkroom.images.upload(FILE);
  assert.deepEqual(known.routes(), [CREATE, SEND, SIGN, STATUS, GET]);
  // S3 has the file, and the API does not know it yet.
  const unknown = await service(t, { [SEND]: () => ({ cut: true }), "PUT /s3/signed-again": () => ({ status: 412 }) });
  await unknown.darkroom.images.upload(FILE);
  assert.deepEqual(unknown.routes(), [CREATE, SEND, SIGN, "PUT /s3/signed-again", STATUS, GET]);
});

test("a storage that rejects the file ends the upload", async (t) => {
  const { darkroom, routes } = await service(t, {
    [SEND]: () => ({ status: 400 }),
    "PUT /s3/signed-again": () => ({ status: 403 }),
  });
  await assert.rejects(darkroom.images.upload(FILE), (error) => error instanceof UploadError && error.status === 403);
  assert.deepEqual(
    routes().filter((route) => route.startsWith("PUT")),
    [SEND, "PUT /s3/signed-again", "PUT /s3/signed-again"],
  );
});

test("a storage that fails again and again ends the upload", async (t) => {
  const { darkroom, count } = await service(t, {
    [SEND]: () => ({ status: 503 }),
    "PUT /s3/signed-again": () => ({ status: 500 }),
  });
  // The pauses between the attempts have no length.
  t.mock.method(Math, "random", () => -1);
  const sent = darkroom.images.upload(FILE, {}, { signal: AbortSignal.timeout(20_000) });
  await assert.rejects(sent, (error) => error instanceof UploadError && error.status === 500);
  assert.deepEqual([count(SEND), count("PUT /s3/signed-again")], [1, 5]);
});

test("an image that cannot be created ends the upload", async (t) => {
  const { darkroom, routes } = await service(t, { [CREATE]: () => problem(409, "quota-exceeded") });
  await assert.rejects(darkroom.images.upload(FILE), QuotaExceededError);
  assert.deepEqual(routes(), [CREATE]);
});

test("a file that is no picture is an error with the code of the failure", async (t) => {
  const failure = { code: "not-an-image", detail: "This file is not an image." };
  const { darkroom } = await service(t, { [STATUS]: () => ({ body: image({ status: "failed", failure }) }) });
  await assert.rejects(
    darkroom.images.upload(FILE),
    (error) =>
      error instanceof ProcessingError &&
      error.code === "not-an-image" &&
      error.imageId === ID &&
      error.message === failure.detail,
  );
});

test("the wait has an end", async (t) => {
  const { darkroom } = await service(t, { [STATUS]: () => ({ body: image({ status: "processing" }) }) });
  await assert.rejects(darkroom.images.upload(FILE, {}, { timeout: 300 }), WaitTimeoutError);
});

test("an interrupted upload continues with the same key", async (t) => {
  const { darkroom, requests } = await service(t, { [SEND]: (number) => (number === 1 ? { pause: 5000 } : null) });
  const idempotencyKey = "upload-1";
  const end = new AbortController();
  const onProgress = (/** @type {{phase: string}} */ { phase }) => {
    if (phase === "sending") setTimeout(() => end.abort(new Error("stopped")), 100);
  };
  await assert.rejects(darkroom.images.upload(FILE, {}, { idempotencyKey, signal: end.signal, onProgress }), /stopped/);
  assert.equal((await darkroom.images.upload(FILE, {}, { idempotencyKey })).status, "ready");
  const created = requests.filter(({ route }) => route === CREATE);
  assert.deepEqual(
    created.map(({ headers }) => headers["idempotency-key"]),
    ["upload-1", "upload-1"],
  );
  assert.deepEqual(created[0]?.body, created[1]?.body);
});

test("a pending image can get its file later", async (t) => {
  const { darkroom, routes } = await service(t);
  await darkroom.images.resumeUpload(ID, FILE);
  assert.deepEqual(routes(), [SIGN, "PUT /s3/signed-again", STATUS, GET]);
  const arrived = await service(t, { [SIGN]: () => problem(409, "not-pending") });
  await arrived.darkroom.images.resumeUpload(ID, FILE);
  assert.deepEqual(arrived.routes(), [SIGN, STATUS, GET]);
  await assert.rejects(arrived.darkroom.request("POST /api/images/{id}/upload", { path: { id: ID } }), NotPendingError);
});

test("a replacement is ready when its version is ready", async (t) => {
  const statuses = [
    image({ status: "ready" }),
    image({ status: "processing", version: 2 }),
    image({ status: "ready", version: 2 }),
  ];
  const { darkroom, requests, routes } = await service(t, {
    [`PATCH /api/images/${ID}`]: (number) =>
      number === 1 ? { cut: true } : { body: { image: image({ version: 2 }), upload: upload("", "x") } },
    [STATUS]: (number) => ({ body: statuses[number - 1] }),
    // The address of the upload is not the stand-in's, as if the storage could not be reached.
    [SIGN]: () => null,
  });
  await darkroom.images.replace(ID, FILE);
  assert.deepEqual(requests[0]?.body, { replace: { content_type: "image/png", size: 1000 } });
  assert.deepEqual(routes().filter((route) => route === STATUS).length, 3);
});

test("a digest protects the file", async (t) => {
  const { darkroom, requests } = await service(t);
  await darkroom.images.upload(FILE, {}, { checksum: true });
  assert.equal(requests[0]?.body.checksum_sha256, createHash("sha256").update(BYTES).digest("base64"));
});

test("only some files are sent at the same time", async (t) => {
  let running = 0;
  let most = 0;
  const { darkroom, count } = await service(t, {
    [CREATE]: () => {
      most = Math.max(most, ++running);
      return null;
    },
    [SEND]: () => {
      setTimeout(() => running--, 50);
      return { pause: 60 };
    },
  });
  await Promise.all(Array.from({ length: 10 }, () => darkroom.images.upload(FILE)));
  assert.deepEqual([count(SEND), most], [10, 3]);
});

test("an upload that waits for its turn can be ended", async (t) => {
  const { url, count } = await service(t, { [SEND]: () => ({ pause: 300 }) });
  const darkroom = new Darkroom({ baseUrl: url, maxParallelUploads: 1 });
  const first = darkroom.images.upload(FILE);
  const ended = new AbortController();
  const waiting = darkroom.images.upload(FILE, {}, { signal: ended.signal });
  const last = darkroom.images.upload(FILE);
  ended.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await Promise.all([first, last]);
  assert.equal(count(CREATE), 2);
});

test("sets, phone numbers and guests have the same uploads", async (t) => {
  const created = (/** @type {string} */ url) => ({
    status: 201,
    body: { results: [{ image: image(), upload: upload(url) }] },
  });
  /** @type {string} */
  let url = "";
  const { darkroom, requests, routes, ...running } = await service(t, {
    "POST /api/imagesets/SET/images": () => ({ status: 201, body: { image: image(), upload: upload(url) } }),
    "POST /api/phones/%2B4930901820/images": () => created(url),
    "POST /api/upload-links/LINK-1/images": () => created(url),
    "GET /api/upload-links/LINK-1/images": (number) => ({
      body: { images: [image({ status: number === 1 ? "processing" : "ready", code: null })] },
    }),
  });
  url = running.url;
  await darkroom.imageSets.upload("SET", "image2", FILE, { title: "Two" });
  assert.deepEqual(requests[0]?.body, {
    content_type: "image/png",
    size: 1000,
    file_name: "cat.png",
    title: "Two",
    image_type: "image2",
  });
  await darkroom.phones.upload("+4930901820", FILE);
  assert.deepEqual(requests[4]?.body, { files: [{ content_type: "image/png", size: 1000, file_name: "cat.png" }] });
  const guest = darkroom.guest("https://photos.example.com/#/send/LINK-1");
  assert.equal((await guest.upload(FILE)).status, "ready");
  assert.equal(guest.id, "LINK-1");
  assert.equal(requests.at(-1)?.headers.authorization, undefined);
});

test("a guest's interrupted upload is signed again by the same request", async (t) => {
  /** @type {string} */
  let url = "";
  const { darkroom, requests, ...running } = await service(t, {
    "POST /api/upload-links/LINK-1/images": (number) => ({
      status: 201,
      body: { results: [{ image: image(), upload: upload(url, `file-${number}`) }] },
    }),
    "PUT /s3/file-1": () => ({ cut: true }),
    "GET /api/upload-links/LINK-1/images": () => ({
      body: { images: [image({ status: "failed", code: "corrupt-image" })] },
    }),
  });
  url = running.url;
  await assert.rejects(
    darkroom.guest("LINK-1").upload(FILE),
    (error) => error instanceof ProcessingError && error.code === "corrupt-image",
  );
  const created = requests.filter(({ method }) => method === "POST");
  assert.equal(created.length, 2);
  assert.equal(created[0]?.headers["idempotency-key"], created[1]?.headers["idempotency-key"]);
  assert.deepEqual(created[0]?.body, created[1]?.body);
});
