// Every view: its accessibility, its width on a small screen, and its own functions.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { choose, logIn, storePictures, waitForThumbnail, tile, upload, waitForUploads } from "./page.js";
import { photo } from "./photos.js";
import { api, moveToTier, outputs, registerUser, token, until } from "./stack.js";

const WITHOUT_LOGIN = ["#/login", "#/register", "#/confirm", "#/forgot"];
const VIEWS = [
  "#/", "#/?status=failed", "#/?sort=taken_at", "#/?q=a", "#/trash", "#/sets", "#/phone", "#/account", "#/account/webhooks",
  "#/account/keys", "#/admin/images", "#/admin/sets", "#/admin/users", "#/admin/tiers", "#/admin/queues", "#/admin/audit",
  "#/send/unknown", "#/nowhere",
];

/** Creates a webhook with a failed delivery, and an API key, for the admin. A user can have only a few, so `remove` deletes them. */
async function makeForPrograms(bearer) {
  const { password } = outputs.admin;
  // Nothing listens there.
  const webhook = await api("POST", "/api/webhooks", { token: bearer, body: { url: "http://127.0.0.1:9/", enabled: false } });
  const path = `/api/webhooks/${webhook.id}`;
  await api("POST", `${path}/test`, { token: bearer });
  const key = await api("POST", "/api/keys", { token: bearer, body: { name: "The shop", scopes: ["images:read", "webhooks:write"], password } });
  await until(async () => {
    const { deliveries } = await api("GET", `${path}/deliveries`, { token: bearer });
    return deliveries[0].status === "failed" || undefined;
  }, "the delivery");
  const remove = async () => {
    await api("DELETE", path, { token: bearer });
    await api("DELETE", `/api/keys/${key.id}`, { token: bearer });
  };
  return { webhook, remove };
}

/** @type {[string, import("playwright-core").BrowserContextOptions][]} */
const SCREENS = [["a desktop", {}], ["a phone in dark mode", { ...PHONE, colorScheme: "dark" }]];

/** Checks what the page shows with axe-core, and that it is not wider than the screen. `what` is for the error. */
async function checkPage(page, what) {
  await page.waitForLoadState("networkidle");
  assert.deepEqual(await violations(page), [], what);
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${what} is ${width} px wide on ${available}`);
}

for (const [name, options] of SCREENS) {
  test(`axe-core finds no violation in any view, and no view is wider than ${name}`, inBrowser(async (visit) => {
    const { page, open } = visit;
    const check = (view) => checkPage(page, view);
    for (const view of WITHOUT_LOGIN) {
      await open(view);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await check(view);
    }
    await logIn(visit, outputs.admin);
    await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }, { name: "b.jpg", buffer: Buffer.from("nothing") }]);
    const list = page.locator('[aria-controls="tray-body"]');
    await list.waitFor();
    // A phone shows the summary first.
    if (await list.getAttribute("aria-expanded") === "false") await list.click();
    await page.locator(".tray-row.failed").waitFor({ timeout: 60_000 });
    await page.locator(".tray-row.ready").waitFor({ timeout: 60_000 });
    await check("uploads");
    const bearer = await token(outputs.admin);
    const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: "Set" } });
    const { webhook, remove } = await makeForPrograms(bearer);
    for (const view of [...VIEWS, `#/sets/${id}`, "#/phone/%2B4930901820", `#/account/webhooks/${webhook.id}`]) {
      if (view.includes("phone/")) visit.allowError(/404.*phones/);
      // The tables contain users whom other tests have deleted.
      if (view.includes("admin/")) visit.allowError(/404.*admin\/users/);
      if (view.includes("send/")) visit.allowError(/404.*upload-links/);
      await open(view);
      // A reload, so that the previous view is not checked again.
      await page.reload();
      await page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
      await check(view);
    }
    await open("#/");
    await page.locator(".tile.ready a").first().click();
    await page.getByRole("dialog").getByRole("heading", { name: "Sizes and links" }).waitFor();
    await check("a picture");
    await page.getByRole("dialog").getByText("Title and description").click();
    await check("a picture's form");
    await page.getByRole("dialog").getByRole("button", { name: "Make link" }).click();
    await page.getByRole("dialog").getByLabel("Address of the new link").waitFor();
    await check("a new link");
    await open("#/admin/tiers");
    await page.getByRole("button", { name: "New tier" }).click();
    await check("a tier's form");
    await open("#/account");
    for (const form of ["Change name", "Change e-mail address", "Change password", "Set up a second factor"]) {
      await page.getByRole("button", { name: form, exact: true }).click();
      await page.getByRole("dialog", { name: form }).waitFor();
      await check(form);
      await page.keyboard.press("Escape");
    }
    for (const [view, form] of [["webhooks", "New webhook"], ["keys", "New API key"]]) {
      await open(`#/account/${view}`);
      await page.getByRole("button", { name: form }).click();
      await page.getByRole("dialog", { name: form }).waitFor();
      await check(form);
    }
    await open("#/phone");
    await page.getByRole("button", { name: "New upload link" }).click();
    await check("an upload link's form");
    await remove();
  }, options));

  test(`axe-core finds no violation while a box, a form or a question is open, on ${name}`, inBrowser(async (visit) => {
    const { page, open } = visit;
    const account = await registerUser();
    const { username } = account;
    await moveToTier(account, "enterprise");
    const bearer = await token(account);
    await storePictures(bearer, ["a.jpg", "b.jpg"]);
    const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: username } });
    const webhook = await api("POST", "/api/webhooks", { token: bearer, body: { url: "http://127.0.0.1:9/", enabled: false } });
    /** Opens a dialog with each of the buttons, and checks it. */
    const checkDialogs = async (...buttons) => {
      const dialog = page.getByRole("dialog");
      for (const button of buttons) {
        await page.getByRole("button", { name: button, exact: true }).click();
        await dialog.waitFor();
        await checkPage(page, `the dialog of ${button}`);
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
      }
    };
    await logIn(visit, account);
    await page.locator(".tile.ready").nth(1).waitFor();
    for (const box of ["Dates", "Options"]) {
      await page.locator(".popover summary").filter({ hasText: box }).click();
      await page.locator(".popover[open]").waitFor();
      await checkPage(page, `the box ${box}`);
      await page.keyboard.press("Escape");
    }
    await page.locator(".tile a").first().focus();
    await page.keyboard.press("Control+a");
    await page.getByText("2 selected").waitFor();
    await checkDialogs("Make a set", "Delete");
    await open(`#/sets/${id}`);
    await page.getByRole("heading", { name: username }).waitFor();
    await checkDialogs("Edit", "Delete set");
    await open("#/sets");
    await page.getByRole("heading", { name: "Image sets" }).waitFor();
    await checkDialogs("New set");
    await open(`#/account/webhooks/${webhook.id}`);
    await page.getByRole("heading", { name: "Webhook", exact: true }).waitFor();
    await checkDialogs("Edit", "New secret");
    await open("#/account");
    await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
    await checkDialogs("Delete account");
    await page.getByRole("button", { name: "Log out", exact: true }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();

    await logIn(visit, outputs.admin);
    for (const [view, column, ...buttons] of [
      [`sets?username=${username}`, "Created", `Edit ${username}`, "Delete set"],
      [`users?search=${username}`, "Since", "Change tier", "Delete user"],
    ]) {
      await open(`#/admin/${view}`);
      // The table of before has a row with the same name.
      await page.getByRole("columnheader", { name: column }).waitFor();
      await page.getByRole("checkbox", { name: `Select ${username}`, exact: true }).check();
      await checkDialogs(...buttons);
    }
  }, options));
}

test("an admin creates and edits a tier, and moves a user to it", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const id = `tier-${account.username.slice(-12)}`.replace(/-+/g, "-");
  await logIn(visit, outputs.admin);
  await open("#/admin/tiers");
  await page.getByRole("button", { name: "New tier" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Id").fill(id);
  await dialog.getByLabel("Name").fill("Studio");
  await dialog.getByLabel("Thumbnail sizes").fill("100, 9999");
  await dialog.getByRole("button", { name: "Save" }).click();
  visit.allowError(/400.*account-tiers/);
  assert.match(await dialog.locator(".field-error:visible, .form-error:visible").first().textContent(), /Thumbnail sizes/);
  await dialog.getByLabel("Thumbnail sizes").fill("100, 300");
  await dialog.getByLabel("Pictures").fill("7");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The tier Studio is saved.").waitFor();
  await page.getByRole("button", { name: "Edit Studio" }).last().click();
  await dialog.getByLabel("Pictures").fill("8");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const tier = await api("GET", `/api/account-tiers/${id}`);
  assert.deepEqual([tier.thumbnail_sizes, tier.max_images], [[100, 300], 8]);

  await open(`#/admin/users?search=${account.username}`);
  await page.getByRole("checkbox", { name: `Select ${account.username}`, exact: true }).check();
  await page.getByRole("button", { name: "Change tier" }).click();
  await dialog.getByLabel("Tier").selectOption(id);
  await dialog.getByRole("button", { name: "Change tier" }).click();
  await page.getByText(`Moved ${account.username} to the tier Studio.`).waitFor();
  const { tier: now } = await api("GET", "/api/auth/profile", { token: await token(account) });
  assert.equal(now, id);
}));

test("an admin finds a picture by file name, phone number and date, and deletes it", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await open("#/phone");
  const number = `+4930${Date.now() % 10_000_000}`;
  visit.allowError(/404.*phones/);
  await page.getByLabel("Phone number").fill(number);
  await page.getByRole("button", { name: "Show pictures" }).click();
  await page.getByText("No pictures for this number yet.").waitFor();
  const name = `${account.username}.jpg`;
  await choose(page, page.getByRole("button", { name: `Choose pictures for ${number}` }), [{ name, buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  await waitForThumbnail(tile(page, name));
  await open("#/account");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();

  await logIn(visit, outputs.admin);
  await open("#/admin/images");
  const today = await page.evaluate(() => new Date().toLocaleDateString("sv"));
  await page.getByLabel("File name contains").fill(account.username.toUpperCase());
  await page.getByLabel("Phone number").fill(number);
  await page.getByLabel("From").fill(today);
  await page.getByLabel("To", { exact: true }).fill(today);
  await page.getByRole("button", { name: "Search" }).click();
  const found = page.locator("tbody tr").getByRole("link", { name, exact: true });
  // The table of before contains the picture too.
  await page.getByText("1 row.", { exact: true }).waitFor();
  await found.click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Title").fill("Seen by an admin");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "Seen by an admin" }).waitFor();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  // A picture of somebody else is not deleted without a question.
  const question = page.getByRole("dialog", { name: "Delete Seen by an admin permanently? What an admin deletes leaves its set, and does not go to the owner's trash." });
  await question.getByRole("button", { name: "Cancel" }).click();
  assert.equal((await api("GET", "/api/images", { token: await token(account) })).images.length, 1);
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await question.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Deleting Seen by an admin.").waitFor();
  // Before the click, because the response may arrive before the row is gone.
  const deleted = page.waitForResponse((response) => response.request().method() === "DELETE" && response.ok());
  await page.getByRole("button", { name: "Close" }).last().click();
  await found.waitFor({ state: "detached" });
  await deleted;
  await page.getByText("Deleted Seen by an admin.").waitFor();
}));

test("a set shows the pictures in its places", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, await registerUser());
  await open("#/sets");
  await page.getByRole("button", { name: "New set" }).first().click();
  await page.getByRole("dialog").getByLabel("Title").fill("By the sea");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "By the sea" }).waitFor();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByRole("dialog", { name: "Edit set" }).waitFor();
  await page.keyboard.press("Escape");
  await choose(page, page.getByRole("button", { name: "Choose the second picture" }), [{ name: "sea.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForThumbnail(page.locator(".slot").nth(1));
  assert.equal(await page.locator(".slot .drop").count(), 2);
  await page.getByRole("link", { name: "Second picture: sea.jpg" }).click();
  await page.getByRole("dialog").getByRole("heading", { name: "sea.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Delete set" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete set" }).click();
  await page.getByRole("heading", { name: "No sets yet" }).waitFor();
  await page.getByText("The set was deleted.").waitFor();
}));

test("a saved title of a set keeps a description that was changed meanwhile", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: "Sea", description: "Sand" } });
  await logIn(visit, account);
  await open(`#/sets/${id}`);
  const sent = [];
  page.on("request", (request) => ["PATCH", "PUT"].includes(request.method()) && sent.push(request.postDataJSON()));
  const dialog = page.getByRole("dialog", { name: "Edit set" });
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.waitFor();
  await api("PATCH", `/api/imagesets/${id}`, { token: bearer, body: { description: "Waves" } });
  await dialog.getByLabel("Title").fill("By the sea");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "By the sea" }).waitFor();
  await page.getByText("Waves", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(sent, [{ title: "By the sea" }]);
}));

test("a set polls an unfinished picture, but is not loaded again itself", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  const bearer = await token(account);
  const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: "Set" } });
  await open(`#/sets/${id}`);
  await choose(page, page.getByRole("button", { name: "Choose the first picture" }), [{ name: "sea.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  const busy = (image) => image && { ...image, status: "processing" };
  await page.route(`**/api/imagesets/${id}`, async (route) => {
    const set = await api("GET", `/api/imagesets/${id}`, { token: bearer });
    return route.fulfill({ json: { ...set, images: { ...set.images, image1: busy(set.images.image1) } } });
  });
  await page.route("**/api/images/*", async (route) => {
    const path = new URL(route.request().url()).pathname;
    return route.fulfill({ json: busy(await api("GET", path, { token: bearer })) });
  });
  const asked = { set: 0, image: 0 };
  page.on("request", (request) => {
    if (request.url().endsWith(`/api/imagesets/${id}`)) asked.set += 1;
    if (request.url().includes("/api/images/")) asked.image += 1;
  });
  await page.reload();
  await page.getByRole("link", { name: "First picture: sea.jpg" }).waitFor();
  await page.waitForTimeout(4000);
  assert.equal(asked.set, 1);
  assert.ok(asked.image >= 2 && asked.image < 10, `${asked.image} times`);
  await page.unroute("**/api/images/*");
  await page.locator(".slot .badge").waitFor({ state: "detached" });
}));

test("a file that is dropped on a place of a set is uploaded there, and the drop hint disappears", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  const { id } = await api("POST", "/api/imagesets", { token: await token(account), body: {} });
  await open(`#/sets/${id}`);
  await page.getByRole("button", { name: "Choose the third picture" }).waitFor();
  await page.evaluate((jpeg) => {
    const bytes = Uint8Array.from(atob(jpeg), (character) => character.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dropped.jpg", { type: "image/jpeg" }));
    const place = document.querySelectorAll(".slot .drop")[2];
    for (const type of ["dragover", "drop"]) place.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, (await photo({ width: 400, height: 300 })).toString("base64"));
  await waitForThumbnail(page.locator(".slot").nth(2));
  assert.ok(!await page.locator("body.dropping").count());
}));

test("a click on the edge of a dialog does not close it, and a new tier cannot use an existing id", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, outputs.admin);
  await open("#/admin/tiers");
  await page.getByRole("button", { name: "New tier" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Id").fill("basic");
  await dialog.getByLabel("Name").fill("Basic too");
  const { x, y } = await dialog.boundingBox();
  await page.mouse.click(x + 4, y + 4);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("A tier with this id already exists.").waitFor();
  await page.mouse.click(x - 4, y + 4);
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await question.getByRole("button", { name: "Discard" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.notEqual((await api("GET", "/api/account-tiers/basic")).name, "Basic too");
}));

test("a dialog with fields focuses the first of them", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, await registerUser());
  const dialog = page.getByRole("dialog");
  for (const [view, button, label] of [["sets", "New set", "Title"], ["account/keys", "New API key", "Name"]]) {
    await open(`#/${view}`);
    await page.getByRole("button", { name: button }).first().click();
    await dialog.waitFor();
    await page.keyboard.type("By the sea");
    assert.equal(await dialog.getByLabel(label, { exact: true }).inputValue(), "By the sea");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Discard what you have typed?" }).getByRole("button", { name: "Discard" }).click();
    await dialog.waitFor({ state: "detached" });
  }
}));

test("a session that was ended on another device leads to the login", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/401/);
  const account = await registerUser();
  await logIn(visit, account);
  await api("POST", "/api/auth/logout", { token: await token(account), body: { everywhere: true } });
  await page.reload();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await page.getByText("You were logged out, because your session has ended.").waitFor();
}));

/** Logs in as a new user with a picture, opens it, and copies a link to it. Returns the notice. */
async function copyLink(visit) {
  const { page, context } = visit;
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: outputs.api_url });
  const account = await registerUser();
  await storePictures(await token(account), ["a.jpg"]);
  await logIn(visit, account);
  await tile(page, "a.jpg").getByRole("link").click();
  await page.getByRole("dialog").getByRole("button", { name: "Copy link to 200 px" }).click();
  const copied = page.getByText("Link copied.");
  await copied.waitFor();
  return copied;
}

test("a confirmation goes away with its view, and one with Undo stays", inBrowser(async (visit) => {
  const { page } = visit;
  const copied = await copyLink(visit);
  // A notice that has just appeared may say why there is another view.
  await page.waitForTimeout(1500);
  assert.ok(await copied.isVisible());
  await page.keyboard.press("Escape");
  await copied.waitFor({ state: "detached", timeout: 2000 });
  await tile(page, "a.jpg").getByRole("link").focus();
  await page.keyboard.press("Delete");
  await page.getByText("Moved a.jpg to the trash.").waitFor();
  await page.waitForTimeout(1500);
  await page.getByRole("link", { name: "Sets" }).click();
  await page.getByRole("heading", { name: "No sets yet" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Restored a.jpg.").waitFor();
}));

test("on a phone, a confirmation goes away after some seconds, also where the finger was", inBrowser(async (visit) => {
  const copied = await copyLink(visit);
  await copied.hover();
  await copied.waitFor({ state: "detached", timeout: 10_000 });
}, PHONE));

test("an unavailable service shows an error, and the user stays logged in", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/503|ERR_FAILED/);
  await logIn(visit, await registerUser());
  await page.route("**/api/auth/**", (route) => route.fulfill({ status: 503, body: "" }));
  await page.reload();
  await page.getByRole("heading", { name: "The service is busy. Try again in a few seconds." }).waitFor();
  await page.unroute("**/api/auth/**");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
}));

test("the large view says which features the tier does not include", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await waitForUploads(page, 1);
  await tile(page, "a.jpg").getByRole("link").click();
  await page.getByRole("dialog").getByText("Your tier does not include expiring links.").waitFor();
  await page.getByRole("dialog").getByText("Your tier does not include AI.").waitFor();
}));

test("an incomplete upload for a phone number can be sent again, and keeps the number", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const number = `+4930${Date.now() % 10_000_000}`;
  const bearer = await token(account);
  const files = [{ file_name: "lost.jpg", content_type: "image/jpeg", size: 1000 }];
  const { results: [{ image: { id } }] } = await api("POST", `/api/phones/${number}/images`, { token: bearer, body: { files } });
  await logIn(visit, account);
  await open(`#/images/${id}`);
  const dialog = page.getByRole("dialog");
  await dialog.getByText("This upload is not complete.").waitFor();
  await choose(page, dialog.getByRole("button", { name: "Choose the file again" }), [{ name: "found.jpg", buffer: await photo({ width: 400, height: 300 }) }]);
  await dialog.getByText("400 × 300", { exact: true }).waitFor({ timeout: 60_000 });
  const image = await api("GET", `/api/images/${id}`, { token: bearer });
  assert.deepEqual([image.status, image.file_name, image.phone_number], ["ready", "found.jpg", number]);
  // The picture is complete now, so another version does not change its name.
  await dialog.getByText("Title and description").click();
  const newer = [{ name: "newer.jpg", buffer: await photo({ width: 600, height: 450 }) }];
  await choose(page, dialog.getByRole("button", { name: "Replace picture" }), newer);
  await dialog.getByText("600 × 450", { exact: true }).waitFor({ timeout: 60_000 });
  assert.equal((await api("GET", `/api/images/${id}`, { token: bearer })).file_name, "found.jpg");
}));
