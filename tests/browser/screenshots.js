// Takes screenshots of every view on a desktop and a phone, in light and dark mode. Run by `cargo xtask screenshots`.

import { mkdirSync } from "node:fs";
import { devices } from "playwright-core";
import { browser } from "./browser.js";
import { choose, logIn, upload, waitForUploads } from "./page.js";
import { startReceiver } from "./receiver.js";
import { scene } from "./scenes.js";
import { api, moveToTier, outputs, registerUser, token, until } from "./stack.js";

const [directory] = process.argv.slice(2);
const NUMBER = "+4930901820";
const PHOTOS = 26;
const TRASHED = 3;
const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { ...devices["iPhone 15"], defaultBrowserType: undefined },
};
const PLAIN = [
  "#/trash", "#/sets", "#/phone", `#/phone/${encodeURIComponent(NUMBER)}`, "#/account", "#/account/webhooks", "#/account/keys",
  "#/admin/images", "#/admin/sets", "#/admin/users", "#/admin/tiers", "#/admin/queues", "#/admin/audit",
];

mkdirSync(directory, { recursive: true });
const shown = await browser();
const account = outputs.admin;
await fillAccount();
for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of ["light", "dark"]) await takeAll(screen, { ...options, colorScheme });
}
await shown.close();

async function visit(options, work) {
  const context = await shown.newContext({ baseURL: outputs.web_url, ...options });
  const page = await context.newPage();
  await work({ page, context, open: (path = "") => page.goto(path) });
  await context.close();
}

/**
 * Creates the content of the screenshots: landscapes, some of them in the trash, a set, pictures for a phone number, a
 * webhook, an API key, and two more users.
 */
async function fillAccount() {
  await moveToTier(account, "enterprise");
  await registerUser();
  await moveToTier(await registerUser(), "premium");
  await visit(SCREENS.desktop, async (view) => {
    const { page, open } = view;
    await logIn(view, account);
    await upload(page, await Promise.all(Array.from({ length: PHOTOS }, (_, index) => scene(index + 1))));
    await waitForUploads(page, PHOTOS);
    await trashSome();
    await makeForPrograms();
    const { id } = await api("POST", "/api/imagesets", {
      token: await token(account), body: { title: "Three mornings", description: "The same hills, by dawn." },
    });
    await open(`#/sets/${id}`);
    for (const { slot, seed } of [{ slot: "first", seed: 32 }, { slot: "second", seed: 40 }]) {
      await choose(page, page.getByRole("button", { name: `Choose the ${slot} picture` }), [await scene(seed)]);
      await page.locator(".slot img.loaded").nth(slot === "first" ? 0 : 1).waitFor({ timeout: 60_000 });
    }
    await open(`#/phone/${encodeURIComponent(NUMBER)}`);
    await choose(page, page.getByRole("button", { name: `Choose pictures for ${NUMBER}` }), await Promise.all([51, 52, 53].map(scene)));
    await page.locator(".tile img.loaded").nth(2).waitFor({ timeout: 60_000 });
  });
}

/** Moves some pictures to the trash. */
async function trashSome() {
  const bearer = await token(account);
  const { images } = await api("GET", `/api/images?limit=${TRASHED}`, { token: bearer });
  for (const { id } of images) await api("DELETE", `/api/images/${id}`, { token: bearer });
}

/** Creates an API key, and a webhook with two deliveries, of which the first one fails. */
async function makeForPrograms() {
  const bearer = await token(account);
  const key = { name: "The shop", scopes: ["images:read", "images:write"], expires_in: 2_592_000, password: account.password };
  await api("POST", "/api/keys", { token: bearer, body: key });
  const receiver = await startReceiver();
  const body = { url: receiver.url, description: "The shop", events: ["image.ready", "image.failed"] };
  const { id } = await api("POST", "/api/webhooks", { token: bearer, body });
  for (const status of [503, 204]) {
    receiver.status = status;
    await api("POST", `/api/webhooks/${id}/test`, { token: bearer });
    await until(async () => {
      const { deliveries: [{ status }] } = await api("GET", `/api/webhooks/${id}/deliveries`, { token: bearer });
      return status !== "pending" || undefined;
    }, "the delivery");
  }
  receiver.close();
}

async function takeAll(screen, options) {
  await visit(options, async (view) => {
    const { page, open } = view;
    const take = async (name) => {
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(400); // the picture in the large view fades in
      const path = `${directory}/${name}-${screen}-${options.colorScheme}.jpg`;
      await page.screenshot({ path, type: "jpeg", quality: 82 });
    };
    await open("#/login");
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await take("login");
    await open("#/register");
    await page.getByRole("heading", { name: "Register" }).waitFor();
    await take("register");
    await logIn(view, account);
    await page.locator(".tile img.loaded").nth(8).waitFor();
    await take("photos");
    await upload(page, await Promise.all([61, 62, 63, 64].map(scene)));
    await page.locator(".tray").waitFor();
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${directory}/uploads-${screen}-${options.colorScheme}.jpg`, type: "jpeg", quality: 82 });
    await waitForUploads(page, 4);
    await open("#/?sort=taken_at");
    await page.locator(".tile img.loaded").nth(5).waitFor();
    await take("photos-by-month");
    await open("#/?q=dawn");
    await page.locator(".tile img.loaded").nth(1).waitFor();
    await take("search");
    await open("#/");
    await page.locator(".tile img.loaded").nth(5).waitFor();
    for (const index of [1, 2, 4]) await page.locator(".tile-check").nth(index).click();
    await take("selecting");
    await page.getByRole("button", { name: "Clear the selection" }).click();
    await page.keyboard.press("?");
    await take("shortcuts");
    await page.keyboard.press("Escape");
    for (const view of PLAIN) {
      await open(view);
      await page.reload();
      await page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
      await take(view.split("/").slice(1).join("-").replace(/-%.*/, "-number"));
    }
    await open("#/sets");
    await page.locator(".set-card a").first().click();
    await page.locator(".slot img.loaded").nth(1).waitFor();
    await take("set");
    await open("#/");
    await page.locator(".tile.ready a").nth(4).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("img.loaded").waitFor();
    await take("picture");
    await page.keyboard.press("z");
    await take("picture-zoomed");
    await open("#/admin/tiers");
    await page.getByRole("button", { name: "Edit Premium" }).click();
    await take("tier");
    await open("#/admin/users");
    for (const row of [0, 1]) await page.locator(".row-check").nth(row).click();
    await take("users-selected");
    await page.locator("tbody th a").first().click();
    await page.locator(".user-card").waitFor();
    await take("user");
    await open("#/account");
    await page.getByRole("button", { name: "Set up a second factor" }).click();
    await page.getByLabel("Current password").fill(account.password);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("img", { name: "QR code" }).waitFor();
    await take("second-factor");
    await open("#/account/webhooks");
    await page.getByRole("list", { name: "Your webhooks" }).getByRole("link").click();
    await page.getByRole("button", { name: /^Redeliver / }).nth(1).waitFor();
    await take("webhook");
    for (const [view, button] of [["webhooks", "New webhook"], ["keys", "New API key"]]) {
      await open(`#/account/${view}`);
      await page.getByRole("button", { name: button }).click();
      await take(`${view}-form`);
      await page.keyboard.press("Escape");
    }
    await open("#/phone");
    await page.getByRole("button", { name: "New upload link" }).click();
    await take("upload-link");
    await open("/api/docs");
    await page.locator(".opblock").first().waitFor();
    await page.locator("[id$='-auth-profile'] .opblock-summary-control").click();
    await take("documentation");
  });
  await visit(options, async ({ page, open }) => {
    const { id } = await api("POST", "/api/upload-links", { token: await token(account), body: { max_images: 10, expires_in: 86_400 } });
    await open(`#/send/${id}`);
    await page.getByText("You can send 10 pictures.").waitFor();
    await page.screenshot({ path: `${directory}/guest-${screen}-${options.colorScheme}.jpg`, type: "jpeg", quality: 82 });
    const files = [...await Promise.all([71, 72].map(scene)), { name: "notes.jpg", buffer: Buffer.from("no picture") }];
    await choose(page, page.getByRole("button", { name: "Choose pictures" }), files);
    await page.locator(".tray-row.ready").nth(1).waitFor();
    await page.locator(".tray-row.failed").waitFor();
    await page.screenshot({ path: `${directory}/guest-sent-${screen}-${options.colorScheme}.jpg`, type: "jpeg", quality: 82 });
  });
}
