// The documentation of the API: search, and trying requests.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn } from "./page.js";
import { outputs, registerUser } from "./stack.js";

/** Opens the documentation, and waits until it is shown. */
async function openDocs({ page, open }) {
  await open("/api/docs");
  await page.getByText("Register", { exact: true }).first().waitFor({ timeout: 60_000 });
}

/** An operation by its method and path. */
const operation = (page, id) => page.locator(`[id$="-${id}"].opblock`);

test("the documentation shows its base address, finds operations, and needs no exception from its policy", inBrowser(async (visit) => {
  const { page } = visit;
  await openDocs(visit);
  await page.getByText(`Base address: ${outputs.web_url.replace(/\/$/, "")}`).waitFor();
  const count = () => page.locator(".opblock").count();
  const all = await count();
  assert.ok(all > 50, `${all} operations`);
  await page.getByRole("searchbox", { name: "Search operations" }).fill("expiring link");
  await page.waitForFunction((all) => document.querySelectorAll(".opblock").length < all, all);
  await operation(page, "images-links").waitFor();
  assert.ok(await count() > 0 && await count() < 15, `${await count()} operations`);
}));

test("a user who is logged in tries a request with the own token, and copies it as curl", inBrowser(async (visit) => {
  const { page, context } = visit;
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const account = await registerUser();
  await logIn(visit, account);
  await openDocs(visit);
  await page.getByText("Requests that you try here are sent as the user who is logged in.").waitFor();
  const profile = operation(page, "auth-profile");
  await profile.locator(".opblock-summary-control").click();
  await profile.getByRole("button", { name: "Execute" }).click();
  await profile.locator(".live-responses-table .response-col_status").getByText("200").waitFor();
  await profile.locator(".live-responses-table").getByText(account.username).first().waitFor();
  const curl = await profile.locator(".curl-command").textContent();
  assert.match(curl, /curl -X 'GET'/);
  assert.match(curl, /Authorization: Bearer ey/);
  await profile.locator(".curl-command .copy-to-clipboard").first().click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl /);
}));

test("without a login, the documentation asks for none and sends no token", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await openDocs(visit);
  assert.ok(!asked.includes("/api/auth/token/refresh"), asked.join(" "));
  allowError(/401/);
  const profile = operation(page, "auth-profile");
  await profile.locator(".opblock-summary-control").click();
  await profile.getByRole("button", { name: "Execute" }).click();
  await profile.locator(".live-responses-table .response-col_status").getByText("401").waitFor();
}));

for (const [name, options] of /** @type {[string, object][]} */ ([["a desktop", {}], ["a phone in dark mode", { ...PHONE, colorScheme: "dark" }]])) {
  test(`axe-core finds no violation in the documentation on ${name}`, inBrowser(async (visit) => {
    await openDocs(visit);
    assert.deepEqual(await violations(visit.page), []);
    const [width, available] = await visit.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(width <= available, `${width} px wide on ${available}`);
  }, options));
}
