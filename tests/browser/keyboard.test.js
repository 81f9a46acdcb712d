// The whole tour with the keyboard alone.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { fileDialog, tile } from "./page.js";
import { photo } from "./photos.js";
import { registerUser } from "./stack.js";

/** What a screen reader calls the element that has the focus. */
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  return element.getAttribute("aria-label") ?? element.getAttribute("title") ?? element.textContent;
});

/** Presses Tab until the focus is on an element with this name. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses++) {
    if (await focused(page) === name) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${name}`);
}

test("a user logs in, uploads, selects, deletes, restores, views and leaves with the keyboard alone", inBrowser(async ({ page, open }) => {
  const account = await registerUser();
  await open();
  // The first field has the focus.
  await page.getByLabel("User name or e-mail").waitFor();
  await page.keyboard.type(account.username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(account.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();

  await tabTo(page, "Upload");
  const chooser = await fileDialog(page, () => page.keyboard.press("Enter"));
  const files = await Promise.all(["a.jpg", "b.jpg", "c.jpg"].map(async (name) =>
    ({ name, mimeType: "image/jpeg", buffer: await photo({ width: 400, height: 300, label: name }) })));
  await chooser.setFiles(files);
  for (const { name } of files) await tile(page, name).locator("img.loaded").waitFor({ timeout: 60_000 });

  const [first, second] = await page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  await tabTo(page, first);
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("2 selected").waitFor();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog", { name: "Move 2 pictures to the trash?" }).waitFor();
  await tabTo(page, "Delete");
  await page.keyboard.press("Enter");
  await page.locator(".notice").waitFor();
  assert.equal(await page.locator(".tile").count(), 1);
  await page.keyboard.press("Control+z");
  await tile(page, first).waitFor();
  assert.equal(await page.locator(".tile").count(), 3);

  await tabTo(page, first);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("heading", { name: first }).waitFor();
  await page.keyboard.press("ArrowRight");
  await dialog.getByRole("heading", { name: second }).waitFor();
  await page.keyboard.press("z");
  await dialog.locator(".stage.zoomed").waitFor();
  await tabTo(page, "Title and description");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await dialog.getByRole("heading", { name: "By keyboard" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await tile(page, "By keyboard").waitFor();
  await tabTo(page, "Account");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  await tabTo(page, "Log out");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
}));
