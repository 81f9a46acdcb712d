// What a browser makes of the cookie that keeps the refresh token.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { outputs, registered } from "./stack.js";

/** Posts JSON as the page does; runs in the browser. */
async function post([path, body, token]) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
}

test("a page stays logged in by a cookie that it cannot read, until it logs out", inBrowser(async ({ page, context, open, expect }) => {
  const { username, password } = await registered();
  await open();
  const login = await page.evaluate(post, ["/api/auth/login", { username, password, refresh_token_in: "cookie" }]);
  assert.deepEqual([login.status, login.body.refresh_token], [200, undefined]);
  const [cookie] = await context.cookies(`${outputs.api_url}/api/auth/login`);
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path], [true, true, "Strict", "/api/auth"]);
  assert.deepEqual(await context.cookies(`${outputs.api_url}/api/images`), []);

  await page.reload();
  assert.equal(await page.evaluate(() => document.cookie), "");
  const refreshed = await page.evaluate(post, ["/api/auth/token/refresh", {}]);
  assert.equal(refreshed.status, 200);

  const logout = await page.evaluate(post, ["/api/auth/logout", {}, refreshed.body.access_token]);
  assert.equal(logout.status, 204);
  assert.deepEqual(await context.cookies(`${outputs.api_url}/api/auth/login`), []);
  expect(/401/);
  const refused = await page.evaluate(post, ["/api/auth/token/refresh", {}]);
  assert.deepEqual([refused.status, refused.body.code], [401, "no-refresh-token"]);
}));

test("another site cannot have the cookie sent", inBrowser(async ({ page, open, expect }) => {
  const refresh = `${outputs.api_url}/api/auth/token/refresh`;
  /** Which cookies come with a refresh, or come not, when the page that is open asks for one. */
  const cookies = async () => {
    const sent = page.waitForRequest(refresh);
    await page.evaluate((url) => {
      fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: "{}" }).catch(() => {});
    }, refresh);
    return (await (await sent).allHeaders()).cookie ?? "";
  };
  // Neither request has a body of JSON, and the other site no icon.
  expect(/415|favicon/);
  const { username, password } = await registered();
  await open();
  await page.evaluate(post, ["/api/auth/login", { username, password, refresh_token_in: "cookie" }]);
  assert.match(await cookies(), /^refresh_token=./);
  // Another name of this machine, so another site.
  await page.goto(`${outputs.endpoint_url.replace("//localhost", "//127.0.0.1")}/_ministack/health`);
  assert.equal(await cookies(), "");
}));
