// Requests: URLs, headers, errors, and which attempts are repeated.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  ConnectionError,
  Darkroom,
  DarkroomError,
  NotFoundError,
  ProblemError,
  QuotaExceededError,
  RateLimitedError,
  UnauthorizedError,
} from "../client/dist/esm/index.js";
import { image, problem, standin } from "./standin.js";

const ID = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";

test("values of paths and queries are encoded, and missing ones left out", async (t) => {
  const { url, requests } = await standin(t, () => ({
    body: { phone_number: "+4930901820", images: [], next_cursor: null },
  }));
  const darkroom = new Darkroom({ baseUrl: `${url}/` });
  await darkroom.phones.list("+49 30/901820", { limit: 5, cursor: undefined, fields: "title,status" });
  assert.equal(requests[0]?.path, "/api/phones/%2B49%2030%2F901820/images");
  assert.deepEqual(requests[0]?.query, { limit: "5", fields: "title,status" });
  await assert.rejects(darkroom.images.get(""), {
    name: "TypeError",
    message: "GET /api/images/{id} needs a value for id",
  });
  assert.equal(requests.length, 1);
});

test("a body is JSON, and an empty response is undefined", async (t) => {
  const { url, requests } = await standin(t, () => ({ status: 204 }));
  const darkroom = new Darkroom({ baseUrl: url });
  assert.equal(await darkroom.request("POST /api/auth/confirm", { body: { username: "änn", code: "1" } }), undefined);
  assert.equal(requests[0]?.headers["content-type"], "application/json");
  assert.equal(requests[0]?.headers.accept, "application/json");
  assert.deepEqual(requests[0]?.body, { username: "änn", code: "1" });
  await darkroom.images.delete(ID);
  assert.equal(requests[1]?.headers["content-type"], undefined);
});

test("a response that is not JSON is a blob", async (t) => {
  const { url } = await standin(t, () => ({ body: "<p>Hello</p>", headers: { "content-type": "text/html" } }));
  const page = await new Darkroom({ baseUrl: url }).request("GET /api/docs");
  assert.deepEqual([page.type, await page.text()], ["text/html", "<p>Hello</p>"]);
});

test("a problem is an error of the class of its code", async (t) => {
  const { url } = await standin(t, () => problem(409, "quota-exceeded", { limit: "max_images", max_images: 100 }));
  const error = await new Darkroom({ baseUrl: url }).imageSets.create().catch((error) => error);
  assert(error instanceof QuotaExceededError && error instanceof ProblemError && error instanceof DarkroomError);
  assert.deepEqual(
    [error.name, error.code, error.status, error.message],
    ["QuotaExceededError", "quota-exceeded", 409, "It is quota-exceeded."],
  );
  assert.deepEqual([error.problem.limit, error.problem.max_images], ["max_images", 100]);
});

test("an invalid field is named", async (t) => {
  const { url } = await standin(t, () => problem(400, "invalid-field", { field: "size" }));
  await assert.rejects(new Darkroom({ baseUrl: url }).images.get(ID), { name: "InvalidFieldError", field: "size" });
});

test("unknown codes and responses of API Gateway are problems too", async (t) => {
  const answers = [
    problem(418, "new-code"),
    problem(418, "constructor"),
    { status: 401, body: { message: "Unauthorized" } },
    { status: 404, body: { message: "Not Found" } },
    { status: 418, body: "<html>no JSON</html>" },
  ];
  const { url } = await standin(t, () => answers.shift() ?? {});
  const darkroom = new Darkroom({ baseUrl: url });
  const next = () =>
    darkroom.images.get(ID).then(
      () => assert.fail("no error"),
      (error) => error,
    );
  for (const code of ["new-code", "constructor"]) {
    const error = await next();
    assert(error instanceof ProblemError);
    assert.deepEqual([error.code, error.status], [code, 418]);
  }
  const unauthorized = await next();
  assert(unauthorized instanceof UnauthorizedError);
  assert.equal(unauthorized.message, "Unauthorized");
  assert((await next()) instanceof NotFoundError);
  assert.match((await next()).message, /418/);
});

test("a request is repeated after the pause in Retry-After", async (t) => {
  const { url, count } = await standin(t, (_, number) =>
    number === 1 ? { ...problem(503, "unavailable"), headers: { "retry-after": "1" } } : { body: image() },
  );
  const start = Date.now();
  assert.equal((await new Darkroom({ baseUrl: url }).images.get(ID)).id, ID);
  assert(Date.now() - start >= 1000);
  assert.equal(count(`GET /api/images/${ID}`), 2);
});

test("a request is repeated after a lost connection", async (t) => {
  const { url, count } = await standin(t, (_, number) => (number < 3 ? { cut: true } : { body: image() }));
  assert.equal((await new Darkroom({ baseUrl: url }).images.get(ID)).id, ID);
  assert.equal(count(`GET /api/images/${ID}`), 3);
});

test("the attempts end", async (t) => {
  const { url, count } = await standin(t, () => ({ cut: true }));
  await assert.rejects(
    new Darkroom({ baseUrl: url, maxRetries: 1 }).images.get(ID),
    (error) => error instanceof ConnectionError && error.cause instanceof TypeError,
  );
  assert.equal(count(`GET /api/images/${ID}`), 2);
});

test("all attempts to create something have the same key", async (t) => {
  const { url, requests } = await standin(
    t,
    (_, number) => [{ cut: true }, problem(500, "internal"), { status: 201, body: {} }][number - 1] ?? {},
  );
  await new Darkroom({ baseUrl: url }).imageSets.create({ title: "Cats" });
  const keys = requests.map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys.length, 3);
  assert.match(keys[0]?.toString() ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys).size, 1);
});

test("a request that could do harm a second time is repeated only after 429", async (t) => {
  const reset = { username: "ann", code: "123456", new_password: "Passw0rd1" };
  for (const failure of [{ cut: true }, problem(503, "unavailable")]) {
    const { url, requests } = await standin(t, () => failure);
    await assert.rejects(new Darkroom({ baseUrl: url }).account.resetPassword(reset));
    assert.equal(requests.length, 1);
  }
  const { url, requests } = await standin(t, (_, number) =>
    number === 1 ? problem(429, "rate-limited") : { status: 204 },
  );
  await new Darkroom({ baseUrl: url }).account.resetPassword(reset);
  assert.equal(requests.length, 2);
});

test("the client does not wait for hours", async (t) => {
  const failures = [
    { ...problem(429, "daily-limit-reached"), headers: { "retry-after": "1" } },
    { ...problem(429, "too-many-attempts"), headers: { "retry-after": "1" } },
    { ...problem(429, "rate-limited"), headers: { "retry-after": "3600" } },
    problem(501, "ai-not-configured"),
    problem(403, "ai-not-in-tier"),
  ];
  for (const failure of failures) {
    const { url, requests } = await standin(t, () => failure);
    const error = await new Darkroom({ baseUrl: url }).images.edit(ID).catch((error) => error);
    assert(error instanceof ProblemError);
    assert.equal(requests.length, 1, error.code);
    if (error instanceof RateLimitedError) assert.equal(error.retryAfter, 3600);
  }
});

test("a deletion whose response was lost succeeds", async (t) => {
  const { url } = await standin(t, (_, number) => (number === 1 ? { cut: true } : problem(404, "not-found")));
  await new Darkroom({ baseUrl: url }).images.delete(ID);
  const missing = await standin(t, () => problem(404, "not-found"));
  await assert.rejects(new Darkroom({ baseUrl: missing.url }).images.delete(ID), NotFoundError);
});

test("a signal ends a request and a pause", async (t) => {
  const { url, requests } = await standin(t, (_, number) =>
    number === 1 ? { pause: 5000 } : { ...problem(503, "unavailable"), headers: { "retry-after": "10" } },
  );
  const darkroom = new Darkroom({ baseUrl: url });
  for (const expected of [1, 2]) {
    const start = Date.now();
    await assert.rejects(darkroom.images.get(ID, { signal: AbortSignal.timeout(500) }), { name: "TimeoutError" });
    assert(Date.now() - start < 4000);
    assert.equal(requests.length, expected);
  }
  await assert.rejects(darkroom.images.get(ID, { signal: AbortSignal.abort(new Error("mine")) }), /mine/);
  assert.equal(requests.length, 2);
});

test("an attempt that takes too long is ended", async (t) => {
  const { url } = await standin(t, () => ({ pause: 5000 }));
  await assert.rejects(new Darkroom({ baseUrl: url, timeout: 100, maxRetries: 0 }).images.get(ID), ConnectionError);
});

test("an API key is sent like a token, but not to public operations", async (t) => {
  const { url, requests } = await standin(t, ({ path }) => ({
    body: path === "/api/account-tiers" ? { account_tiers: [] } : image(),
  }));
  const darkroom = new Darkroom({ baseUrl: url, apiKey: "dk_01JZ_secret" });
  await darkroom.images.get(ID);
  await darkroom.tiers.list();
  assert.deepEqual(
    requests.map(({ headers }) => headers.authorization),
    ["Bearer dk_01JZ_secret", undefined],
  );
  assert.throws(
    () => new Darkroom({ baseUrl: url, apiKey: "dk_", sessions: { load: () => null, save() {} } }),
    TypeError,
  );
});

test("a rejected API key is an error without another attempt", async (t) => {
  const { url, requests } = await standin(t, () => ({ status: 401, body: { message: "Unauthorized" } }));
  await assert.rejects(new Darkroom({ baseUrl: url, apiKey: "dk_1_2" }).images.get(ID), UnauthorizedError);
  assert.equal(requests.length, 1);
});
