// Renditions, analyses and edits.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Darkroom, ProcessingError } from "../client/dist/esm/index.js";
import { image, problem, standin } from "./standin.js";

const ID = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";

/** Renditions of a picture of 1000 x 500 pixels. @param {import("./standin.js").Received} request */
function rendition({ query }) {
  const width = Math.min(Number(query.width), 1000);
  const url = `https://derived.example.com/${width}`;
  return {
    body: {
      url,
      width,
      height: Number(query.height ?? width / 2),
      content_type: "image/avif",
      expires_at: `2036-01-01T00:00:0${width % 7}Z`,
    },
  };
}

test("a rendition's address is requested, and the formats may be chosen", async (t) => {
  const { url, requests } = await standin(t, (request, number) =>
    number === 1 ? { ...problem(503, "unavailable"), headers: { "retry-after": "0" } } : rendition(request),
  );
  const darkroom = new Darkroom({ baseUrl: url });
  const link = await darkroom.images.rendition(ID, { width: 640, gravity: "0.5x0.3", fit: "cover", height: 320 });
  assert.equal(link.url, "https://derived.example.com/640");
  assert.deepEqual(requests[1]?.query, { width: "640", gravity: "0.5x0.3", fit: "cover", height: "320" });
  assert.equal(requests[1]?.headers.accept, "application/json, image/avif, image/webp");
  await darkroom.images.rendition(ID, { width: 640, formats: [] });
  assert.equal(requests[2]?.headers.accept, "application/json");
});

test("a srcset contains each width once", async (t) => {
  const { url, requests } = await standin(t, rendition);
  const darkroom = new Darkroom({ baseUrl: url });
  const set = await darkroom.images.srcset(ID, [320, 2000, 640, 1600], { quality: 70 });
  assert.equal(
    set.srcset,
    [320, 640, 1000].map((width) => `https://derived.example.com/${width} ${width}w`).join(", "),
  );
  assert.deepEqual([set.src, set.width, set.height], ["https://derived.example.com/1000", 1000, 500]);
  // The address that stops working first.
  assert.equal(set.expires_at, "2036-01-01T00:00:03Z");
  assert(requests.every(({ query }) => query.quality === "70"));
  await assert.rejects(darkroom.images.srcset(ID, []), TypeError);
});

test("a srcset can have another shape", async (t) => {
  const { url, requests } = await standin(t, rendition);
  await new Darkroom({ baseUrl: url }).images.srcset(ID, [300], { ratio: 1.5 });
  assert.deepEqual(requests[0]?.query, { fit: "cover", height: "200", width: "300" });
});

test("a thumbnail's address is requested", async (t) => {
  const { url, requests } = await standin(t, () => ({ body: { url: "https://derived.example.com/200" } }));
  const darkroom = new Darkroom({ baseUrl: url });
  await darkroom.images.thumbnail(ID, 200);
  await darkroom.images.thumbnail(ID);
  assert.deepEqual(
    requests.map(({ query, headers }) => [query, headers.accept]),
    [
      [{ size: "200" }, "application/json"],
      [{}, "application/json"],
    ],
  );
});

test("an analysis is awaited", async (t) => {
  const { url, requests } = await standin(t, ({ method }, number) =>
    method === "POST"
      ? { status: 202, body: { image: image() } }
      : { body: image({ analysis: { status: number === 1 ? "queued" : "done", answer: "No." } }) },
  );
  const analyzed = await new Darkroom({ baseUrl: url }).images.analyze(ID, "Is there a dog?");
  assert.equal(analyzed.analysis?.answer, "No.");
  assert.deepEqual(requests[0]?.body, { prompt: "Is there a dog?" });
});

test("a failed analysis is an error", async (t) => {
  const analysis = { status: "failed", failure: { code: "provider-refused", detail: "The provider refused." } };
  const { url } = await standin(t, ({ method }) =>
    method === "POST" ? { status: 202, body: { image: image() } } : { body: image({ analysis }) },
  );
  await assert.rejects(
    new Darkroom({ baseUrl: url }).images.analyze(ID),
    (error) => error instanceof ProcessingError && error.code === "provider-refused",
  );
});
