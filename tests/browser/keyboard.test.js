// Tours of a user and of an admin with the keyboard alone: no test in this file uses the mouse or focuses an element itself.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { fileDialog, storePictures, tile } from "./page.js";
import { photo } from "./photos.js";
import { api, moveToTier, outputs, registerUser, token, until } from "./stack.js";

/** What a screen reader calls the element that has the focus. */
const focused = (page) => page.evaluate(() => {
  const element = /** @type {HTMLInputElement} */ (document.activeElement);
  return element.getAttribute("aria-label") ?? element.getAttribute("title") ?? (element.labels?.[0] ?? element).textContent;
});

/** Presses a key, Tab or Shift+Tab, until the focus is on an element with this name. */
async function tabTo(page, name, key = "Tab") {
  for (let presses = 0; presses < 80; presses++) {
    if (await focused(page) === name) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not reach ${name}`);
}

/** Goes to an element with the key Tab or Shift+Tab, and presses Enter there. */
async function enter(page, name, key = "Tab") {
  await tabTo(page, name, key);
  await page.keyboard.press("Enter");
}

/** Goes to a field, and replaces its text. */
async function fillIn(page, name, text) {
  await tabTo(page, name);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}

/** Waits until the focus is on an element with this name. */
const focusOn = (page, name) => until(async () => await focused(page) === name || undefined, `the focus on ${name}`);

/** Waits until a new view has focused its heading. Some headings are for screen readers only. */
const focusOnHeading = (page) => page.locator("h1:focus").waitFor({ state: "attached" });

/** Waits for a dialog, presses one of its buttons, and waits until the dialog is closed. */
async function answer(page, question, button) {
  const dialog = page.getByRole("dialog", { name: question });
  await dialog.waitFor();
  await enter(page, button);
  await dialog.waitFor({ state: "detached" });
}

/** @param {import("./browser.js").Visit} visit @param {import("./stack.js").Login} login */
async function logInByKeyboard({ page, open }, { username, password }) {
  await open();
  // The first field has the focus.
  await page.getByLabel("User name or e-mail").waitFor();
  await page.keyboard.type(username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Photos" }).waitFor();
  await focusOnHeading(page);
}

/** Opens a tab of the admins' view. Tab reaches it from the heading, and Shift+Tab from what is below. */
async function openTab(page, name, key = "Tab") {
  await enter(page, name, key);
  await page.getByRole("heading", { name: `Admin: ${name}` }).waitFor({ state: "attached" });
  await focusOnHeading(page);
}

/** Logs in as the admin, and opens the first tab. @param {import("./browser.js").Visit} visit */
async function openAdmin(visit) {
  await logInByKeyboard(visit, outputs.admin);
  await enter(visit.page, "Admin", "Shift+Tab");
  await visit.page.getByRole("heading", { name: "Admin: Pictures" }).waitFor({ state: "attached" });
  await focusOnHeading(visit.page);
}

test("a user logs in, uploads, selects, deletes, undoes this, views and leaves with the keyboard alone", inBrowser(async (visit) => {
  const { page } = visit;
  await logInByKeyboard(visit, await registerUser());
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();

  await tabTo(page, "Upload");
  const chooser = await fileDialog(page, () => page.keyboard.press("Enter"));
  const files = await Promise.all(["a.jpg", "b.jpg", "c.jpg"].map(async (name) =>
    ({ name, mimeType: "image/jpeg", buffer: await photo({ width: 400, height: 300, label: name }) })));
  await chooser.setFiles(files);
  await page.locator(".tray-row.ready").nth(2).waitFor({ timeout: 60_000 });
  await enter(page, "Clear list");
  await page.locator(".tray").waitFor({ state: "hidden" });
  await focusOnHeading(page);
  for (const { name } of files) await tile(page, name).locator("img.loaded").waitFor({ timeout: 60_000 });

  const [first, second] = await page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  await tabTo(page, first);
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("2 selected").waitFor();
  await page.keyboard.press("Delete");
  await answer(page, "Move 2 pictures to the trash?", "Delete");
  await page.locator(".notice").waitFor();
  assert.equal(await page.locator(".tile").count(), 1);
  await page.keyboard.press("Control+z");
  await tile(page, first).waitFor();
  assert.equal(await page.locator(".tile").count(), 3);

  // The focus is still on the third picture.
  await page.keyboard.press("Home");
  await focusOn(page, first);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("heading", { name: first }).waitFor();
  await page.keyboard.press("ArrowRight");
  await dialog.getByRole("heading", { name: second }).waitFor();
  await page.keyboard.press("z");
  await dialog.locator(".stage.zoomed").waitFor();
  await enter(page, "Title and description");
  await page.keyboard.press("Tab");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await dialog.getByRole("heading", { name: "By keyboard" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await tile(page, "By keyboard").waitFor();
  await enter(page, "Account");
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  await enter(page, "Log out");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
}));

test("a user searches, groups, downloads several, makes a set, restores from the trash and makes an upload link with the keyboard alone", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await storePictures(await token(account), ["alps.jpg", "beach.jpg", "city.jpg", "dunes.jpg"]);
  const dialog = page.getByRole("dialog");
  const fourTiles = () => page.locator(".tile.ready").nth(3).waitFor();
  await logInByKeyboard(visit, account);
  await fourTiles();

  await fillIn(page, "Search your photos", "beach");
  await page.keyboard.press("Enter");
  await tile(page, "city.jpg").waitFor({ state: "detached" });
  await tile(page, "beach.jpg").waitFor();
  await focusOnHeading(page);
  await enter(page, "Clear the search");
  await fourTiles();
  await focusOnHeading(page);

  // The choice keeps the focus, so that the next key leads to its next value.
  const group = page.locator(".group-heading").first();
  await tabTo(page, "Group by");
  await page.keyboard.press("ArrowDown");
  await group.filter({ hasText: /^\w+ \d{4}$/ }).waitFor();
  await focusOn(page, "Group by");
  await page.keyboard.press("ArrowDown");
  await group.filter({ hasText: /^\w+, \w+ \d+, \d{4}$/ }).waitFor();
  await focusOn(page, "Group by");
  await fourTiles();

  const [first, second, third, fourth] = await page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  await tabTo(page, first);
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("2 selected").waitFor();
  const [archive] = await Promise.all([page.waitForEvent("download", { timeout: 60_000 }), page.keyboard.press("d")]);
  assert.match(archive.suggestedFilename(), /\.zip$/);
  await focusOn(page, second);
  await page.keyboard.press("Escape");
  await page.getByText("2 selected").waitFor({ state: "hidden" });

  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("2 selected").waitFor();
  await enter(page, "Make a set", "Shift+Tab");
  await page.getByRole("dialog", { name: "New set" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await focusOn(page, "Make a set");
  await page.keyboard.press("Enter");
  await fillIn(page, "Title", "By the sea");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "By the sea" }).waitFor();
  await page.getByRole("link", { name: `First picture: ${second}` }).waitFor();
  await page.getByRole("link", { name: `Second picture: ${third}` }).waitFor();
  await focusOnHeading(page);
  await enter(page, "Pick from your photos: third picture");
  await dialog.getByRole("button", { name: first, exact: true }).waitFor();
  await enter(page, first);
  await page.getByRole("link", { name: `Third picture: ${first}` }).waitFor();
  await dialog.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement !== document.body);
  // The large view returns the focus to the place of the picture.
  await enter(page, `Second picture: ${third}`);
  await dialog.getByRole("heading", { name: third }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await focusOn(page, `Second picture: ${third}`);

  await enter(page, "Photos", "Shift+Tab");
  await fourTiles();
  await focusOnHeading(page);
  await tabTo(page, first);
  await page.keyboard.press("End");
  await focusOn(page, fourth);
  await page.keyboard.press("Delete");
  await page.getByText(`Moved ${fourth} to the trash.`).waitFor();
  await focusOn(page, third);
  await enter(page, "Trash", "Shift+Tab");
  await page.getByRole("heading", { name: "Trash" }).waitFor();
  await tile(page, fourth).waitFor();
  await focusOnHeading(page);
  await tabTo(page, fourth);
  await page.keyboard.press("Space");
  await page.getByText("1 selected").waitFor();
  await enter(page, "Restore", "Shift+Tab");
  await page.getByText("Restored 1 picture.").waitFor();
  await focusOnHeading(page);
  await enter(page, "Photos", "Shift+Tab");
  await fourTiles();
  await focusOnHeading(page);

  await enter(page, "Phone", "Shift+Tab");
  await page.getByText("You have no upload links.").waitFor();
  await focusOnHeading(page);
  await enter(page, "New upload link");
  await page.getByRole("dialog", { name: "New upload link" }).waitFor();
  await fillIn(page, "How many pictures", "3");
  await page.keyboard.press("Enter");
  await focusOn(page, "Address for your guests");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.getByText("0 of 3 pictures sent").waitFor();
  await focusOn(page, "New upload link");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await focusOn(page, "New upload link");
  const { upload_links: [link] } = await api("GET", "/api/upload-links", { token: await token(account) });
  await enter(page, `Revoke the link …/send/${link.id.slice(0, 6)}…`);
  await answer(page, /^Revoke this link\?/, "Revoke");
  await page.getByText("You have no upload links.").waitFor();
  await focusOn(page, "Upload links for guests");
}));

test("one Tab leads into the pictures and one out of them, arrow keys move between them, and Enter always opens", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const names = Array.from({ length: 12 }, (_, index) => `${index}.jpg`);
  await storePictures(await token(account), [...names].reverse());
  await logInByKeyboard(visit, account);
  await page.locator(".tile.ready").nth(11).waitFor();
  await tabTo(page, "Upload");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "0.jpg");
  await page.keyboard.press("Tab");
  assert.equal(await page.locator(".grid :focus").count(), 0);
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "0.jpg");
  await page.keyboard.press("End");
  await focusOn(page, "11.jpg");
  await page.keyboard.press("ArrowLeft");
  await focusOn(page, "10.jpg");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Upload");
  // The Tab key leads back to the picture that had the focus last.
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "10.jpg");

  // While pictures are selected, the checkboxes are no stops, and Enter opens the picture.
  await page.keyboard.press("Space");
  await page.getByText("1 selected").waitFor();
  assert.equal(await page.locator(".tile a:focus").getAttribute("aria-description"), "Selected");
  await page.keyboard.press("Tab");
  assert.equal(await page.locator(".grid :focus").count(), 0);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowRight");
  await focusOn(page, "11.jpg");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("heading", { name: "11.jpg" }).waitFor();
  // A selected picture that is deleted in the large view is no longer selected.
  await page.keyboard.press("ArrowLeft");
  await dialog.getByRole("heading", { name: "10.jpg" }).waitFor();
  await page.keyboard.press("Delete");
  await dialog.getByRole("heading", { name: "11.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await focusOn(page, "11.jpg");
  await page.getByText("1 selected").waitFor({ state: "hidden" });
}));

test("the key / leads to the search, also from another view, and is an ordinary character in a field", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await storePictures(await token(account), ["alps.jpg", "beach.jpg"]);
  await logInByKeyboard(visit, account);
  await tile(page, "beach.jpg").waitFor();
  await page.keyboard.press("/");
  await focusOn(page, "Search your photos");
  await page.keyboard.type("1/2");
  assert.equal(await page.getByRole("searchbox").inputValue(), "1/2");
  await enter(page, "Sets", "Shift+Tab");
  await page.getByText("No sets yet").waitFor();
  await focusOnHeading(page);
  await page.keyboard.press("/");
  await focusOn(page, "Search your photos");
  await page.keyboard.type("beach");
  await page.keyboard.press("Enter");
  await tile(page, "alps.jpg").waitFor({ state: "detached" });
  await tile(page, "beach.jpg").waitFor();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await help.getByText("Go to the search").waitFor();
  // The keys of the page behind a dialog do nothing.
  await page.keyboard.press("/");
  assert.ok(await help.isVisible());
}));

test("an admin finds and disables a user, deletes pictures and filters the audit trail with the keyboard alone", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  // The audit trail contains users whom other tests have deleted. Their ids are shown instead of their names.
  allowError(/404.*admin\/users/);
  const account = await registerUser();
  const { username, password } = account;
  const bearer = await token(account);
  await storePictures(bearer, ["a.jpg", "b.jpg", "c.jpg"]);
  await openAdmin(visit);

  await openTab(page, "Users");
  await fillIn(page, "User name or e-mail begins with", username);
  await page.keyboard.press("Enter");
  await focusOnHeading(page);
  await page.getByText("1 row.", { exact: true }).waitFor();
  await tabTo(page, `Select ${username}`);
  await page.keyboard.press("Space");
  await page.getByText("1 selected").waitFor();
  await enter(page, "Disable", "Shift+Tab");
  await answer(page, /^Disable /, "Disable");
  await page.getByText(`Disabled ${username}.`).waitFor();
  await focusOn(page, "Disable");
  await assert.rejects(api("POST", "/api/auth/login", { body: { username, password } }), /40[13]/);

  await enter(page, username);
  await page.getByRole("heading", { name: username, exact: true }).waitFor();
  await focusOnHeading(page);
  await enter(page, "Edit");
  await page.getByRole("dialog", { name: `Edit ${username}` }).waitFor();
  await fillIn(page, "First name", "Ann");
  await page.keyboard.press("Enter");
  await page.getByText(`${username} is saved.`).waitFor();
  // The whole card was drawn anew, so its heading has the focus.
  await focusOn(page, username);
  await enter(page, "Enable");
  await answer(page, /^Allow /, "Enable");
  await page.getByText(`Enabled ${username}.`).waitFor();
  await focusOn(page, username);

  await openTab(page, "Pictures", "Shift+Tab");
  await fillIn(page, "User name", username);
  await page.keyboard.press("Enter");
  await focusOnHeading(page);
  await page.getByText("3 rows.", { exact: true }).waitFor();
  await tabTo(page, "Select all rows");
  await page.keyboard.press("Space");
  await page.getByText("3 selected").waitFor();
  await enter(page, "Delete", "Shift+Tab");
  await answer(page, /^Delete 3 pictures permanently\?/, "Delete");
  await page.getByText("Deleting 3 pictures.").waitFor();
  await focusOnHeading(page);
  await until(async () => (await api("GET", "/api/images", { token: bearer })).images.length === 0 || undefined, "the deletions");

  await openTab(page, "Audit");
  await fillIn(page, "User (user name)", username);
  await page.keyboard.press("Enter");
  await page.getByText("Only some entries are shown.").waitFor();
  await focusOnHeading(page);
  const entries = page.getByRole("row");
  await entries.filter({ hasText: "may log in: No" }).waitFor();
  await entries.filter({ hasText: "Deleted a picture" }).nth(2).waitFor();
}));

test("an admin edits a set and a tier, and loads the last rows of a table, and the focus stays there", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const { username: title } = account;
  await api("POST", "/api/imagesets", { token: await token(account), body: { title } });
  const { account_tiers: [tier] } = await api("GET", "/api/account-tiers");
  await page.route(`**/api/admin/account-tiers/${tier.id}`, (route) => route.fulfill({ json: tier }));
  await openAdmin(visit);

  await openTab(page, "Sets");
  await fillIn(page, "User name", title);
  await page.keyboard.press("Enter");
  await focusOnHeading(page);
  await page.getByText("1 row.", { exact: true }).waitFor();
  await enter(page, `Edit ${title}`);
  await page.getByRole("dialog", { name: "Edit set" }).waitFor();
  await fillIn(page, "Title", `${title}, changed`);
  await page.keyboard.press("Enter");
  await page.getByText("The set is saved.").waitFor();
  await focusOn(page, `Edit ${title}, changed`);

  await openTab(page, "Tiers", "Shift+Tab");
  await enter(page, `Edit ${tier.name}`);
  await page.getByRole("dialog", { name: `Edit ${tier.name}` }).waitFor();
  await enter(page, "Save");
  await page.getByText(`The tier ${tier.name} is saved.`).waitFor();
  await focusOn(page, `Edit ${tier.name}`);

  const { users: [user] } = await api("GET", `/api/admin/users?search=${title}`, { token: await token(outputs.admin) });
  const numbered = (from) => Array.from({ length: 21 }, (_, index) => ({ ...user, id: `id-${from + index}`, username: `user ${from + index}` }));
  await page.route("**/api/admin/users?*", (route) => {
    const isSecond = new URL(route.request().url()).searchParams.has("cursor");
    return route.fulfill({ json: { users: numbered(isSecond ? 21 : 0), next_cursor: isSecond ? null : "more" } });
  });
  await openTab(page, "Users", "Shift+Tab");
  await enter(page, "Show more");
  await page.getByText("42 rows.", { exact: true }).waitFor();
  // The button is hidden now, so the last row has the focus.
  await focusOn(page, "user 41");
}));
