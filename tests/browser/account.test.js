// The account: names, e-mail address, password, second factor and deletion, and the steps of a login.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import jsQR from "jsqr";
import { TOTP, URI } from "otpauth";
import { PHONE, blankPage, inBrowser, violations } from "./browser.js";
import { enterLogin, logIn, storePictures, threeTiers, tile } from "./page.js";
import { api, mailedCodes, moveToTier, registerUser, token, until } from "./stack.js";

const NEW_PASSWORD = "Another-Test-2";

/** Opens the account's view by its link, and returns the dialog that a button opens there. */
async function openDialog(page, button) {
  await page.getByRole("button", { name: button, exact: true }).click();
  return page.getByRole("dialog");
}

async function openAccount(page) {
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
}

/** Reads a QR code on the page, as the camera of a phone would. @param {import("playwright-core").Locator} picture */
async function readQrCode(picture) {
  await picture.evaluate((/** @type {HTMLImageElement} */ image) => image.decode());
  const png = (await picture.screenshot()).toString("base64");
  const { data, width, height } = await (await blankPage()).evaluate(async (png) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return { data: Array.from(data), width, height };
  }, png);
  return jsQR(Uint8ClampedArray.from(data), width, height)?.data;
}

/**
 * Sets up a second factor in the account's view. Returns the authenticator app. It uses the code of the previous 30
 * seconds, which Cognito accepts too, because a code works only once and the login needs one.
 */
async function setUpTotp(page, { password }) {
  const dialog = await openDialog(page, "Set up a second factor");
  await dialog.getByLabel("Current password").fill(password);
  await dialog.getByRole("button", { name: "Continue" }).click();
  const app = URI.parse(await readQrCode(dialog.getByRole("img", { name: "QR code for the authenticator app" })));
  assert.ok(app instanceof TOTP);
  const remaining = app.period - Date.now() / 1000 % app.period;
  if (remaining < 10) await page.waitForTimeout(remaining * 1000);
  await dialog.getByLabel("Code from the authenticator app").fill(app.generate({ timestamp: Date.now() - app.period * 1000 }));
  await dialog.getByRole("button", { name: "Turn on" }).click();
  await page.getByText("Your second factor is on.").waitFor();
  return app;
}

test("a user changes name and e-mail address, and logs in with the new address", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await openAccount(page);
  let dialog = await openDialog(page, "Change name");
  await dialog.getByLabel("First name").fill("Ann");
  await dialog.getByLabel("Last name").fill("Møller <b>");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("Ann Møller <b>").waitFor();

  const email = `new-${account.email}`;
  dialog = await openDialog(page, "Change e-mail address");
  await dialog.getByLabel("New e-mail address").fill(email);
  await dialog.getByLabel("Current password").fill("Wrong-Password-1");
  await dialog.getByRole("button", { name: "Send me a code" }).click();
  allowError(/403/);
  await dialog.getByText("This is not your current password.").waitFor();
  assert.equal(await dialog.getByLabel("Current password").getAttribute("aria-invalid"), "true");
  await dialog.getByLabel("Current password").fill(account.password);
  await dialog.getByRole("button", { name: "Send me a code" }).click();
  await page.getByText(`We have sent a code to ${email}.`).waitFor();
  assert.equal((await api("GET", "/api/auth/profile", { token: await token(account) })).email, account.email);

  // The code can be entered later.
  await page.reload();
  const [code] = await mailedCodes(email);
  await page.getByLabel("Code from the e-mail").fill(code);
  await page.getByRole("button", { name: "Confirm the new address" }).click();
  await page.getByText("Your e-mail address is confirmed.").waitFor();
  await page.getByText(`We have sent a code to ${email}.`).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await enterLogin(page, { username: email, password: account.password });
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}));

test("a changed password ends the other sessions, and this one continues", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  const account = await registerUser();
  const { refresh_token } = await api("POST", "/api/auth/login", { body: { username: account.username, password: account.password } });
  await logIn(visit, account);
  await openAccount(page);
  const dialog = await openDialog(page, "Change password");
  await dialog.getByLabel("Current password").fill(account.password);
  await dialog.getByLabel("New password").fill(NEW_PASSWORD);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await page.getByText("Your password is changed.", { exact: true }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: account.username }).waitFor();
  await assert.rejects(api("POST", "/api/auth/token/refresh", { body: { refresh_token } }), /401/);

  await context.clearCookies();
  await page.reload();
  allowError(/401/);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await enterLogin(page, account);
  await page.getByText("The user name or the password is wrong, or the account is disabled.").waitFor();
  await enterLogin(page, { ...account, password: NEW_PASSWORD });
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
}));

for (const [screen, options] of /** @type {const} */ ([["on a desktop", {}], ["on a phone in dark mode", { ...PHONE, colorScheme: "dark" }]])) {
  test(`a user scans the QR code, then logs in with a code, and turns the second factor off ${screen}`, inBrowser(async (visit) => {
    const { page, allowError } = visit;
    const account = await registerUser();
    await logIn(visit, account);
    await openAccount(page);
    const app = await setUpTotp(page, account);
    assert.equal(app.label, account.username);
    await page.getByText("On. When you log in").waitFor();
    assert.deepEqual(await violations(page), []);

    await page.getByRole("button", { name: "Log out", exact: true }).click();
    await enterLogin(page, account);
    const code = page.getByLabel("Code from the authenticator app");
    await code.waitFor();
    assert.ok(await code.evaluate((input) => input === document.activeElement));
    assert.deepEqual(await violations(page), []);
    await code.fill("000000");
    await page.getByRole("button", { name: "Log in" }).click();
    allowError(/400/);
    await page.getByText("This code is wrong. Enter the one that the app shows now.").waitFor();
    await code.fill(app.generate());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Photos" }).waitFor();

    await openAccount(page);
    const dialog = await openDialog(page, "Turn off the second factor");
    await dialog.getByLabel("Current password").fill(account.password);
    await dialog.getByRole("button", { name: "Turn off the second factor" }).click();
    await page.getByText("Your second factor is off.").waitFor();
    assert.ok(await token(account));
  }, options));
}

test("a user deletes the account, and cannot log in any more", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await openAccount(page);
  const dialog = await openDialog(page, "Delete account");
  await dialog.getByLabel("Current password").fill("Wrong-Password-1");
  await dialog.getByRole("button", { name: "Delete my account for good" }).click();
  allowError(/401|403/);
  await dialog.getByText("This is not your current password.").waitFor();
  await dialog.getByLabel("Current password").fill(account.password);
  await dialog.getByRole("button", { name: "Delete my account for good" }).click();
  await page.getByText("Your account is being deleted.").waitFor();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  // A worker deletes the user in Cognito, a moment after the response.
  await until(() => token(account).then(() => undefined, () => true), "the deletion of the user");
  await enterLogin(page, account);
  await page.locator(".form-error:visible").waitFor();
  assert.equal(await page.getByRole("heading", { name: "Log in" }).count(), 1);
}));

test("a user who forgot the password sets a new one with the code from the e-mail", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await open();
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await page.getByLabel("User name").fill(account.username);
  await page.keyboard.press("Enter");
  await page.getByText("We have sent a code to you by e-mail.").waitFor();
  const codes = await mailedCodes(account.email, 2);
  await page.getByLabel("Code from the e-mail").fill(codes.at(-1));
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByText("Your password is changed. Log in with the new one.").waitFor();
  await enterLogin(page, { ...account, password: NEW_PASSWORD });
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}));

test("the account's dialogs can be used by keyboard, and give the focus back", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await open("#/account");
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  for (let presses = 0; await focused() !== "Change name"; presses++) {
    assert.ok(presses < 20, "Tab does not reach the button");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Change name" });
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Change name");
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  // The first field has the focus.
  await page.keyboard.type("Ann");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await page.getByText("Ann", { exact: true }).waitFor();
  assert.equal(await focused(), account.username, "the focus is on the heading of the section that changed");
}));

test("the account's view has a link to ask for another tier, or says whom to ask", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await openAccount(page);
  const link = page.getByRole("link", { name: "Ask for another tier" });
  // The address is in samconfig.toml.
  const mail = new URL(await link.getAttribute("href"));
  assert.equal(`${mail.protocol}${mail.pathname}`, "mailto:tiers@example.com");
  assert.equal(mail.searchParams.get("subject"), `Darkroom: another tier for ${account.username} (now Basic)`);
  assert.deepEqual(await violations(page), []);

  let address = "https://example.com/plans?from=darkroom";
  await page.route("**/api/auth/profile", async (route) => {
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...await response.json(), contact_url: address } });
  });
  await page.reload();
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  assert.equal(await link.getAttribute("href"), address);
  assert.equal(await link.getAttribute("target"), "_blank");
  address = null;
  await page.reload();
  await page.getByText("To change your tier, ask an admin of this service.").waitFor();
  assert.equal(await link.count(), 0);
}));

test("the usage says that pictures in the trash count too, and leads to the trash", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const [id] = await storePictures(bearer, ["a.jpg", "b.jpg"]);
  await api("DELETE", `/api/images/${id}`, { token: bearer });
  await logIn(visit, account);
  await openAccount(page);
  assert.match(await page.locator("#usage").textContent(), /^2 of /);
  await page.getByText("Pictures in the trash count too.").waitFor();
  await page.getByRole("link", { name: "Open the trash" }).click();
  await tile(page, "b.jpg").waitFor();
}));

test("the deletion of the account mentions Dropbox only if the service copies pictures there", inBrowser(async (visit) => {
  const { page } = visit;
  let dropbox = false;
  await page.route("**/api/auth/profile", async (route) => {
    const response = await route.fetch();
    const profile = await response.json();
    return route.fulfill({ response, json: { ...profile, features: { ...profile.features, dropbox } } });
  });
  await logIn(visit, await registerUser());
  await openAccount(page);
  const dialog = await openDialog(page, "Delete account");
  await dialog.getByText("This deletes your account with all pictures, image sets and links. You cannot undo this.").waitFor();
  await page.keyboard.press("Escape");
  dropbox = true;
  await page.reload();
  await page.getByText("This deletes your account with all pictures, image sets and links, and the copies in Dropbox.").waitFor();
}));

for (const [screen, fits, options] of /** @type {const} */ ([
  ["a desktop", true, { viewport: { width: 1350, height: 900 } }], ["a phone", false, PHONE],
])) {
  test(`on ${screen}, the table of tiers opens at the user's own tier and hides no column by half`, inBrowser(async (visit) => {
    const { page } = visit;
    const account = await registerUser();
    await moveToTier(account, "enterprise");
    await threeTiers(page);
    await logIn(visit, account);
    await openAccount(page);
    const region = page.getByRole("region", { name: "All tiers" });
    const { columns, labels, area, width } = await region.evaluate((element) => ({
      columns: [...element.querySelectorAll("thead th")].map((cell) => {
        const { left, right } = cell.getBoundingClientRect();
        return { name: cell.textContent, left, right };
      }),
      labels: element.querySelector("thead td").getBoundingClientRect().right,
      area: element.getBoundingClientRect().right,
      width: element.scrollWidth - element.clientWidth,
    }));
    const [own] = columns;
    assert.deepEqual(columns.map(({ name }) => name), ["Enterpriseyours", "Basic", "Premium"]);
    for (const { name, left } of columns) assert.ok(left >= labels - 1, `${name} is below the labels`);
    assert.ok(own.right <= area, `${own.right} of ${area}`);
    if (fits) assert.equal(width, 0);
  }, options));
}

/** Presses the button for the export, and reads the file that the browser saves. */
async function exportData(page) {
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export my data" }).click();
  const download = await saved;
  const text = readFileSync(await download.path(), "utf8");
  return { name: download.suggestedFilename(), text, data: JSON.parse(text) };
}

test("a user exports pictures, sets, links and the trash as a file, without tokens and addresses", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  const bearer = await token(account);
  const [c, b, a] = await storePictures(bearer, ["a.jpg", "b.jpg", "c.jpg"]);
  const post = (path, body) => api("POST", path, { token: bearer, body });
  const set = await post("/api/imagesets", { title: "By the sea" });
  await api("PUT", `/api/imagesets/${set.id}/images/image1`, { token: bearer, body: { image_id: a } });
  const link = await post(`/api/images/${a}/links`, { expires_in: 3600 });
  const uploadLink = await post("/api/upload-links", { max_images: 3, expires_in: 3600 });
  const { key } = await post("/api/keys", { name: "The shop", scopes: ["images:read"], password: account.password });
  const receiver = { url: "http://127.0.0.1:9/hook", description: "The receiver", enabled: false };
  const { secret } = await post("/api/webhooks", receiver);
  await api("DELETE", `/api/images/${b}`, { token: bearer });

  await logIn(visit, account);
  await openAccount(page);
  const { name, text, data } = await exportData(page);
  await page.getByText("Your data is exported.").waitFor();
  assert.equal(name, `darkroom-export-${account.username}-${data.exported_at.slice(0, 10)}.json`);
  assert.deepEqual([data.profile.username, data.profile.email], [account.username, account.email]);
  assert.deepEqual(data.images.map(({ id, file_name }) => [id, file_name]), [[c, "c.jpg"], [a, "a.jpg"]]);
  assert.deepEqual(data.images[1].set, { id: set.id, image_type: "image1" });
  assert.deepEqual([data.images[1].width, data.images[1].height], [200, 150]);
  assert.deepEqual(data.trash.map(({ id, file_name }) => [id, file_name]), [[b, "b.jpg"]]);
  assert.ok(Date.parse(data.trash[0].trash.deleted_at) > Date.now());
  const [{ title, images }] = data.imagesets;
  assert.deepEqual([title, images], ["By the sea", { image1: { id: a }, image2: null, image3: null }]);
  assert.deepEqual(data.links.map(({ image_id, views }) => [image_id, views]), [[a, 0]]);
  assert.deepEqual(data.upload_links.map(({ max_images }) => max_images), [3]);
  assert.deepEqual(data.keys.map(({ name }) => name), ["The shop"]);
  assert.deepEqual(data.webhooks.map(({ url, description, enabled }) => ({ url, description, enabled })), [receiver]);
  // Of all addresses, only that of the receiver is in the file: it is what a webhook is.
  assert.doesNotMatch(text.replace(receiver.url, ""), /https?:|\/l\/\w{26}|#\/send\/|X-Amz-|eyJ[\w-]+\./);
  for (const hidden of [link.id, uploadLink.id, key, secret]) assert.ok(!text.includes(hidden), hidden);
}));

test("an export shows its progress, can be cancelled, and says why it failed", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  const account = await registerUser();
  await logIn(visit, account);
  await openAccount(page);
  const start = page.getByRole("button", { name: "Export my data" });
  const progress = page.getByRole("progressbar", { name: "Pictures: 0 of 0" });
  // The list of pictures does not arrive.
  const lists = "**/api/images?*";
  await page.route(lists, () => {});
  await start.focus();
  await page.keyboard.press("Enter");
  await progress.waitFor();
  assert.ok(await start.isDisabled());
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Cancel" }).focus();
  await page.keyboard.press("Enter");
  await progress.waitFor({ state: "hidden" });
  assert.ok(await start.evaluate((button) => button === document.activeElement));
  await page.unroute(lists);

  await page.route(lists, (route) => route.fulfill({ status: 400, json: { code: "bad-cursor" } }));
  allowError(/400/);
  await start.click();
  await page.getByText("The list has changed. Reload the page.").waitFor();
  assert.ok(await start.isEnabled());
  await page.unroute(lists);
  const { data } = await exportData(page);
  assert.deepEqual([data.images, data.trash, data.imagesets, data.links], [[], [], [], []]);
  // The text below says how to get the pictures themselves.
  await page.getByText("To get your pictures, select all of them and download them.").waitFor();
  await page.getByRole("link", { name: "Go to your pictures" }).click();
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}, PHONE));
