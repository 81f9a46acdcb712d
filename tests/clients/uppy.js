// Uppy's AwsS3 plugin uploads ten files. It receives the API's `upload` object unchanged. All requests use jsdom's
// XMLHttpRequest, which enforces CORS.

import { strict as assert } from "node:assert";
import { JSDOM, VirtualConsole } from "jsdom";
import { png } from "./picture.js";
import { outputs, until } from "./stack.js";

const FILES = 10;
// The default value of the template's parameter AllowedOrigins, which the local stack uses, too.
const ORIGIN = "http://localhost:3000";

const { window } = new JSDOM("", { url: `${ORIGIN}/`, virtualConsole: new VirtualConsole() });
for (const name of ["window", "document", "XMLHttpRequest", "Blob", "File", "FormData"]) {
  globalThis[name] = window[name];
}
const { default: Uppy } = await import("@uppy/core");
const { default: AwsS3 } = await import("@uppy/aws-s3");

function call(method, path, token, body) {
  return new Promise((resolve, reject) => {
    const request = new window.XMLHttpRequest();
    request.open(method, outputs.api_url + path);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    if (body) request.setRequestHeader("content-type", "application/json");
    request.onload = () => resolve({ status: request.status, body: request.responseText && JSON.parse(request.responseText) });
    request.onerror = () => reject(new Error(`${method} ${path}: no response that CORS allows this page to read`));
    request.send(body && JSON.stringify(body));
  });
}

const login = await call("POST", "/api/auth/login", undefined, outputs.demo);
assert.equal(login.status, 200);
const token = login.body.access_token;

const ids = [];
const uppy = new Uppy({ autoProceed: false }).use(AwsS3, {
  shouldUseMultipart: false,
  async getUploadParameters(file) {
    const fields = { file_name: file.name, content_type: file.type, size: file.size };
    const created = await call("POST", "/api/images", token, fields);
    assert.equal(created.status, 201, JSON.stringify(created.body));
    ids.push(created.body.image.id);
    return created.body.upload;
  },
});
for (let index = 0; index < FILES; index++) {
  const bytes = png(64 + index, 64, [index * 20, 80, 160]);
  const data = new window.File([bytes], `picture-${index}.png`, { type: "image/png" });
  uppy.addFile({ name: data.name, type: data.type, data });
}
const result = await uppy.upload();
assert.deepEqual(result.failed.map((file) => `${file.name}: ${file.error}`), []);
assert.deepEqual([result.successful.length, new Set(ids).size], [FILES, FILES]);

for (const id of ids) {
  await until(async () => {
    const { body } = await call("GET", `/api/images/${id}/status`, token);
    assert.notEqual(body.status, "failed", JSON.stringify(body));
    return body.status === "ready" ? body : undefined;
  }, `image ${id} to be ready`);
}
for (const id of ids) assert.equal((await call("DELETE", `/api/images/${id}`, token)).status, 204);
console.log(`Uppy uploaded ${FILES} files, and all images became ready.`);
window.close();
