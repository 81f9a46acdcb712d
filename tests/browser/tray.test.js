// The list of uploads at the bottom of the page.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn, tile, upload, uploadsUrl, waitForThumbnail, waitForUploads } from "./page.js";
import { photo } from "./photos.js";
import { registerUser } from "./stack.js";

const picture = async (name) => ({ name, buffer: await photo({ width: 200, height: 150, label: name }) });

test("the list of uploads goes away after all have succeeded, and counts only the last batch", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, [await picture("a.jpg"), await picture("b.jpg")]);
  await page.getByText("2 uploads done").waitFor({ timeout: 60_000 });
  await upload(page, [await picture("c.jpg")]);
  await page.getByText("1 upload done").waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".tray-row").count(), 1);
  await page.locator(".tray").waitFor({ state: "hidden", timeout: 20_000 });
}));

test("the list says that pictures are being developed while they are, and a failed upload stays in it", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  let answers = true;
  await page.route("**/api/images/*", async (route) => {
    if (route.request().method() !== "GET" || !answers) return route.continue();
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...await response.json(), status: "processing" } });
  });
  await upload(page, [await picture("a.jpg")]);
  await page.getByText("Developing 1 picture").waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".tray-row .tray-status").textContent(), "Developing");
  answers = false;
  await page.getByText("1 upload done").waitFor({ timeout: 60_000 });
  await upload(page, [{ name: "b.jpg", buffer: Buffer.from("nothing") }]);
  await page.locator(".tray-row.failed").waitFor({ timeout: 60_000 });
  await page.waitForTimeout(10_000);
  assert.ok(await page.locator(".tray-row.failed").isVisible());
}));

test("on a phone, the list is folded to its summary, and notices appear above it", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, [await picture("a.jpg")]);
  await waitForUploads(page, 1);
  await waitForThumbnail(tile(page, "a.jpg"));
  await page.route(uploadsUrl, () => {});
  await upload(page, [await picture("b.jpg")]);
  const tray = page.locator(".tray");
  await tray.getByText("0 of 1 uploaded").waitFor();
  assert.ok((await tray.boundingBox()).height < 90);
  await tile(page, "a.jpg").getByRole("link").focus();
  await page.keyboard.press("Delete");
  const notice = await page.locator(".notice").boundingBox();
  const list = await tray.boundingBox();
  assert.ok(notice.y + notice.height <= list.y, `${JSON.stringify(notice)} ${JSON.stringify(list)}`);
  assert.deepEqual(await violations(page), []);
  await tray.getByRole("button", { name: "Show or hide the list" }).click();
  await tray.getByText("b.jpg").waitFor();
}, PHONE));

test("on larger screens, notices do not cover the list of uploads", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, [await picture("a.jpg")]);
  await waitForUploads(page, 1);
  await waitForThumbnail(tile(page, "a.jpg"));
  await page.route(uploadsUrl, () => {});
  await upload(page, [await picture("b.jpg")]);
  await page.locator(".tray-row.sending").waitFor();
  await tile(page, "a.jpg").getByRole("link").focus();
  await page.keyboard.press("Delete");
  // A notice stays while the focus is on it.
  await page.getByRole("button", { name: "Undo" }).focus();
  for (const [width, height] of [[1280, 720], [880, 700], [768, 1024], [844, 390], [641, 700]]) {
    await page.setViewportSize({ width, height });
    const notice = await page.locator(".notice").boundingBox();
    const list = await page.locator(".tray").boundingBox();
    const isApart = notice.x + notice.width <= list.x || notice.y + notice.height <= list.y;
    assert.ok(isApart && notice.y >= 0, `${width}x${height}: ${JSON.stringify(notice)} ${JSON.stringify(list)}`);
  }
}));
