// A gallery of ten thousand pictures. These tests answer requests to the API themselves, because they only test the page.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { COUNT, fakeApi, id, usedMemory } from "./many.js";
import { answerQuestions, deleteAll, logIn } from "./page.js";
import { registerUser, until } from "./stack.js";

test("a gallery of ten thousand pictures needs few elements and little memory, and shows each picture in its place", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await page.bringToFront();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();

  const memory = await usedMemory(visit);
  const before = await memory();
  // Scroll to the end at once. All pages before it are loaded.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const last = page.getByRole("link", { name: `photo-${COUNT - 1}.jpg` });
  await last.waitFor({ timeout: 60_000 });
  // Scroll back in steps. Pages that were dropped are loaded again.
  let most = 0;
  for (const part of [0.9, 0.7, 0.5, 0.3, 0.1, 0]) {
    await page.evaluate((part) => scrollTo(0, document.documentElement.scrollHeight * part), part);
    const found = await page.waitForFunction(() => {
      const tiles = [...document.querySelectorAll(".tile")];
      if (tiles.some((tile) => tile.matches(".skeleton")) || !document.querySelector(".tile img.loaded")) return null;
      return tiles.map((tile) => ({ place: Number(tile.getAttribute("aria-posinset")), name: tile.querySelector("a").title }));
    });
    const shown = await found.jsonValue();
    for (const { place, name } of shown) assert.equal(name, `photo-${place - 1}.jpg`);
    most = Math.max(most, shown.length);
  }
  const grown = await memory() - before;
  assert.ok(most > 0 && most < 200, `${most} tiles`);
  assert.ok(grown < 20e6, `${grown} bytes more`);
}));

test("ten thousand pictures are selected and grouped, with few elements and little memory", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await page.bringToFront();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  const memory = await usedMemory(visit);
  const before = await memory();
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await page.getByText("10,000 selected").waitFor({ timeout: 60_000 });
  const tiles = await page.locator(".tile").count();
  assert.ok(tiles < 200, `${tiles} tiles`);
  assert.equal(await page.locator(".tile-check:not(:checked)").count(), 0);
  await page.getByRole("button", { name: "Clear the selection" }).click();
  await page.getByLabel("Group by").selectOption({ label: "By day" });
  await page.getByRole("heading", { name: /January 1, 2026|December 31, 2025/ }).waitFor();
  const grown = await memory() - before;
  assert.ok(grown < 20e6, `${grown} bytes more`);
}));

test("the large view of a picture far down in the list has its neighbours, and leads back to its place", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  await page.goto("about:blank");
  await open(`#/images/${id(1298)}`);
  const dialog = page.getByRole("dialog", { name: "Picture" });
  // The last of these pictures are on another page of the list.
  for (const index of [1298, 1299, 1300, 1301]) {
    await dialog.getByRole("heading", { name: `photo-${index}.jpg` }).waitFor();
    await dialog.getByRole("button", { name: "Next picture" }).click();
  }
  await dialog.getByRole("heading", { name: "photo-1302.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator('.tile a[title="photo-1302.jpg"]:focus').waitFor();
  await page.locator('.tile[aria-posinset="1303"] img.loaded').waitFor();
}));

test("a month is selected to its end, although most of it is not loaded", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await open("#/?sort=taken_at");
  await page.getByRole("list", { name: "January 2026" }).locator("img.loaded").first().waitFor();
  await page.evaluate(() => scrollTo(0, 900));
  const all = page.getByRole("button", { name: "Select all of December 2025" });
  await all.click();
  // 31 days with 40 pictures.
  await page.getByText("1,240 selected").waitFor();
  await page.getByRole("button", { name: "Select none of December 2025" }).click();
  await all.waitFor();
  assert.ok(await page.getByRole("group", { name: "Selected" }).isHidden());
}));

test("the picture that has the focus keeps it while the user scrolls away, and the Tab key leads back to it", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  await page.locator(".tile a").first().focus();
  for (let row = 0; row < 20; row++) await page.keyboard.press("ArrowDown");
  const focused = page.locator(".tile a:focus");
  const name = await focused.getAttribute("title");
  await page.locator(`.tile a[title="${name}"]`).waitFor();
  const place = await page.evaluate(() => scrollY);
  assert.ok(place > 1000, `${place}`);
  // All pages of the list are loaded, and that of this picture is dropped.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.getByRole("link", { name: `photo-${COUNT - 1}.jpg` }).waitFor({ timeout: 60_000 });
  assert.equal(await focused.getAttribute("title"), name);
  const tiles = await page.locator(".tile").count();
  assert.ok(tiles < 200, `${tiles} tiles`);
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused.count(), 0);
  await page.keyboard.press("Tab");
  assert.equal(await focused.getAttribute("title"), name);
  // The browser has scrolled to it.
  await page.waitForFunction((place) => Math.abs(scrollY - place) < innerHeight, place);
  await page.locator(".tile img.loaded").first().waitFor();
}));

test("the number of pictures is an upper bound until the whole list is loaded", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const missing = new Set(Array.from({ length: 9700 }, (_, index) => 300 + index));
  await fakeApi(visit, account, missing);
  await logIn(visit, account);
  await page.getByText("up to 10,000", { exact: true }).waitFor();
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("End");
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.getByText("300 pictures", { exact: true }).waitFor();
}));

test("the page asks before the user leaves it with more deletions than the browser accepts, and Undo is still possible", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const missing = new Set(Array.from({ length: COUNT }, (_, index) => index).slice(1200));
  await fakeApi(visit, account, missing);
  await logIn(visit, account);
  const questions = answerQuestions(page, "dismiss");
  await deleteAll(page);
  await page.getByText("Moved 1,200 pictures to the trash.").waitFor();
  await page.evaluate(() => location.reload());
  await until(() => questions.length === 1 || undefined, "the question");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator(".tile img.loaded").first().waitFor();
  await page.reload();
  await page.locator(".tile img.loaded").first().waitFor();
  assert.deepEqual(questions, ["beforeunload"]);
}));

test("a tile loads the smallest thumbnail that is sharp on the screen", inBrowser(async (visit) => {
  const { page, context } = visit;
  const account = await registerUser();
  await fakeApi(visit, account);
  await logIn(visit, account);
  const devtools = await context.newCDPSession(page);
  for (const deviceScaleFactor of [1, 3]) {
    const screen = { width: 412, height: 800, deviceScaleFactor, mobile: false };
    await devtools.send("Emulation.setDeviceMetricsOverride", screen);
    await page.reload();
    const loaded = page.locator(".tile img.loaded").first();
    await loaded.waitFor();
    const { source, needed } = await loaded.evaluate((/** @type {HTMLImageElement} */ img) => ({
      source: img.currentSrc,
      // A picture of 4:3 covers a square tile.
      needed: img.closest(".tile").clientWidth * 4 / 3 * devicePixelRatio,
    }));
    assert.equal(source.includes("/400?"), needed > 200, `${source} for ${needed} pixels`);
    assert.equal(source.includes("/400?"), deviceScaleFactor > 1, source);
  }
}));

test("the gallery shows why a page of the list could not be loaded, and loads it after a press on Try again", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/503/);
  const account = await registerUser();
  await fakeApi(visit, account);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  const away = (url) => url.pathname === "/api/images" && url.searchParams.get("cursor") === "300";
  await page.route(away, (route) => route.fulfill({ status: 503, body: "" }));
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const alert = page.getByRole("alert").filter({ hasText: "The service is busy." });
  await alert.waitFor();
  await page.unroute(away);
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: `photo-${COUNT - 1}.jpg` }).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByRole("alert").count(), 0);
}));

test("a page of the list that has lost pictures is loaded again without pictures of the next page", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const missing = new Set();
  await fakeApi(visit, account, missing);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.getByRole("link", { name: `photo-${COUNT - 1}.jpg` }).waitFor({ timeout: 60_000 });
  for (const index of [110, 120, 130]) missing.add(index);
  // Scroll to the end of the second page, which was dropped.
  const row = await page.evaluate(() => {
    /** @type {HTMLElement} */
    const tile = document.querySelector(".tile");
    const columns = Math.floor(document.querySelector(".grid").clientWidth / tile.offsetWidth);
    return (tile.offsetWidth + 6) / columns;
  });
  await page.evaluate((top) => scrollTo(0, top), 195 * row);
  await page.getByRole("link", { name: "photo-200.jpg", exact: true }).waitFor();
  const shown = await page.locator(".tile a").evaluateAll((links) => links.map((link) => Number(link.getAttribute("title").match(/\d+/))));
  const places = [...shown].sort((a, b) => a - b);
  assert.deepEqual(places, [...new Set(places)], "no picture twice");
  for (const index of [198, 199, 200, 201]) assert.ok(places.includes(index), `picture ${index}`);
  assert.equal(await page.locator(".tile.skeleton").count(), 0);
}));

test("pictures that are added at the beginning do not move those that the user looks at", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const added = { first: 0 };
  await fakeApi(visit, account, new Set(), added);
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();
  await page.evaluate(() => scrollTo(0, 900));
  const looked = page.locator(".tile").filter({ has: page.getByRole("link", { name: "photo-40.jpg", exact: true }) });
  await looked.locator("img.loaded").waitFor();
  const { y } = await looked.boundingBox();
  added.first = -60;
  // The page compares its list with the service when the user returns to its tab.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.locator('.tile[aria-posinset="101"]').getByRole("link", { name: "photo-40.jpg" }).waitFor();
  assert.ok(Math.abs((await looked.boundingBox()).y - y) < 2);

  // It does so too when the user returns from another view, and the pictures of before are there at once.
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  added.first = -120;
  await page.getByRole("link", { name: "Photos" }).click();
  await page.locator('.tile[aria-posinset="161"]').getByRole("link", { name: "photo-40.jpg" }).waitFor();
  assert.ok(Math.abs((await looked.boundingBox()).y - y) < 2);
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator('.tile[aria-posinset="1"]').getByRole("link", { name: "photo--120.jpg" }).waitFor();
}));
