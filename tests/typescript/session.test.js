// Sessions: logins, refreshed tokens and logouts.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { BadRefreshTokenError, Darkroom, UnavailableError, memoryStore } from "../client/dist/esm/index.js";
import { image, problem, standin } from "./standin.js";

const ID = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";
const IMAGE = `GET /api/images/${ID}`;
const LOGIN = "POST /api/auth/login";
const REFRESH = "POST /api/auth/token/refresh";
const LOGOUT = "POST /api/auth/logout";

/** @param {string} access @param {string} [refresh] */
const tokens = (access, refresh) => ({
  body: {
    access_token: access,
    id_token: "id",
    ...(refresh && { refresh_token: refresh }),
    token_type: "Bearer",
    expires_in: 3600,
  },
});

/** A store that contains a session. @param {Partial<import("../client/dist/esm/index.js").Session>} [session] */
function stored(session) {
  const store = memoryStore();
  store.save({
    accessToken: "old",
    idToken: "id",
    refreshToken: "refresh",
    expiresAt: Date.now() + 3600_000,
    ...session,
  });
  return store;
}

/** Accepts only these access tokens. @param {string[]} accepted */
const accepting =
  (...accepted) =>
  (/** @type {import("./standin.js").Received} */ { headers }) =>
    accepted.includes(headers.authorization?.replace("Bearer ", "") ?? "")
      ? { body: image() }
      : { status: 401, body: { message: "Unauthorized" } };

test("a login begins a session", async (t) => {
  const { url, requests } = await standin(t, ({ route }) =>
    route === LOGIN ? tokens("new", "refresh") : { body: image() },
  );
  const sessions = memoryStore();
  const darkroom = new Darkroom({ baseUrl: url, sessions });
  assert.equal(await darkroom.account.login({ email: "ann@example.com", password: "Passw0rd1" }), null);
  assert.deepEqual(requests[0]?.body, { email: "ann@example.com", password: "Passw0rd1" });
  const session = await sessions.load();
  assert.deepEqual([session?.accessToken, session?.idToken, session?.refreshToken], ["new", "id", "refresh"]);
  assert(Math.abs((session?.expiresAt ?? 0) - Date.now() - 3600_000) < 5000);
  await darkroom.images.get(ID);
  assert.equal(requests[1]?.headers.authorization, "Bearer new");
});

test("a login can need another step", async (t) => {
  const challenge = { challenge: "totp", session: "a-session-of-a-challenge", username: "ann" };
  const { url, requests } = await standin(t, ({ route }) =>
    route === LOGIN ? { body: challenge } : tokens("new", "refresh"),
  );
  const darkroom = new Darkroom({ baseUrl: url });
  const step = await darkroom.account.login({ email: "ann@example.com", password: "Passw0rd1" });
  assert.deepEqual(step, challenge);
  assert.equal(await darkroom.account.session(), null);
  assert(step);
  assert.equal(await darkroom.account.answerChallenge(step, { code: "123456" }), null);
  assert.deepEqual(requests[1]?.body, { username: "ann", session: challenge.session, code: "123456" });
  assert.equal((await darkroom.account.session())?.accessToken, "new");
});

test("a token that expires is refreshed before the request", async (t) => {
  const { url, requests } = await standin(t, (request) =>
    request.route === REFRESH ? tokens("new") : accepting("new")(request),
  );
  const sessions = stored({ expiresAt: Date.now() + 5000 });
  await new Darkroom({ baseUrl: url, sessions }).images.get(ID);
  assert.deepEqual(
    requests.map(({ route }) => route),
    [REFRESH, IMAGE],
  );
  assert.deepEqual(requests[0]?.body, { refresh_token: "refresh" });
  assert.equal(requests[0]?.headers.authorization, undefined);
  // The response contains no new refresh token, so the old one stays.
  assert.deepEqual([(await sessions.load())?.accessToken, (await sessions.load())?.refreshToken], ["new", "refresh"]);
});

test("a rejected token is refreshed once for all requests", async (t) => {
  const { url, count } = await standin(t, (request) =>
    request.route === REFRESH ? { ...tokens("new"), pause: 200 } : accepting("new")(request),
  );
  const darkroom = new Darkroom({ baseUrl: url, sessions: stored() });
  await Promise.all([1, 2, 3, 4].map(() => darkroom.images.get(ID)));
  assert.deepEqual([count(REFRESH), count(IMAGE)], [1, 8]);
});

test("a token that is rejected after the refresh is an error", async (t) => {
  const { url, count } = await standin(t, (request) =>
    request.route === REFRESH ? tokens("new") : accepting()(request),
  );
  await assert.rejects(new Darkroom({ baseUrl: url, sessions: stored() }).images.get(ID), { code: "unauthorized" });
  assert.deepEqual([count(REFRESH), count(IMAGE)], [1, 2]);
});

test("a session that has ended is removed from the store", async (t) => {
  const { url } = await standin(t, (request) =>
    request.route === REFRESH ? problem(401, "bad-refresh-token") : accepting()(request),
  );
  const sessions = stored();
  await assert.rejects(new Darkroom({ baseUrl: url, sessions }).images.get(ID), BadRefreshTokenError);
  assert.equal(await sessions.load(), null);
});

test("a failed refresh does not end the session", async (t) => {
  const { url } = await standin(t, (request) =>
    request.route === REFRESH ? problem(503, "unavailable") : accepting()(request),
  );
  const sessions = stored();
  await assert.rejects(new Darkroom({ baseUrl: url, sessions, maxRetries: 0 }).images.get(ID), UnavailableError);
  assert.equal((await sessions.load())?.refreshToken, "refresh");
});

test("the tokens of another program with the same store are used", async (t) => {
  const sessions = stored();
  const { url, count } = await standin(t, (request) => {
    if (request.route !== REFRESH) return accepting("theirs")(request);
    // The other program was faster, and its refresh revoked the old refresh token.
    sessions.save({ accessToken: "theirs", idToken: "id", refreshToken: "next", expiresAt: Date.now() + 3600_000 });
    return problem(401, "bad-refresh-token");
  });
  await new Darkroom({ baseUrl: url, sessions }).images.get(ID);
  assert.equal((await sessions.load())?.accessToken, "theirs");
  assert.equal(count(REFRESH), 1);
});

test("a token that another program has already refreshed is not refreshed again", async (t) => {
  const sessions = stored();
  const { url, count } = await standin(t, (request, number) => {
    const theirs = { accessToken: "theirs", idToken: "id", refreshToken: "next", expiresAt: Date.now() + 3600_000 };
    if (number === 1) sessions.save(theirs);
    return accepting("theirs")(request);
  });
  await new Darkroom({ baseUrl: url, sessions }).images.get(ID);
  assert.deepEqual([count(IMAGE), count(REFRESH)], [2, 0]);
});

test("a logout during a refresh stays a logout", async (t) => {
  const { url, requests } = await standin(t, (request) => {
    if (request.route === REFRESH) return { ...tokens("new"), pause: 300 };
    return request.route === LOGOUT ? { status: 204 } : accepting("new")(request);
  });
  const sessions = stored({ expiresAt: Date.now() });
  const darkroom = new Darkroom({ baseUrl: url, sessions });
  const pending = darkroom.images.get(ID).catch((error) => error);
  await new Promise((wake) => setTimeout(wake, 100));
  await sessions.save(null);
  assert.equal((await pending).code, "unauthorized");
  assert.equal(await sessions.load(), null);
  assert.equal(
    requests.some(({ route }) => route === IMAGE),
    false,
  );
});

test("a logout revokes the refresh token", async (t) => {
  const { url, requests } = await standin(t, () => ({ status: 204 }));
  const sessions = stored();
  const darkroom = new Darkroom({ baseUrl: url, sessions });
  await darkroom.account.logout();
  assert.deepEqual([requests[0]?.route, requests[0]?.body], [LOGOUT, { refresh_token: "refresh" }]);
  assert.equal(await sessions.load(), null);
  await darkroom.account.logout();
  assert.equal(requests.length, 1);
});

test("a logout everywhere ends all sessions", async (t) => {
  const { url, requests } = await standin(t, () => ({ status: 204 }));
  await new Darkroom({ baseUrl: url, sessions: stored() }).account.logout({ everywhere: true });
  assert.deepEqual(requests[0]?.body, { everywhere: true });
});

test("a logout that the service does not take leaves the session", async (t) => {
  const { url } = await standin(t, () => problem(503, "unavailable"));
  const sessions = stored();
  await assert.rejects(new Darkroom({ baseUrl: url, sessions, maxRetries: 0 }).account.logout(), UnavailableError);
  assert.notEqual(await sessions.load(), null);
});

test("the refresh token can be in a cookie", async (t) => {
  const { url, requests } = await standin(t, ({ route }) => {
    if (route === REFRESH || route === LOGIN) return tokens("new");
    return route === LOGOUT ? { status: 204 } : { body: image() };
  });
  const darkroom = new Darkroom({ baseUrl: url, refreshTokenIn: "cookie" });
  await darkroom.images.get(ID);
  assert.deepEqual(
    requests.map(({ route, body }) => [route, body]),
    [
      [REFRESH, {}],
      [IMAGE, undefined],
    ],
  );
  await darkroom.account.logout();
  await darkroom.images.get(ID);
  assert.deepEqual(
    requests.slice(2).map(({ route, headers }) => [route, headers.authorization]),
    [
      [LOGOUT, "Bearer new"],
      [IMAGE, undefined],
    ],
  );
  await darkroom.account.login({ username: "ann", password: "Passw0rd1" });
  assert.deepEqual(requests.at(-1)?.body, { username: "ann", password: "Passw0rd1", refresh_token_in: "cookie" });
});

test("without a session, a request has no token", async (t) => {
  const { url, requests } = await standin(t, accepting());
  await assert.rejects(new Darkroom({ baseUrl: url }).images.get(ID), { code: "unauthorized" });
  assert.equal(requests[0]?.headers.authorization, undefined);
});
