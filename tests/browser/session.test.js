// The cookie with the refresh token, and sessions in several tabs.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser, violations } from "./browser.js";
import { enterLogin, logIn } from "./page.js";
import { api, outputs, registerUser, token } from "./stack.js";

/** Posts JSON as the page does. Runs in the browser. */
async function post({ path, body, token = "" }) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
}

test("a cookie that scripts cannot read keeps the page logged in until the logout", inBrowser(async ({ page, context, open, allowError }) => {
  const { username, password } = await registerUser();
  await open();
  const login = await page.evaluate(post, { path: "/api/auth/login", body: { username, password, refresh_token_in: "cookie" } });
  assert.deepEqual([login.status, login.body.refresh_token], [200, undefined]);
  const [cookie] = await context.cookies(`${outputs.api_url}/api/auth/login`);
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path], [true, true, "Strict", "/api/auth"]);
  assert.deepEqual(await context.cookies(`${outputs.api_url}/api/images`), []);

  await page.reload();
  assert.equal(await page.evaluate(() => document.cookie), "");
  const refreshed = await page.evaluate(post, { path: "/api/auth/token/refresh", body: {} });
  assert.equal(refreshed.status, 200);

  const logout = await page.evaluate(post, { path: "/api/auth/logout", body: {}, token: refreshed.body.access_token });
  assert.equal(logout.status, 204);
  assert.deepEqual(await context.cookies(`${outputs.api_url}/api/auth/login`), []);
  allowError(/401/);
  const refused = await page.evaluate(post, { path: "/api/auth/token/refresh", body: {} });
  assert.deepEqual([refused.status, refused.body.code], [401, "no-refresh-token"]);
}));

test("the browser does not send the cookie with requests from another site", inBrowser(async ({ page, open, allowError }) => {
  const refresh = `${outputs.api_url}/api/auth/token/refresh`;
  /** Submits a form from the open page to the refresh endpoint. Returns the cookies that the browser sends. */
  const cookies = async () => {
    const sent = page.waitForRequest(refresh);
    await page.evaluate((action) => {
      const form = Object.assign(document.createElement("form"), { action, method: "post", enctype: "text/plain" });
      document.body.append(form);
      form.submit();
    }, refresh);
    const headers = await (await sent).allHeaders();
    await page.waitForURL(refresh);
    return headers.cookie ?? "";
  };
  // The API refuses the form's media type, and the other site has no icon.
  allowError(/415|favicon/);
  const { username, password } = await registerUser();
  await open();
  await page.evaluate(post, { path: "/api/auth/login", body: { username, password, refresh_token_in: "cookie" } });
  assert.match(await cookies(), /^refresh_token=./);
  // 127.0.0.1 is another site than localhost.
  await page.goto(`${outputs.endpoint_url.replace("//localhost", "//127.0.0.1")}/_ministack/health`);
  assert.equal(await cookies(), "");
}));

test("a login of another user in a second tab ends the session in the first tab", inBrowser(async (visit) => {
  const { page, context, open } = visit;
  const [first, second] = [await registerUser(), await registerUser()];
  await logIn(visit, first);
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole("heading", { name: "Photos" }).waitFor();
  // The second user logs in without a logout of the first, so the first user's session still exists at the service.
  const { username, password } = second;
  const login = await other.evaluate(post, { path: "/api/auth/login", body: { username, password, refresh_token_in: "cookie" } });
  assert.equal(login.status, 200);
  await other.evaluate(() => localStorage.setItem("darkroom.session", "another user"));
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await open("#/account");
  await page.reload();
  await page.getByRole("heading", { name: second.username }).waitFor();
}));

test("a logout in one tab ends the session in the other", inBrowser(async (visit) => {
  const { page, context } = visit;
  await logIn(visit, await registerUser());
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole("link", { name: "Account" }).click();
  await other.getByRole("button", { name: "Log out", exact: true }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await page.getByText("You were logged out, because of a logout or a login in another tab.").waitFor();
  // Whoever has pressed the button knows why.
  await other.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await other.getByText("You were logged out").count(), 0);
}));

test("the page tells a user whose account was disabled about the logout, until the next login", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/401/);
  const account = await registerUser();
  const [bearer, admin] = [await token(account), await token(outputs.admin)];
  const { id } = await api("GET", "/api/auth/profile", { token: bearer });
  await logIn(visit, account);
  const enable = (enabled) => api("PATCH", `/api/admin/users/${id}`, { token: admin, body: { enabled } });
  await enable(false);
  await page.reload();
  const reason = page.getByRole("alert").filter({ hasText: "You were logged out, because your session has ended." });
  await reason.waitFor();
  assert.deepEqual(await violations(page), []);
  await enterLogin(page, account);
  await page.getByText("The user name or the password is wrong, or the account is disabled.").waitFor();
  await reason.waitFor();
  await enable(true);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Photos" }).waitFor();
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await reason.count(), 0);
}));

test("a failed logout shows an error, and the user stays logged in", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  allowError(/503/);
  await logIn(visit, await registerUser());
  await open("#/account");
  await page.route("**/api/auth/logout", (route) => route.fulfill({ status: 503, body: "" }));
  await page.getByRole("button", { name: "Log out on all devices" }).click();
  await page.getByText("The service is busy.").waitFor();
  await page.unroute("**/api/auth/logout");
  await page.getByRole("button", { name: "Log out on all devices" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
}));
