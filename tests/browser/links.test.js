// Links to a picture, for people without an account.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn, showsWholeText, tile, upload, waitForUploads } from "./page.js";
import { CORNERS, corners, photo } from "./photos.js";
import { moveToTier, outputs, registerUser, until } from "./stack.js";

test("links to thumbnails can be copied, and links for others are made, copied, listed and revoked", inBrowser(async (visit) => {
  const { page, context } = visit;
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: outputs.api_url });
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  const buffer = await photo({ width: 600, height: 450 });
  await upload(page, [{ name: "a.jpg", buffer }]);
  await waitForUploads(page, 1);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await dialog.getByRole("button", { name: "Copy link to 200 px" }).click();
  await page.getByText("Link copied.").waitFor();
  assert.deepEqual(await corners(Buffer.from(await (await fetch(await copied())).arrayBuffer())), CORNERS);

  await dialog.getByText("There are no links to this picture.").waitFor();
  await showsWholeText(dialog.getByLabel("What people get"));
  await dialog.getByLabel("What people get").selectOption("Original as uploaded");
  await dialog.getByLabel("Works for").selectOption("7 days");
  await dialog.getByRole("button", { name: "Make link" }).click();
  const address = dialog.getByLabel("Address of the new link");
  await address.waitFor();
  const url = await address.inputValue();
  // The address is in sight, has the focus and is copied.
  await page.waitForFunction(() => document.activeElement?.matches(".address"));
  const { y, height } = await address.boundingBox();
  assert.ok(y > 0 && y + height < page.viewportSize().height, `${height} px high at ${y}`);
  await until(async () => await copied() === url || undefined, "the copy of the address");
  const shown = await fetch(url);
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), buffer);
  assert.match(shown.headers.get("content-disposition") ?? "", /^inline; /);

  await dialog.getByLabel("What people get").selectOption("At most 1,600 pixels");
  await dialog.getByLabel("Save the file instead of showing it").check();
  await dialog.getByRole("button", { name: "Make link" }).click();
  const rows = dialog.getByRole("list", { name: "Links to this picture" }).getByRole("listitem");
  await rows.nth(1).waitFor();
  await rows.nth(0).getByText("A picture of at most 1,600 × 1,600 pixels").waitFor();
  await rows.nth(0).getByRole("button", { name: /^Copy the link that works until / }).click();
  const picture = await fetch(await copied());
  assert.match(picture.headers.get("content-disposition") ?? "", /^attachment; /);
  assert.deepEqual(await corners(Buffer.from(await picture.arrayBuffer())), CORNERS);

  // After a reload, the list shows how often each link was opened.
  await page.reload();
  await rows.nth(1).getByText("opened once").waitFor();
  await rows.nth(1).getByRole("button", { name: /^Revoke the link that works until .*Original as uploaded$/ }).click();
  await page.getByRole("dialog", { name: "Revoke this link?" }).getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByText("The link is revoked.").waitFor();
  assert.equal(await rows.count(), 1);
  assert.equal((await fetch(url)).status, 404);
}));

for (const [scheme, background] of /** @type {const} */ ([["light", "rgb(247, 245, 243)"], ["dark", "rgb(20, 18, 17)"]])) {
  test(`a link that does not work shows a page with the style of Darkroom, in ${scheme} mode`, inBrowser(async ({ page, allowError }) => {
    // The page has no icon.
    allowError(/404|favicon/);
    await page.goto(`${outputs.api_url}/l/unknown`);
    await page.getByRole("heading", { name: "This link does not work" }).waitFor();
    const shown = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    assert.equal(shown, background);
    assert.deepEqual(await violations(page), []);
  }, { colorScheme: scheme }));
}

test("links are made and revoked with the keyboard alone, on a phone too", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 600, height: 450 }) }]);
  await waitForUploads(page, 1);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByText("There are no links to this picture.").waitFor();
  await dialog.getByLabel("What people get").focus();
  // The lifetime, the checkbox and the button follow.
  for (const key of ["Tab", "Tab", "Tab", "Enter"]) await page.keyboard.press(key);
  await dialog.getByLabel("Address of the new link").waitFor();
  assert.deepEqual(await violations(page), []);
  const revoke = dialog.getByRole("button", { name: /^Revoke the link/ });
  // The address has the focus. Two buttons that copy it follow, and then the button that revokes the link.
  for (let presses = 0; presses < 3; presses++) await page.keyboard.press("Tab");
  assert.ok(await revoke.evaluate((button) => button === document.activeElement));
  await page.keyboard.press("Enter");
  const question = page.getByRole("dialog", { name: "Revoke this link?" });
  await question.getByRole("button", { name: "Revoke", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("The link is revoked.").waitFor();
  await dialog.getByText("There are no links to this picture.").waitFor();
  // A screen reader continues at the section.
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Share");
}, PHONE));
