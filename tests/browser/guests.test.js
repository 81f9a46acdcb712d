// Upload links, and the page on which guests send pictures.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { choose, logIn, storePictures, tile, uploadsUrl, waitForThumbnail } from "./page.js";
import { photo } from "./photos.js";
import { api, outputs, registerUser, token, until } from "./stack.js";

const picture = async (name, label = name) => ({ name, buffer: await photo({ width: 400, height: 300, label }) });

/** Creates an upload link with the API, and returns it. */
async function uploadLink(account, more = {}) {
  return api("POST", "/api/upload-links", { token: await token(account), body: { max_images: 3, expires_in: 3600, ...more } });
}

/** The characters of an address that tell it apart from the others of its user. @param {string} url */
const startOf = (url) => url.split("/#/send/")[1].slice(0, 6);

test("a user makes an upload link, guests send pictures, and the user sees them and revokes the link", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  const account = await registerUser();
  const number = `+4930${Date.now() % 10_000_000}`;
  await logIn(visit, account);
  await page.getByRole("link", { name: "Phone" }).click();
  await page.getByText("You have no upload links.").waitFor();
  await page.getByRole("button", { name: "New upload link" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Phone number").fill(number);
  await dialog.getByLabel("How many pictures").fill("2");
  await dialog.getByLabel("Largest file in megabytes").fill("0.05");
  await dialog.getByRole("button", { name: "Create" }).click();
  const url = await dialog.getByLabel("Address for your guests").inputValue();
  assert.match(url, /\/#\/send\/[\w-]+$/);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  await page.getByText("0 of 2 pictures sent").waitFor();

  const guest = await page.context().browser().newContext();
  const guestPage = await guest.newPage();
  await guestPage.goto(url);
  await guestPage.getByText("You can send 2 pictures.").waitFor();
  await choose(guestPage, guestPage.getByRole("button", { name: "Choose pictures" }), [
    await picture("one.jpg"), { name: "large.jpg", buffer: Buffer.alloc(60_000) },
  ]);
  await guestPage.getByText("This file is larger than this link allows (50 kB).").waitFor();
  await guestPage.locator(".tray-row.ready").waitFor({ timeout: 60_000 });
  await guestPage.getByText("You can send 1 picture.").waitFor();
  const shown = await guestPage.locator("body").textContent();
  for (const secret of [account.username, account.email, number, number.slice(3)]) assert.ok(!shown.includes(secret), secret);
  await choose(guestPage, guestPage.getByRole("button", { name: "Choose pictures" }), [await picture("two.jpg"), await picture("three.jpg")]);
  await guestPage.getByText("This link takes no more pictures.").waitFor();
  await guestPage.getByText("This link has received all its pictures.").waitFor();
  await guestPage.locator(".tray-row.ready").nth(1).waitFor({ timeout: 60_000 });

  await open(`#/phone/${encodeURIComponent(number)}`);
  await waitForThumbnail(tile(page, "one.jpg"));
  await waitForThumbnail(tile(page, "two.jpg"));
  assert.equal(await page.locator(".tile").count(), 2);
  await tile(page, "one.jpg").getByRole("link").click();
  await page.getByRole("dialog").getByText("A guest, through an upload link").waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("link", { name: "Phone" }).click();
  await page.getByText("2 of 2 pictures sent").waitFor();
  await page.getByRole("button", { name: `Revoke the link …/send/${startOf(url)}… for ${number}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("The link is revoked.").waitFor();
  await page.getByText("You have no upload links.").waitFor();
  allowError(/404/);
  await guestPage.reload();
  await guestPage.getByText("This link does not work any more.").waitFor();
  await guest.close();
}));

test("a picture of a guest is among the photos when the user returns to them, and is marked", inBrowser(async (visit) => {
  const { page, context } = visit;
  const account = await registerUser();
  const { url } = await uploadLink(account);
  await storePictures(await token(account), ["mine.jpg"]);
  await logIn(visit, account);
  await waitForThumbnail(tile(page, "mine.jpg"));
  const guestPage = await context.newPage();
  await guestPage.goto(url);
  await choose(guestPage, guestPage.getByRole("button", { name: "Choose pictures" }), [await picture("theirs.jpg")]);
  await guestPage.locator(".tray-row.ready").waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: "Phone" }).click();
  await page.getByRole("heading", { name: "Upload by phone number" }).waitFor();
  await page.getByRole("link", { name: "Photos" }).click();
  await waitForThumbnail(tile(page, "theirs.jpg"));
  await tile(page, "theirs.jpg").getByText("Sent by a guest").waitFor();
  assert.ok(await tile(page, "theirs.jpg").locator(".guest-mark").isVisible());
  assert.equal(await tile(page, "mine.jpg").locator(".guest-mark").count(), 0);
  assert.deepEqual(await violations(page), []);
}));

for (const [screen, options] of /** @type {const} */ ([["a desktop", {}], ["a phone in dark mode", { ...PHONE, colorScheme: "dark" }]])) {
  test(`axe-core finds no violation on the page for guests, which is as wide as ${screen}, needs no login and can be used by keyboard`, inBrowser(async ({ page, open, allowError }) => {
    const account = await registerUser();
    const { url } = await uploadLink(account);
    const check = async () => {
      assert.deepEqual(await violations(page), []);
      const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(width <= available, `${width} px on ${available}`);
    };
    await page.goto(url);
    await page.getByRole("heading", { name: "Send pictures" }).waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
    await check();
    const button = page.getByRole("button", { name: "Choose pictures" });
    await page.keyboard.press("Tab");
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await choose(page, button, [await picture("a.jpg"), { name: "b.jpg", buffer: Buffer.from("nothing") }]);
    await page.locator(".tray-row.ready").waitFor({ timeout: 60_000 });
    await page.locator(".tray-row.failed").waitFor({ timeout: 60_000 });
    await page.getByRole("status").filter({ hasText: "1 picture has arrived." }).waitFor();
    await check();
    allowError(/404/);
    await open("#/send/01JZ8Q4V7N2M5K3R6T9W0XYZAB");
    await page.getByText("This link does not work any more.").waitFor();
    assert.equal(await page.getByRole("button").count(), 0, "trying again cannot help");
    await check();
  }, options));
}

test("upload links without a phone number can be told apart", inBrowser(async (visit) => {
  const { page, open, context } = visit;
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: outputs.api_url });
  const account = await registerUser();
  const links = [await uploadLink(account), await uploadLink(account, { max_images: 7 })];
  await logIn(visit, account);
  await open("#/phone");
  await page.getByRole("heading", { name: "Upload links for guests" }).waitFor();
  for (const { url, max_images } of links) {
    const row = page.getByRole("listitem").filter({ hasText: `…/send/${startOf(url)}…` });
    await row.getByText(new RegExp(`0 of ${max_images} pictures sent .* Works until .* Created `)).waitFor();
    await row.getByRole("button", { name: `Copy the address of the link …/send/${startOf(url)}…` }).click();
    await until(async () => await page.evaluate(() => navigator.clipboard.readText()) === url || undefined, "the copy of the address");
  }
}));

test("a guest's upload resumes after the network was lost, and creates no second picture", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  allowError(/ERR_INTERNET_DISCONNECTED|412/);
  const account = await registerUser();
  const { url } = await uploadLink(account);
  await page.goto(url);
  let cut = false;
  await page.route(uploadsUrl, async (route) => {
    if (cut) return route.continue();
    cut = true;
    await context.setOffline(true);
    return route.abort("internetdisconnected");
  });
  await choose(page, page.getByRole("button", { name: "Choose pictures" }), [await picture("a.jpg")]);
  await page.getByText("No connection. The upload resumes automatically.").waitFor();
  await context.setOffline(false);
  await page.getByText("All your pictures have arrived.").waitFor({ timeout: 60_000 });
  const bearer = await token(account);
  const { images } = await api("GET", "/api/images", { token: bearer });
  assert.deepEqual(images.map(({ status }) => status), ["ready"]);
  const { upload_links: [{ remaining }] } = await api("GET", "/api/upload-links", { token: bearer });
  assert.equal(remaining, 2);
}));

test("a user who is logged in sees the page for guests like a guest, and returns to the photos", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const { id } = await uploadLink(await registerUser());
  await logIn(visit, account);
  await open(`#/send/${id}`);
  await page.getByText("You can send 3 pictures.").waitFor();
  assert.equal(await page.getByRole("navigation").count(), 0);
  await choose(page, page.getByRole("button", { name: "Choose pictures" }), [await picture("a.jpg")]);
  await page.getByText("All your pictures have arrived.").waitFor({ timeout: 60_000 });
  await open("#/");
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
  assert.deepEqual((await api("GET", "/api/images", { token: await token(account) })).images, []);
}));
