// A client generated from docs/openapi.yaml logs in, creates an image, uploads its file, waits, reads it and deletes it.

import { strict as assert } from "node:assert";
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./api.js";
import { png } from "./picture.js";
import { outputs, until } from "./stack.js";

const client = createClient<paths>({ baseUrl: outputs.api_url });

const login = await client.POST("/api/auth/login", { body: outputs.demo });
assert(login.data, JSON.stringify(login.error));
assert("access_token" in login.data, "the demo user has no second factor");
const { access_token } = login.data;
const withToken: Middleware = {
  onRequest({ request }) {
    request.headers.set("authorization", `Bearer ${access_token}`);
    return request;
  },
};
client.use(withToken);

const bytes = png(320, 200, [30, 120, 200]);
const created = await client.POST("/api/images", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { file_name: "blue.png", content_type: "image/png", size: bytes.length, title: "Blue" },
});
assert(created.data, JSON.stringify(created.error));
const { image, upload } = created.data;
assert.equal(image.status, "pending");

const sent = await fetch(upload.url, { method: upload.method, headers: { ...upload.headers }, body: bytes });
assert.equal(sent.status, 200);

const params = { path: { id: image.id } };
const ready = await until(async () => {
  const { data, error } = await client.GET("/api/images/{id}", { params });
  assert(data, JSON.stringify(error));
  return data.status === "ready" || data.status === "failed" ? data : undefined;
}, "the image to be ready");
assert.deepEqual([ready.status, ready.width, ready.height, ready.failure], ["ready", 320, 200, null]);

// Without this header, the response is a redirect to the picture.
const headers = { accept: "application/json" };
const query = { size: 200 };
const thumbnail = await client.GET("/api/images/{id}/thumbnail", { params: { ...params, query }, headers });
assert(thumbnail.data, JSON.stringify(thumbnail.error));
assert.deepEqual([thumbnail.data.width, thumbnail.data.height], [200, 125]);
const picture = await fetch(thumbnail.data.url);
assert.equal(picture.headers.get("content-type"), thumbnail.data.content_type);
assert((await picture.arrayBuffer()).byteLength > 100);

const refused = await client.POST("/api/images", { body: { file_name: "x", content_type: "image/png", size: 0 } });
assert.deepEqual([refused.response.status, refused.error && "code" in refused.error && refused.error.code], [400, "invalid-field"]);

const deleted = await client.DELETE("/api/images/{id}", { params });
assert.equal(deleted.response.status, 204);
console.log("The generated client uploaded, read and deleted an image.");
