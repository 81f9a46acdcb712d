// Webhooks and API keys: what programs of the user need.

import assert from "node:assert/strict";
import test from "node:test";
import { TOTP, URI } from "otpauth";
import { PHONE, inBrowser, violations } from "./browser.js";
import { enterLogin, logIn, storePictures } from "./page.js";
import { signature, startReceiver } from "./receiver.js";
import { api, outputs, registerUser, token, until } from "./stack.js";

/** @param {import("playwright-core").Page} page */
const deliveriesOf = (page) => page.getByRole("list", { name: "Deliveries" }).getByRole("listitem");

/** Presses the button of a dialog that asks a question. */
async function agree(page, question, button) {
  await page.getByRole("dialog", { name: question }).getByRole("button", { name: button, exact: true }).click();
}

/** The text of the element with the focus. */
const focused = (page) => page.evaluate(() => document.activeElement?.textContent);

test("a user creates a webhook, whose secret is shown once, and sees and repeats its deliveries", inBrowser(async (visit) => {
  const receiver = await startReceiver();
  visit.context.once("close", receiver.close);
  const { page, context } = visit;
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: outputs.api_url });
  const account = await registerUser();
  await logIn(visit, account);
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("link", { name: "Webhooks" }).click();
  await page.getByText("You have no webhooks.").waitFor();

  await page.getByRole("button", { name: "New webhook" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill(receiver.url);
  await dialog.getByLabel("Description (optional)").fill("The shop <b>");
  await dialog.getByLabel("All events, also those of later versions").uncheck();
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByText("Choose at least one event.").waitFor();
  assert.deepEqual(await violations(page), []);
  await dialog.getByLabel("image.ready: a new picture is ready").check();
  await dialog.getByRole("button", { name: "Create" }).click();
  const secretField = dialog.getByLabel("Secret", { exact: true });
  const secret = await secretField.inputValue();
  assert.match(secret, /^whsec_/);
  assert.ok(await secretField.evaluate((input) => input === document.activeElement));
  await dialog.getByRole("button", { name: "Copy the secret" }).click();
  await page.getByText("Secret copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  await page.getByText("The shop <b>").waitFor();
  await page.getByText("Active · image.ready").waitFor();
  await page.getByRole("link", { name: receiver.url }).click();
  await page.getByRole("heading", { name: "Webhook", exact: true }).waitFor();
  await page.getByText("There are no deliveries.").waitFor();
  assert.equal(await secretField.count(), 0);
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("webhook.test was delivered.").waitFor({ timeout: 60_000 });
  const [request] = receiver.requests;
  assert.equal(request.headers["webhook-signature"], signature(request, secret));
  const deliveries = deliveriesOf(page);
  await deliveries.getByText("Delivered").waitFor();
  await deliveries.getByText("The receiver answered with 204").waitFor();

  await storePictures(await token(account), ["a.jpg"]);
  await until(async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return await deliveries.filter({ hasText: "image.ready" }).filter({ hasText: "Delivered" }).count() === 1 || undefined;
  }, "the delivery of image.ready");
  assert.equal(await deliveries.count(), 2);

  receiver.status = 500;
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("webhook.test was not delivered. The receiver answered with 500.").waitFor({ timeout: 60_000 });
  await deliveries.first().getByText("Failed").waitFor();
  receiver.status = 204;
  await deliveries.first().getByRole("button", { name: /^Redeliver webhook\.test of / }).click();
  await deliveries.first().getByText("Delivered").waitFor({ timeout: 60_000 });
  await deliveries.first().getByText("2 attempts").waitFor();
  assert.equal(await focused(page), "Deliveries");
  const ids = receiver.requests.slice(-2).map(({ headers }) => headers["webhook-id"]);
  assert.equal(ids[0], ids[1]);
  assert.deepEqual(await violations(page), []);
}));

test("a user pauses, edits and deletes a webhook, and replaces its secret", inBrowser(async (visit) => {
  const receiver = await startReceiver();
  visit.context.once("close", receiver.close);
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const { id, secret: old } = await api("POST", "/api/webhooks", { token: bearer, body: { url: receiver.url } });
  await logIn(visit, account);
  await open(`#/account/webhooks/${id}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("The webhook is paused.").waitFor();
  assert.equal(await focused(page), "Settings");
  assert.equal((await api("GET", `/api/webhooks/${id}`, { token: bearer })).enabled, false);
  await page.getByRole("button", { name: "Enable" }).click();
  await page.getByText("Active", { exact: true }).waitFor();

  await page.getByRole("button", { name: "New secret" }).click();
  await agree(page, /^Make a new secret\?/, "New secret");
  const dialog = page.getByRole("dialog", { name: "New secret", exact: true });
  const secret = await dialog.getByLabel("Secret", { exact: true }).inputValue();
  assert.notEqual(secret, old);
  await dialog.getByText("The old secret works until").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(page), "New secret", "the focus is on the button again");
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("webhook.test was delivered.").waitFor({ timeout: 60_000 });
  const [request] = receiver.requests;
  const signatures = request.headers["webhook-signature"].split(" ");
  assert.deepEqual(signatures.toSorted(), [signature(request, secret), signature(request, old)].toSorted());

  await page.getByRole("button", { name: "Edit" }).click();
  const form = page.getByRole("dialog", { name: "Edit webhook" });
  assert.equal(await form.getByLabel("Address").inputValue(), receiver.url);
  await form.getByLabel("Address").fill(`${receiver.url}/changed`);
  await form.getByLabel("All events, also those of later versions").uncheck();
  await form.getByLabel(/^image\.deleted: /).check();
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText(`${receiver.url}/changed`, { exact: true }).waitFor();
  assert.deepEqual((await api("GET", `/api/webhooks/${id}`, { token: bearer })).events, ["image.deleted"]);

  await page.getByRole("button", { name: "Delete" }).click();
  await agree(page, /^Delete this webhook\?/, "Delete");
  await page.getByText("The webhook is deleted.").waitFor();
  await page.getByText("You have no webhooks.").waitFor();
}));

test("a webhook that Darkroom has stopped says why, on a phone in dark mode", inBrowser(async (visit) => {
  const receiver = await startReceiver();
  visit.context.once("close", receiver.close);
  receiver.status = 410;
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const { id } = await api("POST", "/api/webhooks", { token: bearer, body: { url: receiver.url } });
  await storePictures(bearer, ["a.jpg"]);
  await until(async () => (await api("GET", `/api/webhooks/${id}`, { token: bearer })).disabled ?? undefined, "the end of the deliveries");
  await logIn(visit, account);
  await open("#/account/webhooks");
  await page.getByText("Stopped · all events").waitFor();
  const why = page.getByText(/because the receiver answered with 410/);
  await why.waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("link", { name: receiver.url }).click();
  await page.getByRole("button", { name: "Enable" }).waitFor();
  await why.waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Enable" }).click();
  await why.waitFor({ state: "detached" });
}, { ...PHONE, colorScheme: "dark" }));

test("older deliveries are on further pages", inBrowser(async (visit) => {
  const receiver = await startReceiver();
  visit.context.once("close", receiver.close);
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const { id } = await api("POST", "/api/webhooks", { token: bearer, body: { url: receiver.url } });
  for (let count = 0; count < 21; count++) await api("POST", `/api/webhooks/${id}/test`, { token: bearer });
  await logIn(visit, account);
  await open(`#/account/webhooks/${id}`);
  const deliveries = deliveriesOf(page);
  await deliveries.nth(19).waitFor();
  assert.equal(await deliveries.count(), 20);
  await page.getByRole("button", { name: "Show more" }).click();
  await deliveries.nth(20).waitFor();
  await page.getByRole("button", { name: "Show more" }).waitFor({ state: "hidden" });
}));

for (const [screen, options] of /** @type {const} */ ([["on a desktop", {}], ["on a phone in dark mode", { ...PHONE, colorScheme: "dark" }]])) {
  test(`a user creates an API key with the keyboard, a program uses it, and the user revokes it ${screen}`, inBrowser(async (visit) => {
    const { page, open, allowError } = visit;
    const account = await registerUser();
    const bearer = await token(account);
    const [id] = await storePictures(bearer, ["a.jpg"]);
    await logIn(visit, account);
    await open("#/account/keys");
    await page.getByText("You have no API keys.").waitFor();
    await page.getByRole("button", { name: "New API key" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New API key" });
    const scope = dialog.getByLabel("images:read: see pictures and sets");
    await scope.uncheck();
    await dialog.getByLabel("Name", { exact: true }).focus();
    await page.keyboard.type("The shop");
    await page.keyboard.press("Enter");
    await dialog.getByText("Choose at least one.").waitFor();
    assert.ok(await scope.evaluate((box) => box === document.activeElement));
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Space");
    await dialog.getByLabel("Works for").selectOption("30 days");
    const password = dialog.getByLabel("Current password");
    await password.fill("Wrong-Password-1");
    await page.keyboard.press("Enter");
    allowError(/403/);
    await dialog.getByText("This is not your current password.").waitFor();
    assert.ok(await password.evaluate((input) => input === document.activeElement));
    assert.equal(await password.getAttribute("aria-invalid"), "true");
    assert.deepEqual(await violations(page), []);
    assert.deepEqual((await api("GET", "/api/keys", { token: bearer })).keys, []);
    await password.fill(account.password);
    await page.keyboard.press("Enter");
    const keyField = dialog.getByLabel("API key", { exact: true });
    const key = await keyField.inputValue();
    assert.match(key, /^dk_/);
    assert.ok(await keyField.evaluate((input) => input === document.activeElement));
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(await focused(page), "New API key");

    const answer = await fetch(`${outputs.api_url}/api/images`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 200);
    assert.deepEqual((await answer.json()).images.map((image) => image.id), [id]);
    await assert.rejects(api("DELETE", `/api/images/${id}`, { token: key }), /403.*scope-missing/);
    await page.reload();
    const row = page.getByRole("list", { name: "Your API keys" }).getByRole("listitem");
    await row.getByText("The shop").waitFor();
    await row.getByText("images:read", { exact: true }).waitFor();
    await row.getByText(/works until .* · last used /).waitFor();
    assert.equal(await keyField.count(), 0);
    assert.deepEqual(await violations(page), []);

    await row.getByRole("button", { name: "Revoke the key The shop" }).click();
    await agree(page, /^Revoke the key The shop\?/, "Revoke");
    await page.getByText("The key is revoked.").waitFor();
    await page.getByText("You have no API keys.").waitFor();
    assert.equal(await focused(page), "API keys");
    assert.deepEqual((await api("GET", "/api/keys", { token: bearer })).keys, []);
  }, options));
}

test("a user with a second factor enters a code to create an API key", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const { otpauth_uri } = await api("POST", "/api/auth/totp", { token: bearer, body: { password: account.password } });
  const app = URI.parse(otpauth_uri);
  assert.ok(app instanceof TOTP);
  // A code works once, and Cognito also accepts those of the 30 seconds before and after. So the test has three codes.
  const code = (steps) => app.generate({ timestamp: Date.now() + steps * app.period * 1000 });
  const remaining = app.period - Date.now() / 1000 % app.period;
  if (remaining < 10) await page.waitForTimeout(remaining * 1000);
  await api("POST", "/api/auth/totp/confirm", { token: bearer, body: { code: code(-1), password: account.password } });
  await open();
  await enterLogin(page, account);
  await page.getByLabel("Code from the authenticator app").fill(code(0));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Photos" }).waitFor();

  await open("#/account/keys");
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name", { exact: true }).fill("The shop");
  await dialog.getByLabel("Current password").fill(account.password);
  const field = dialog.getByLabel("Code from the authenticator app");
  await field.fill("000000");
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Enter");
  allowError(/400/);
  await dialog.getByText("This code is wrong. Enter the one that the app shows now.").waitFor();
  assert.deepEqual((await api("GET", "/api/keys", { token: bearer })).keys, []);
  await field.fill(code(1));
  await page.keyboard.press("Enter");
  assert.match(await dialog.getByLabel("API key", { exact: true }).inputValue(), /^dk_/);
}));
