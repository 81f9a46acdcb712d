import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, recordTraffic, runOnce, violations } from "./browser.js";
import { enterLogin, logIn, storePictures, tile, waitForThumbnail } from "./page.js";
import { CORNERS, corners, photo } from "./photos.js";
import { registerUser, token } from "./stack.js";

test("the first view is smaller than 100 KB, and only the style sheet blocks rendering", inBrowser(async ({ page, open }) => {
  const responses = await recordTraffic(page);
  await open();
  await page.waitForLoadState("networkidle");
  const bytes = responses().reduce((sum, response) => sum + response.bytes, 0);
  assert.ok(bytes > 0 && bytes < 100_000, `${bytes} bytes: ${JSON.stringify(responses(), null, 1)}`);
  const blocking = await page.evaluate(() => performance.getEntriesByType("resource")
    .filter((entry) => "renderBlockingStatus" in entry && entry.renderBlockingStatus === "blocking").map((entry) => new URL(entry.name).pathname));
  assert.equal(blocking.length, 1, blocking.join(" "));
  assert.match(blocking[0], /^\/assets\/[0-9a-f]+\/style\.css$/);
}));

/** @type {[string, import("playwright-core").BrowserContextOptions][]} */
const SCREENS = [["on a desktop", {}], ["on a phone", PHONE], ["in dark mode", { colorScheme: "dark" }]];

for (const [name, options] of SCREENS) {
  test(`axe-core finds no violation in the first view ${name}`, inBrowser(async ({ page, open }) => {
    await open();
    assert.deepEqual(await violations(page), []);
  }, options));
}

test("the page's policy forbids creating HTML from a string", inBrowser(async ({ page, open, allowError }) => {
  await open();
  allowError(/TrustedHTML|require-trusted-types-for|inline script|script-src/);
  const inserted = await page.evaluate(() => {
    try {
      document.body.innerHTML = "<img src=x onerror=alert(1)>";
      return "markup";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(inserted, "TypeError");
}));

/**
 * Lets the page load app.js only after the response to the first list.
 * @param {import("playwright-core").Page} page
 * @param {() => void} meanwhile runs in the page before app.js
 */
async function holdScript(page, meanwhile = () => {}) {
  const list = page.waitForResponse(/\/api\/images\?/);
  await page.route("**/app.js", async (route) => {
    await list;
    await page.evaluate(meanwhile);
    await route.continue();
  });
}

test("the first requests of a user who is logged in do not wait for the page's script, and are sent once", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await storePictures(await token(account), ["one.jpg"]);
  await logIn(visit, account);
  await waitForThumbnail(tile(page, "one.jpg"));
  const paths = [];
  page.on("request", (request) => paths.push(new URL(request.url()).pathname));
  await holdScript(page);
  const first = page.waitForRequest((request) => /\.jpg$/.test(new URL(request.url()).pathname));
  await page.reload({ waitUntil: "commit" });
  await first;
  assert.equal(await page.locator(".tile").count(), 0, "the picture begins to load before the gallery exists");
  await waitForThumbnail(tile(page, "one.jpg"));
  await page.waitForLoadState("networkidle");
  assert.deepEqual(paths.filter((path) => path.startsWith("/api/")).sort(),
    ["/api/account-tiers", "/api/auth/profile", "/api/auth/token/refresh", "/api/images"]);
  assert.equal(paths.filter((path) => path.endsWith(".jpg")).length, 1);
}));

test("without a session, the page requests no data of a user, and a login at once works", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await context.clearCookies();
  allowError(/401/);
  const paths = new Set();
  page.on("request", (request) => paths.add(new URL(request.url()).pathname));
  await page.reload();
  await page.getByLabel("User name or e-mail").waitFor();
  assert.deepEqual([...paths].filter((path) => path.startsWith("/api/")).sort(), ["/api/account-tiers", "/api/auth/token/refresh"]);
  await enterLogin(page, account);
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
}));

test("what was sent for one user is not shown to the next one", inBrowser(async (visit) => {
  const { page } = visit;
  const [first, second] = [await registerUser(), await registerUser()];
  await storePictures(await token(first), ["one.jpg"]);
  await logIn(visit, first);
  // As if the user logged out in another tab meanwhile.
  await holdScript(page, () => localStorage.clear());
  await page.reload({ waitUntil: "commit" });
  await enterLogin(page, second);
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
}));

for (const [when, delay] of /** @type {[string, number][]} */ ([["at once", 0], ["while the page waits for it", 2_000]])) {
  test(`a page whose first request is lost ${when} sends it again`, inBrowser(async (visit) => {
    const { page, allowError } = visit;
    await logIn(visit, await registerUser());
    allowError(/ERR_FAILED/);
    const lose = async (route) => {
      await page.waitForTimeout(delay);
      await route.abort();
    };
    await page.route("**/api/auth/token/refresh", lose, { times: 1 });
    await page.reload();
    await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
  }));
}

test("a view whose script could not be loaded shows an error, and then appears", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/ERR_FAILED/);
  await page.route("**/later.js*", (route) => route.abort());
  await logIn(visit, await registerUser());
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByRole("alert").getByText("The service cannot be reached").waitFor();
  await page.unroute("**/later.js*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
}));

test("a page whose later script is too new reloads itself when the user tries again", inBrowser(async (visit) => {
  const { page } = visit;
  // The script takes a module that the page's other script does not have.
  const body = 'import { modules } from "./app.js";\nconst { a } = modules["new.js"];\nexport const laterViews = { a };\n';
  await page.route("**/later.js*", (route) => route.fulfill({ contentType: "text/javascript", body }), { times: 3 });
  const loaded = page.waitForResponse(/later\.js/);
  await logIn(visit, await registerUser());
  await loaded;
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  const reloaded = page.waitForEvent("load");
  await page.getByRole("button", { name: "Try again" }).click();
  await reloaded;
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
}));

test("the page opens at a view of the later script", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, await registerUser());
  await page.goto("about:blank");
  await open("#/account/keys");
  await page.getByRole("heading", { name: "API keys" }).waitFor();
}));

test("a page that reports an error fails its test", async () => {
  /** @type {[() => void, RegExp][]} */
  const errors = [
    [() => document.body.append(Object.assign(new Image(), { src: "https://elsewhere.example/" })), /img-src forbids/],
    [() => setTimeout(() => { throw new Error("uncaught"); }), /uncaught/],
    [() => console.error("on the console"), /on the console/],
  ];
  for (const [report, error] of errors) {
    const visit = runOnce(async ({ page, open }) => {
      await open();
      await page.evaluate(report);
      await page.waitForTimeout(100);
    });
    await assert.rejects(visit, ({ actual }) => error.test(actual.join()));
  }
});

for (let orientation = 1; orientation <= 8; orientation++) {
  test(`a generated photo with orientation ${orientation} is upright when the orientation is applied`, async () => {
    const jpeg = await photo({ width: 400, height: 300, orientation, label: String(orientation) });
    assert.deepEqual(await corners(jpeg), CORNERS);
  });
}
