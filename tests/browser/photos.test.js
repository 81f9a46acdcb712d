// A user's pictures, from registration to deletion.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser, violations } from "./browser.js";
import {
  answerQuestions, choose, clearUploads, createImages, deleteAll, logIn, waitForThumbnail, tile, upload, waitForUploads, uploadsUrl,
} from "./page.js";
import { CORNERS, corners, photo } from "./photos.js";
import { api, moveToTier, mailedCodes, newAccount, registerUser, token, until } from "./stack.js";

test("a user registers, uploads twelve photos at once, sees them upright and deletes one", inBrowser(async ({ page, open }) => {
  const account = newAccount();
  await open("#/register");
  await page.getByLabel("User name").fill(account.username);
  await page.getByLabel("E-mail").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "Confirm your account" }).waitFor();
  const [code] = await mailedCodes(account.email);
  await page.getByLabel("Code from the e-mail").fill(code);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();

  const files = await Promise.all(Array.from({ length: 12 }, async (_, index) => ({
    name: `photo ${index + 1}.jpg`,
    buffer: await photo({ width: 1200, height: 900, orientation: index % 8 + 1, label: String(index + 1) }),
  })));
  await upload(page, files);
  await waitForUploads(page, 12);
  await clearUploads(page);
  for (const { name } of files) {
    await waitForThumbnail(tile(page, name));
    const shown = await tile(page, name).locator("img").screenshot({ animations: "disabled" });
    assert.deepEqual(await corners(shown), CORNERS, name);
  }
  assert.equal(await page.locator(".tile").count(), 12);

  await tile(page, "photo 3.jpg").getByRole("link").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Moved photo 3.jpg to the trash.").waitFor();
  await page.keyboard.press("Escape");
  await tile(page, "photo 3.jpg").waitFor({ state: "detached" });
  const bearer = await token(account);
  await until(async () => (await api("GET", "/api/images", { token: bearer })).images.length === 11 || undefined, "the deletion of the picture");
  let answers;
  const held = new Promise((resolve) => {
    answers = resolve;
  });
  await page.route(/\/api\/images\?/, async (route) => {
    await held;
    return route.continue();
  });
  await page.reload();
  await page.getByRole("heading", { name: "Photos" }).waitFor();
  // The profile counts the picture in the trash too.
  assert.ok(!await page.getByText("12 pictures").isVisible());
  answers();
  await page.getByText("11 pictures").waitFor();
  // Until the list is complete, the gallery has places for the pictures in the trash too.
  await until(async () => (await page.locator(".tile").count()) === 11 || undefined, "eleven pictures");
}));

test("Undo restores a deleted picture in its place, and it is not deleted later", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await upload(page, await Promise.all(["a.jpg", "b.jpg", "c.jpg"].map(async (name) => ({ name, buffer: await photo({ width: 200, height: 150 }) }))));
  await waitForUploads(page, 3);
  const names = () => page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  const before = await names();
  await page.locator(".tile a").nth(1).focus();
  await page.keyboard.press("Delete");
  await tile(page, before[1]).waitFor({ state: "detached" });
  assert.deepEqual(await names(), [before[0], before[2]]);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("title")), before[2]);
  // A dialog that opens later does not cover the button.
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.keyboard.press("Escape");
  await tile(page, before[1]).waitFor();
  assert.deepEqual(await names(), before);
  await page.waitForTimeout(500);
  assert.equal((await api("GET", "/api/images", { token: await token(account) })).images.length, 3);
}));

test("Undo in the large view restores a picture that was deleted there", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await upload(page, await Promise.all(["a.jpg", "b.jpg"].map(async (name) => ({ name, buffer: await photo({ width: 200, height: 150 }) }))));
  await waitForUploads(page, 2);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "a.jpg" }).waitFor();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.goBack();
  await dialog.waitFor({ state: "detached" });
  await tile(page, "a.jpg").waitFor();
  assert.equal(await page.locator(".tile").count(), 2);
  await page.waitForTimeout(500);
  assert.equal((await api("GET", "/api/images", { token: await token(account) })).images.length, 2);
}));

test("arrow keys move from picture to picture, in the gallery and in the large view", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, await Promise.all(["a.jpg", "b.jpg"].map(async (name) => ({ name, buffer: await photo({ width: 200, height: 150 }) }))));
  await waitForUploads(page, 2);
  const [first, second] = await page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("heading", { name: second }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("dialog").getByRole("heading", { name: first }).waitFor();
  await page.keyboard.press("Escape");
  // The browser first returns the focus to the picture that opened the large view. The page moves it in the next frame.
  await page.locator(`.tile a[title="${first}"]:focus`).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
}));

test("HTML in a file name, title and description is shown as text everywhere", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  const name = "<img src=x onerror=alert(1)>";
  page.on("dialog", () => assert.fail("a script ran"));
  await logIn(visit, account);
  await upload(page, [{ name, buffer: await photo({ width: 200, height: 150 }) }]);
  await waitForUploads(page, 1);
  assert.equal(await page.locator(".tray-name").textContent(), name);
  await tile(page, name).getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name, exact: true }).waitFor();
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Title").fill("<script>alert(2)</script>");
  await dialog.getByLabel("Description").fill("<b onclick=alert(3)>bold</b>");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "<script>alert(2)</script>" }).waitFor();
  await page.reload();
  await dialog.getByText("<b onclick=alert(3)>bold</b>").first().waitFor();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Moved <script>alert(2)</script> to the trash.").waitFor();
  assert.equal(await page.locator("img[src=x], main script, b[onclick]").count(), 0);
}));

test("the grid loads one address for each picture, and the large view loads the others", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 600, height: 450 }) }]);
  await waitForUploads(page, 1);
  const listed = page.waitForResponse((response) => new URL(response.url()).pathname === "/api/images");
  await page.reload();
  const response = await listed;
  const { images: [image] } = await response.json();
  assert.equal(image.thumbnails.length, 1);
  assert.equal("original_url" in image, false);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  for (const size of ["200 px", "400 px", "1200 px", "Original"]) {
    await dialog.getByRole("button", { name: `Copy link to ${size}` }).waitFor();
  }
}));

test("the AI describes and edits a picture, and the page shows both without a reload", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 1200, height: 900 }) }]);
  await waitForUploads(page, 1);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Describe this picture" }).click();
  await dialog.getByText("Four coloured squares.").waitFor({ timeout: 60_000 });
  await dialog.getByLabel("What should be changed?").fill("Add a hat");
  await dialog.getByRole("button", { name: "Make an edit" }).click();
  await page.getByText("The AI is making the edit.").waitFor();
  await page.locator(".notice").getByRole("link", { name: "Show the edit" }).click();
  await dialog.getByText("Add a hat", { exact: true }).waitFor();
  // Closing the view leads to the list, and not to the first picture.
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !location.hash.startsWith("#/images/"));
  await page.locator(".tile img.loaded").nth(1).waitFor({ timeout: 60_000 });
}));

test("the large view shows the old version of a replaced picture until the new one is ready", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("400 × 300", { exact: true }).waitFor();
  await dialog.getByText("Title and description").click();
  let arrives;
  const held = new Promise((resolve) => {
    arrives = resolve;
  });
  await page.route(uploadsUrl, async (route) => {
    await held;
    return route.continue();
  });
  const files = [{ name: "b.jpg", buffer: await photo({ width: 600, height: 450 }) }];
  await choose(page, dialog.getByRole("button", { name: "Replace picture" }), files);
  await page.getByText("The new version is being uploaded.").waitFor();
  await page.locator(".tray-row.sending").waitFor();
  assert.ok(await dialog.locator("img.loaded").isVisible());
  assert.equal(await dialog.getByRole("button", { name: "Discard" }).count(), 0);
  arrives();
  await dialog.getByText("600 × 450", { exact: true }).waitFor({ timeout: 60_000 });
  assert.equal(await dialog.locator(".callout").count(), 0);
}));

test("an incomplete replacement leaves the picture unchanged, and can be started again", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  const bearer = await token(account);
  const { images: [{ id }] } = await api("GET", "/api/images", { token: bearer });
  await api("PATCH", `/api/images/${id}`, { token: bearer, body: { replace: { content_type: "image/jpeg", size: 1000 } } });
  await open(`#/images/${id}`);
  await page.reload();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The upload of a new version is not complete.").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Discard" }).count(), 0);
  await choose(page, dialog.getByRole("button", { name: "Choose the file again" }), [{ name: "b.jpg", buffer: await photo({ width: 600, height: 450 }) }]);
  await dialog.getByText("600 × 450", { exact: true }).waitFor({ timeout: 60_000 });
}));

test("a file name that changes while the form is open is not changed back with the title", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  await createImages(bearer, 1);
  const { images: [{ id }] } = await api("GET", "/api/images", { token: bearer });
  await logIn(visit, account);
  await open(`#/images/${id}`);
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Title and description").click();
  await choose(page, dialog.getByRole("button", { name: "Choose the file again" }), [{ name: "b.jpg", buffer: await photo({ width: 600, height: 450 }) }]);
  await dialog.getByText("600 × 450", { exact: true }).waitFor({ timeout: 60_000 });
  await dialog.getByLabel("Title").fill("By the sea");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "By the sea" }).waitFor();
  const { file_name, title } = await api("GET", `/api/images/${id}`, { token: bearer });
  assert.deepEqual([file_name, title], ["b.jpg", "By the sea"]);
}));

test("Ctrl+Z undoes a deletion; closing its notice or logging out completes it", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await upload(page, await Promise.all(["a.jpg", "b.jpg"].map(async (name) => ({ name, buffer: await photo({ width: 200, height: 150 }) }))));
  await waitForUploads(page, 2);
  await clearUploads(page);
  const bearer = await token(account);
  const left = async (count) => {
    const { images } = await api("GET", "/api/images", { token: bearer });
    return images.length === count || undefined;
  };
  const remove = async (name) => {
    await tile(page, name).getByRole("link").focus();
    await page.keyboard.press("Delete");
    await page.getByText(`Moved ${name} to the trash.`).waitFor();
  };
  await remove("a.jpg");
  await page.keyboard.press("Control+z");
  await tile(page, "a.jpg").waitFor();
  assert.ok(await left(2));
  await remove("a.jpg");
  await page.locator(".notice", { hasText: "Moved a.jpg to the trash." }).getByRole("button", { name: "Close" }).click();
  await until(() => left(1), "the deletion of the first picture");
  await remove("b.jpg");
  await open("#/account");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await until(() => left(0), "the deletion of the second picture");
}));

/** Logs in as a new user with many images, which have no files. Returns the user's token. */
async function withImages(visit, count) {
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  const bearer = await token(account);
  await createImages(bearer, count);
  await logIn(visit, account);
  return bearer;
}

/** The number of a user's images outside of the trash. */
async function countImages(bearer) {
  let count = 0;
  let parameters = "limit=100";
  for (let isComplete = false; !isComplete;) {
    const { images, next_cursor } = await api("GET", `/api/images?${parameters}`, { token: bearer });
    count += images.length;
    parameters = `limit=100&cursor=${encodeURIComponent(next_cursor)}`;
    isComplete = next_cursor === null;
  }
  return count;
}

/** Holds the requests with many operations. Returns a function that lets them go on. */
async function holdBatches(page) {
  let goOn;
  const held = new Promise((resolve) => {
    goOn = resolve;
  });
  await page.route("**/api/images/batch", async (route) => {
    await held;
    return route.continue();
  });
  return goOn;
}

test("whoever leaves the page after deleting 300 pictures is not asked, and all are deleted", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withImages(visit, 300);
  const questions = answerQuestions(page, "accept");
  await deleteAll(page);
  await page.goto("about:blank");
  await until(async () => (await countImages(bearer)) === 0 || undefined, "the deletions");
  assert.deepEqual(questions, []);
}));

test("whoever leaves the page during the deletion of 150 pictures is asked, and the rest of the requests is sent", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withImages(visit, 150);
  const questions = answerQuestions(page, "accept");
  await deleteAll(page);
  // The first request with a hundred deletions is lost.
  const lost = page.evaluate(() => new Promise((begun) => {
    const send = globalThis.fetch;
    globalThis.fetch = (path, options) => {
      if (path !== "/api/images/batch" || options.keepalive) return send(path, options);
      begun(true);
      return new Promise(() => {});
    };
  }));
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await lost;
  await page.goto("about:blank");
  await until(async () => (await countImages(bearer)) === 100 || undefined, "the deletions");
  assert.deepEqual(questions, ["beforeunload"]);
}));

test("a logout ends after the deletion of 150 pictures, and says so", inBrowser(async (visit) => {
  const { page, open } = visit;
  const bearer = await withImages(visit, 150);
  const goOn = await holdBatches(page);
  await deleteAll(page);
  await open("#/account");
  const logOut = page.getByRole("button", { name: "Log out", exact: true });
  await logOut.click();
  const dialog = page.getByRole("dialog", { name: "Finishing your last changes" });
  await dialog.waitFor();
  assert.deepEqual(await violations(page), []);
  // Whoever closes the message stays logged in.
  await dialog.getByRole("button", { name: "Close" }).first().click();
  await dialog.waitFor({ state: "detached" });
  goOn();
  await page.locator("button:enabled", { hasText: /^Log out$/ }).waitFor();
  await logOut.click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await countImages(bearer), 0);
}));

test("the page asks before the user leaves it during a deletion, and no more when the deletion has ended", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withImages(visit, 2);
  const goOn = await holdBatches(page);
  const questions = answerQuestions(page, "dismiss");
  await deleteAll(page);
  const sent = page.waitForRequest("**/api/images/batch");
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await sent;
  await page.evaluate(() => location.reload());
  await until(() => questions.length === 1 || undefined, "the question");
  goOn();
  await page.waitForFunction(() => dispatchEvent(new Event("beforeunload", { cancelable: true })));
  await page.reload();
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
  assert.deepEqual(questions, ["beforeunload"]);
  assert.equal(await countImages(bearer), 0);
}));
