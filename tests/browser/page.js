// The page as somebody uses it: what tests of several files do there.

import assert from "node:assert/strict";
import { outputs } from "./stack.js";

/**
 * Goes to the page and logs in.
 * @param {import("./browser.js").Visit} visit
 * @param {import("./stack.js").Login} login
 */
export async function logIn({ page, open }, { username, password }) {
  await open();
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}

/**
 * Presses what opens the browser's dialog for files, and chooses some there.
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} button
 * @param {{name: string, buffer: Buffer, mimeType?: string}[]} files JPEG unless they say otherwise
 */
export async function choose(page, button, files) {
  // On a busy machine headless Chromium now and then opens no dialog: a person would press the button again.
  for (let tries = 3; ; tries--) {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser", { timeout: 10_000 }).catch(() => null), button.click()]);
    if (chooser) return chooser.setFiles(files.map((file) => ({ mimeType: "image/jpeg", ...file })));
    assert.ok(tries > 1, "the button opens no dialog for files");
  }
}

/** @param {import("playwright-core").Page} page @param {Parameters<typeof choose>[2]} files */
export const upload = (page, files) => choose(page, page.getByRole("button", { name: "Upload", exact: true }), files);

/** The tile of a picture. @param {import("playwright-core").Page} page @param {string} name */
export const tile = (page, name) => page.locator(".tile").filter({ has: page.getByRole("link", { name, exact: true }) });

/** Waits until a picture is shown by its thumbnail. @param {import("playwright-core").Locator} place */
export async function sharp(place) {
  await place.locator("img.loaded").waitFor({ timeout: 60_000 });
}

/** Waits until all uploads are over. @param {import("playwright-core").Page} page @param {number} count */
export async function uploaded(page, count) {
  await page.locator(".tray-row.ready").nth(count - 1).waitFor({ timeout: 90_000 });
  assert.equal(await page.locator(".tray-row:not(.ready)").count(), 0);
}

/** Where the bytes of uploads go, and where thumbnails come from. */
export const uploadsUrl = `${outputs.endpoint_url}/${outputs.uploads_bucket}/**`;
export const derivedUrl = `${outputs.endpoint_url}/${outputs.derived_bucket}/**`;
