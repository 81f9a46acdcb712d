// Actions on the page that several test files share.

import assert from "node:assert/strict";
import { photo } from "./photos.js";
import { api, outputs, until } from "./stack.js";

/**
 * Opens the page and logs in.
 * @param {import("./browser.js").Visit} visit
 * @param {import("./stack.js").Login} login
 */
export async function logIn({ page, open }, login) {
  await open();
  await enterLogin(page, login);
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}

/**
 * Fills in the form for the login, and sends it. The name may be an e-mail address.
 * @param {import("playwright-core").Page} page
 * @param {import("./stack.js").Login} login
 */
export async function enterLogin(page, { username, password }) {
  await page.getByLabel("User name or e-mail").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/**
 * Runs an action that opens the browser's dialog for files. Returns the dialog.
 * @param {import("playwright-core").Page} page
 * @param {() => Promise<void>} action
 */
export async function fileDialog(page, action) {
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    // Chromium catches the dialog from the time that it knows of the wait. It knows when it responds to this call.
    page.evaluate(() => true).then(action),
  ]);
  return chooser;
}

/**
 * Presses a button that opens the browser's dialog for files, and chooses files there.
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} button
 * @param {{name: string, buffer: Buffer, mimeType?: string}[]} files JPEG by default
 */
export async function choose(page, button, files) {
  const dialog = await fileDialog(page, () => button.click());
  return dialog.setFiles(files.map((file) => ({ mimeType: "image/jpeg", ...file })));
}

/** @param {import("playwright-core").Page} page @param {Parameters<typeof choose>[2]} files */
export const upload = (page, files) => choose(page, page.getByRole("button", { name: "Upload", exact: true }), files);

/** The tile of a picture. @param {import("playwright-core").Page} page @param {string} name */
export const tile = (page, name) => page.locator(".tile").filter({ has: page.getByRole("link", { name, exact: true }) });

/** Waits until the thumbnail of a picture is visible. @param {import("playwright-core").Locator} place */
export async function waitForThumbnail(place) {
  await place.locator("img.loaded").waitFor({ timeout: 60_000 });
}

/**
 * Waits until `count` uploads are ready, and checks that the list contains no others. On a phone, the list is folded.
 * @param {import("playwright-core").Page} page
 * @param {number} count
 */
export async function waitForUploads(page, count) {
  await page.locator(".tray-row.ready").nth(count - 1).waitFor({ state: "attached", timeout: 90_000 });
  assert.equal(await page.locator(".tray-row:not(.ready)").count(), 0);
}

/** Removes finished uploads from their list. The list also goes away by itself. @param {import("playwright-core").Page} page */
export async function clearUploads(page) {
  await page.getByRole("button", { name: "Clear list" }).click({ timeout: 3000 }).catch(() => {});
  await page.locator(".tray").waitFor({ state: "hidden" });
}

/**
 * Uploads small pictures with these names as a user of the API, and waits until they are ready. Returns them in the order
 * of the gallery: the last one first.
 * @param {string} token
 * @param {string[]} names
 * @param {{width?: number, height?: number}} [size]
 */
export async function storePictures(token, names, { width = 200, height = 150 } = {}) {
  const ids = [];
  for (const name of names) ids.unshift(await send(token, name, await photo({ width, height, label: name })));
  for (const id of ids) await becomes(token, id, "ready");
  return ids;
}

/** Creates images without files, as a user of the API. @param {string} token @param {number} count */
export async function createImages(token, count) {
  let left = count;
  const create = async () => {
    while (left > 0) {
      const body = { file_name: `${left--}.jpg`, content_type: "image/jpeg", size: 1000 };
      await api("POST", "/api/images", { token, body });
    }
  };
  await Promise.all(Array.from({ length: 4 }, create));
}

/**
 * Answers the browser's questions before it leaves the page. Returns the list of the questions so far.
 * @param {import("playwright-core").Page} page
 * @param {"accept" | "dismiss"} answer
 */
export function answerQuestions(page, answer) {
  const questions = [];
  page.on("dialog", (dialog) => {
    questions.push(dialog.type());
    return dialog[answer]();
  });
  return questions;
}

/** Selects all pictures of the gallery, and deletes them. The button Undo stays. @param {import("playwright-core").Page} page */
export async function deleteAll(page) {
  await page.locator(".tile:not(.skeleton) a").first().focus();
  await page.keyboard.press("Control+a");
  const bar = page.getByRole("group", { name: "Selected" });
  await bar.getByText("selected").waitFor();
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  // A notice stays while the pointer is on it.
  await page.getByText(/^Moved .* to the trash\.$/).hover();
}

/**
 * Uploads a file that is no picture as a user of the API, and waits until the image has failed.
 * @param {string} token
 * @param {string} name
 */
export async function storeBroken(token, name) {
  await becomes(token, await send(token, name, Buffer.from("This is not a picture.")), "failed");
}

/** Uploads a file as a JPEG. Returns the id of the image. @param {string} token @param {string} name @param {Buffer} buffer */
async function send(token, name, buffer) {
  const file = { file_name: name, content_type: "image/jpeg", size: buffer.length };
  const { image, upload } = await api("POST", "/api/images", { token, body: file });
  const sent = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: new Uint8Array(buffer) });
  assert.ok(sent.ok, `${name}: ${sent.status}`);
  return image.id;
}

/** Waits until an image has a status. @param {string} token @param {string} id @param {string} status */
function becomes(token, id, status) {
  return until(async () => (await api("GET", `/api/images/${id}/status`, { token })).status === status || undefined, `the status ${status}`);
}

/**
 * Checks that a control does not cut its text: the hint of a field, or the options of a choice. A choice that is as wide as
 * its text shows only the option that is chosen.
 * @param {import("playwright-core").Locator} control
 */
export async function showsWholeText(control) {
  const { texts, room } = await control.evaluate((/** @type {HTMLInputElement | HTMLSelectElement} */ element) => {
    const style = getComputedStyle(element);
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.font = `${style.fontSize} ${style.fontFamily}`;
    const options = element instanceof HTMLSelectElement ? [...element.options] : [];
    const shown = style.getPropertyValue("field-sizing") === "content" ? options.filter((option) => option.selected) : options;
    const texts = element instanceof HTMLSelectElement ? shown.map((option) => option.text) : [element.placeholder];
    const padding = Number.parseFloat(style.paddingLeft) + Number.parseFloat(style.paddingRight);
    return { texts: texts.map((text) => ({ text, width: context.measureText(text).width })), room: element.clientWidth - padding };
  });
  assert.ok(texts.length > 0);
  for (const { text, width } of texts) assert.ok(text && width <= room, `${text}: ${width} px of text in ${room} px`);
}

/** Leaves out the tiers that other tests have created. @param {import("playwright-core").Page} page */
export async function threeTiers(page) {
  await page.route("**/api/account-tiers", async (route) => {
    const response = await route.fetch();
    const { account_tiers } = await response.json();
    const known = account_tiers.filter(({ id }) => ["basic", "premium", "enterprise"].includes(id));
    return route.fulfill({ response, json: { account_tiers: known } });
  });
}

/**
 * Makes the page believe that so many seconds have passed.
 * @param {import("playwright-core").Page} page
 * @param {number} seconds
 */
export async function letPass(page, seconds) {
  await page.evaluate((milliseconds) => {
    const now = Date.now;
    Date.now = () => now() + milliseconds;
  }, seconds * 1000);
}

/** The URL below which thumbnails are: at the edge, or in their bucket. */
export const derived = outputs.edge_url ? `${outputs.edge_url}/t` : `${outputs.endpoint_url}/${outputs.derived_bucket}`;

/** Patterns of the URLs of uploads and of thumbnails. */
export const uploadsUrl = `${outputs.endpoint_url}/${outputs.uploads_bucket}/**`;
export const derivedUrl = `${derived}/**`;
