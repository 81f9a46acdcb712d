// Uploads with errors or interruptions.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { logIn, waitForThumbnail, tile, upload, waitForUploads, uploadsUrl } from "./page.js";
import { CORNERS, corners, photo } from "./photos.js";
import { api, moveToTier, registerUser, token, until } from "./stack.js";

test("an upload resumes after the network was lost", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  allowError(/ERR_INTERNET_DISCONNECTED/);
  const account = await registerUser();
  await logIn(visit, account);
  // The network fails during the first upload.
  let cut = false;
  await page.route(uploadsUrl, async (route) => {
    if (!cut) {
      cut = true;
      await context.setOffline(true);
      return route.abort("internetdisconnected");
    }
    return route.continue();
  });
  const files = await Promise.all(["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map(async (name) => ({ name, buffer: await photo({ width: 400, height: 300, label: name }) })));
  await upload(page, files);
  await page.getByText("No connection. The upload resumes automatically.").first().waitFor();
  await page.waitForTimeout(2000);
  assert.equal(await page.locator(".tray-row.failed").count(), 0);
  await context.setOffline(false);
  await waitForUploads(page, 4);
  for (const { name } of files) {
    await waitForThumbnail(tile(page, name));
    assert.deepEqual(await corners(await tile(page, name).locator("img").screenshot({ animations: "disabled" })), CORNERS);
  }
  const { images } = await api("GET", "/api/images", { token: await token(account) });
  assert.deepEqual(images.map((image) => image.status), Array(4).fill("ready"));
}));

test("an upload whose response was lost is not sent again", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/ERR_FAILED|409|412/);
  await logIn(visit, await registerUser());
  let sent = 0;
  await page.route(uploadsUrl, async (route) => {
    if (route.request().method() !== "PUT") return route.continue();
    sent += 1;
    if (sent > 1) return route.continue();
    await route.fetch();
    return route.abort("failed");
  });
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  await waitForThumbnail(tile(page, "a.jpg"));
  assert.ok(sent <= 2, `${sent} times`);
}));

for (const { what, leave } of [
  { what: "left", leave: (page) => page.goto("about:blank") },
  { what: "closed with its tab", leave: (page) => page.close({ runBeforeUnload: true }) },
]) {
  test(`a page that is ${what} during an upload asks the user first, and deletes the incomplete image`, inBrowser(async (visit) => {
    const { page, context } = visit;
    let asked = false;
    page.on("dialog", (dialog) => {
      asked = dialog.type() === "beforeunload";
      return dialog.accept();
    });
    const account = await registerUser();
    await logIn(visit, account);
    await page.route(uploadsUrl, () => {}); // the upload never finishes
    await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
    const bearer = await token(account);
    const images = async () => (await api("GET", "/api/images", { token: bearer })).images;
    await until(async () => (await images()).length === 1 || undefined, "the new image");
    await context.newPage(); // keeps the context open when the tab closes
    await leave(page);
    await until(async () => (await images()).length === 0 || undefined, "the deletion of the image");
    await until(async () => (await api("GET", "/api/auth/profile", { token: bearer })).usage.images === 0 || undefined, "the refund of the quota");
    assert.ok(asked);
  }));
}

test("cancelling an upload deletes its image, and the upload can be started again", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await page.route(uploadsUrl, () => {});
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await tile(page, "a.jpg Uploading").waitFor();
  await page.getByRole("button", { name: "Cancel upload of a.jpg" }).click();
  await page.locator(".tile").waitFor({ state: "detached" });
  const bearer = await token(account);
  await until(async () => (await api("GET", "/api/images", { token: bearer })).images.length === 0 || undefined, "the deletion of the image");
  await page.unroute(uploadsUrl);
  await page.getByRole("button", { name: "Try upload of a.jpg again" }).click();
  await waitForUploads(page, 1);
  await waitForThumbnail(tile(page, "a.jpg"));
}));

test("each file that is not a supported picture gets its own error, and other files are still uploaded", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await upload(page, [
    { name: "page.jpg", buffer: Buffer.from("<html>") },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") },
    { name: "empty.jpg", buffer: Buffer.alloc(0) },
    { name: "good.jpg", buffer: await photo({ width: 400, height: 300 }) },
  ]);
  const row = (name) => page.locator(".tray-row").filter({ hasText: name }).locator(".tray-status");
  await page.getByText("1 upload done, 3 failed").waitFor({ timeout: 60_000 });
  assert.match(await row("page.jpg").textContent(), /not a picture\. Send a JPEG/);
  assert.match(await row("notes.txt").textContent(), /not a picture\. Send a JPEG/);
  assert.match(await row("empty.jpg").textContent(), /is empty/);
  await waitForThumbnail(tile(page, "good.jpg"));
}));

test("the list shows how far each upload is", inBrowser(async (visit) => {
  const { page, context } = visit;
  await logIn(visit, await registerUser());
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  const network = { offline: false, latency: 0, downloadThroughput: -1 };
  await devtools.send("Network.emulateNetworkConditions", { ...network, uploadThroughput: 100_000 });
  const buffer = Buffer.concat([await photo({ width: 400, height: 300 }), Buffer.alloc(1_000_000)]);
  await upload(page, [{ name: "a.jpg", buffer }]);
  await page.locator(".tray-status").getByText(/^[1-9]\d? %$/).waitFor({ timeout: 60_000 });
  await page.getByRole("progressbar", { name: "Upload of a.jpg" }).waitFor();
  await devtools.send("Network.emulateNetworkConditions", { ...network, uploadThroughput: -1 });
}));

test("a file name in any script stays as it is, also in a download", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  const name = "写真 צילום Δ.jpg";
  await upload(page, [{ name, buffer: await photo({ width: 200, height: 150 }) }]);
  await waitForUploads(page, 1);
  await tile(page, name).getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name, exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Copy link to Original" }).waitFor();
  const download = dialog.getByRole("button", { name: "Download", exact: true });
  const [saved] = await Promise.all([page.waitForEvent("download"), download.click()]);
  assert.equal(saved.suggestedFilename(), name);
}));

test("files that the user drops or pastes anywhere on the page are uploaded", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  const jpeg = (await photo({ width: 400, height: 300 })).toString("base64");
  await page.evaluate((jpeg) => {
    const bytes = Uint8Array.from(atob(jpeg), (character) => character.charCodeAt(0));
    const carry = (name) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
      return transfer;
    };
    document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: carry("dropped.jpg"), bubbles: true, cancelable: true }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carry("pasted.jpg"), bubbles: true }));
  }, jpeg);
  await waitForUploads(page, 2);
  await waitForThumbnail(tile(page, "dropped.jpg"));
  await waitForThumbnail(tile(page, "pasted.jpg"));
}));
