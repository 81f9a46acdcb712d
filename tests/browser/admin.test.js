// What admins do with users, image sets and the audit trail.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser, violations } from "./browser.js";
import { enterLogin, logIn } from "./page.js";
import { photo } from "./photos.js";
import { api, mailTexts, moveToTier, newAccount, outputs, registerUser, token, until } from "./stack.js";

/** Opens a tab of the admins' view by its link. */
async function openTab(page, name) {
  await page.getByRole("link", { name: "Admin" }).click();
  await page.getByRole("navigation", { name: "Admin" }).getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name: `Admin: ${name}` }).waitFor({ state: "attached" });
}

/** Starts a search, and waits until the view with the list of before is gone. */
async function search(page) {
  const before = await page.locator("main > *").elementHandle();
  await page.getByRole("button", { name: "Search" }).click();
  await before.waitForElementState("hidden");
}

/** Searches for a user, and returns the row of the table. */
async function findUser(page, text, { username }) {
  await page.getByLabel("User name or e-mail begins with").fill(text);
  await search(page);
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: username, exact: true }) });
  await row.waitFor();
  return row;
}

/** The temporary password in an e-mail of Cognito. */
const temporaryPassword = (text) => /password is (\S+?)\.?(?:\s|<|$)/.exec(text)?.[1];

test("an admin makes a user, who logs in with the temporary password and chooses another one", inBrowser(async (visit) => {
  const { page } = visit;
  const account = newAccount();
  await logIn(visit, outputs.admin);
  await openTab(page, "Users");
  await page.getByRole("button", { name: "New user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User name").fill(account.username);
  await dialog.getByLabel("E-mail").fill(account.email);
  await dialog.getByLabel("Tier").selectOption("premium");
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole("button", { name: "New user" }).click();
  await page.getByText(`${account.username} is created.`).waitFor();
  await page.getByRole("link", { name: account.username, exact: true }).waitFor();

  const [mail] = await mailTexts(account.email);
  const user = await (await page.context().browser().newContext({ baseURL: outputs.web_url })).newPage();
  await user.goto("");
  await enterLogin(user, { username: account.email, password: temporaryPassword(mail) });
  await user.getByText("You have logged in with a temporary password.").waitFor();
  assert.deepEqual(await violations(user), []);
  await user.getByLabel("New password").fill("short");
  await user.getByRole("button", { name: "Log in" }).click();
  await user.getByText("This password is too easy to guess.").waitFor();
  await user.getByLabel("New password").fill(account.password);
  await user.getByRole("button", { name: "Log in" }).click();
  await user.getByRole("heading", { name: "Photos" }).waitFor();
  const { tier, email } = await api("GET", "/api/auth/profile", { token: await token(account) });
  assert.deepEqual([tier, email], ["premium", account.email]);
  await user.context().close();
}));

test("an admin finds a user, changes and disables the account, sends a temporary password, and deletes the user", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/404.*admin\/users/);
  const account = await registerUser();
  const login = { username: account.username, password: account.password };
  await logIn(visit, outputs.admin);
  await openTab(page, "Users");
  await (await findUser(page, account.email, account)).getByRole("link", { name: account.username }).click();
  const heading = page.getByRole("heading", { name: account.username, exact: true });
  await heading.waitFor();
  await page.getByText("There are no entries.").waitFor();
  assert.deepEqual(await violations(page), []);
  const dialog = page.getByRole("dialog");
  // What the admin changes is among the entries at once.
  const entries = page.getByRole("row");
  await page.getByRole("button", { name: "Change tier" }).click();
  await dialog.getByLabel("Tier", { exact: true }).selectOption("premium");
  await dialog.getByRole("button", { name: "Change tier" }).click();
  await page.getByText(`Moved ${account.username} to the tier Premium.`).waitFor();
  await entries.filter({ hasText: "tier: premium" }).waitFor();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.getByLabel("First name").fill("Ann");
  await dialog.getByLabel("May log in").uncheck();
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText(`${account.username} is saved.`).waitFor();
  await page.locator(".user-card").getByText("disabled").waitFor();
  await assert.rejects(api("POST", "/api/auth/login", { body: login }), /40[13]/);

  await page.getByRole("button", { name: "Enable" }).click();
  assert.doesNotMatch(await dialog.getByRole("button", { name: "Enable" }).getAttribute("class") ?? "", /danger/);
  await dialog.getByRole("button", { name: "Enable" }).click();
  await page.getByText(`Enabled ${account.username}.`).waitFor();
  assert.equal((await api("GET", "/api/auth/profile", { token: await token(account) })).first_name, "Ann");

  await page.getByRole("button", { name: "Send a temporary password" }).click();
  await dialog.getByRole("button", { name: "Send a temporary password" }).click();
  await page.getByText(`A temporary password is on its way to ${account.username}.`).waitFor();
  const mails = await mailTexts(account.email, 2);
  const { challenge } = await api("POST", "/api/auth/login", { body: { ...login, password: temporaryPassword(mails.at(-1)) } });
  assert.equal(challenge, "new_password");

  await entries.filter({ hasText: "Sent a temporary password" }).waitFor();
  await entries.filter({ hasText: "may log in: No" }).first().waitFor();
  await page.getByRole("button", { name: "Delete user" }).click();
  await dialog.getByRole("button", { name: "Delete user" }).click();
  await page.getByText(`${account.username} is being deleted.`).waitFor();
  await page.getByRole("button", { name: "New user" }).waitFor();
  await until(async () => {
    const { users } = await api("GET", `/api/admin/users?search=${account.username}`, { token: await token(outputs.admin) });
    return users.length === 0 ? true : undefined;
  }, "the deletion of the user");
}));

/** Takes the rights from all admins but the admin of the stack. Other tests leave some. */
async function removeOtherAdmins() {
  const bearer = await token(outputs.admin);
  let cursor = null;
  do {
    const next = cursor ? `&cursor=${cursor}` : "";
    const list = await api("GET", `/api/admin/users?limit=60${next}`, { token: bearer });
    for (const user of list.users.filter((one) => one.admin && one.username !== outputs.admin.username)) {
      await api("PATCH", `/api/admin/users/${user.id}`, { token: bearer, body: { admin: false } });
    }
    cursor = list.next_cursor;
  } while (cursor);
}

test("the last admin cannot stop being an admin", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  await removeOtherAdmins();
  await logIn(visit, outputs.admin);
  await openTab(page, "Users");
  const row = await findUser(page, outputs.admin.username, outputs.admin);
  await row.getByRole("link", { name: outputs.admin.username, exact: true }).click();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Is an admin").uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  allowError(/409/);
  await dialog.getByText("This is the last admin.").waitFor();
}));

test("an admin finds a user's set, edits and deletes it, and both changes are in the audit trail", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  // The audit trail contains users whom other tests have deleted. Their ids are shown instead of their names.
  allowError(/404.*admin\/users/);
  const account = await registerUser();
  const bearer = await token(account);
  const title = `Harbour ${account.username}`;
  const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title, description: "Boats" } });
  const jpeg = await photo({ width: 400, height: 300 });
  const { upload } = await api("POST", `/api/imagesets/${id}/images`, {
    token: bearer, body: { image_type: "image2", file_name: "boat.jpg", content_type: "image/jpeg", size: jpeg.length },
  });
  assert.ok((await fetch(upload.url, { method: upload.method, headers: upload.headers, body: new Uint8Array(jpeg) })).ok);

  await logIn(visit, outputs.admin);
  await openTab(page, "Sets");
  await page.getByLabel("Title or description contains").fill(account.username.toUpperCase());
  await page.getByLabel("User name").fill(account.username);
  await search(page);
  const row = page.getByRole("row").filter({ hasText: title });
  await row.getByRole("link", { name: account.username }).waitFor();
  await row.getByText("1 of 3 pictures").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await row.getByRole("button", { name: `Edit ${title}` }).click();
  const dialog = page.getByRole("dialog");
  await page.getByRole("dialog", { name: "Edit set" }).waitFor();
  await dialog.getByLabel("Title").fill(`${title}, seen by an admin`);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The set is saved.").waitFor();
  const { title: changed, description } = await api("GET", `/api/imagesets/${id}`, { token: bearer });
  assert.deepEqual([changed, description], [`${title}, seen by an admin`, "Boats"]);

  await row.getByRole("link", { name: "Open boat.jpg" }).click();
  await dialog.getByRole("heading", { name: "boat.jpg" }).waitFor();
  // Admins have no view of a single set.
  await dialog.getByText("User", { exact: true }).waitFor();
  assert.equal(await dialog.getByRole("link", { name: "Open the set" }).count(), 0);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await row.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Delete set" }).click();
  await dialog.getByRole("button", { name: "Delete set" }).click();
  await page.getByText("The set is deleted.").waitFor();
  await assert.rejects(api("GET", `/api/imagesets/${id}`, { token: bearer }), /404/);

  await openTab(page, "Audit");
  // The entries say what was changed and whose it was, also after the deletion.
  const entries = page.getByRole("row").filter({ hasText: id }).filter({ has: page.getByRole("link", { name: account.username }) });
  await entries.filter({ hasText: "Deleted a set" }).filter({ hasText: `${title}, seen by an admin` }).waitFor();
  await entries.filter({ hasText: "Changed a set" }).filter({ hasText: title }).waitFor();
  await entries.first().getByRole("link", { name: id }).click();
  await page.getByText("Only some entries are shown.").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 2);
  await page.getByRole("link", { name: "Reset" }).click();
  await page.getByText("What admins have changed, newest first.").waitFor();
}));

test("an admin filters the audit trail by admin, by user and by id", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/404.*admin\/users/);
  const [account, other] = [await registerUser(), await registerUser()];
  await moveToTier(account, "premium");
  await moveToTier(other, "premium");
  await logIn(visit, outputs.admin);
  await openTab(page, "Audit");
  const rows = page.locator("tbody tr");
  const [byAdmin, byUser, byId] = ["Admin (user name)", "User (user name)", "Tier, picture or set (id)"].map((label) => page.getByLabel(label));
  await byUser.fill(account.username);
  await search(page);
  await page.getByText("Only some entries are shown.").waitFor();
  await rows.filter({ hasText: account.username }).filter({ hasText: "tier: premium" }).waitFor();
  assert.equal(await rows.count(), 1);
  assert.equal(await byUser.inputValue(), account.username);
  assert.deepEqual(await violations(page), []);

  await byId.fill("premium");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("An entry is about one thing.").waitFor();
  await byId.fill("");
  // The beginning of a name is not the name.
  await byUser.fill(account.username.slice(0, -2));
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("There is no user with this name.").waitFor();
  assert.equal(await rows.count(), 1);
  await byUser.fill("");
  await byId.fill("no-such-tier");
  await search(page);
  await page.getByText("No entry matches.").waitFor();
  assert.equal(await byId.inputValue(), "no-such-tier");
  await byId.fill("");
  await byAdmin.fill(outputs.admin.username);
  await search(page);
  await rows.filter({ hasText: other.username }).filter({ hasText: "tier: premium" }).waitFor();
  assert.equal(await byAdmin.inputValue(), outputs.admin.username);
}));

test("a table with more rows says that it sorts only the loaded ones, and sorts all after Load all", inBrowser(async (visit) => {
  const { page } = visit;
  const { users: [user] } = await api("GET", `/api/admin/users?search=${outputs.admin.username}`, { token: await token(outputs.admin) });
  const numbered = (from) => Array.from({ length: 60 }, (_, index) => ({ ...user, id: `id-${from + index}`, username: `user ${from + index}` }));
  await page.route("**/api/admin/users?*", (route) => {
    const isSecond = new URL(route.request().url()).searchParams.has("cursor");
    return route.fulfill({ json: { users: numbered(isSecond ? 0 : 60), next_cursor: isSecond ? null : "more" } });
  });
  await logIn(visit, outputs.admin);
  await openTab(page, "Users");
  const status = page.getByRole("status");
  await status.filter({ hasText: "60 rows so far. More follow." }).waitFor();
  const heading = page.getByRole("button", { name: "User", exact: true });
  await heading.click();
  const text = status.filter({ hasText: "60 rows so far, and only these are sorted. Load all rows to sort all of them." });
  await text.waitFor();
  const { y, height } = await text.boundingBox();
  assert.ok(y + height <= (await heading.boundingBox()).y, "the text is above the headings");
  const first = page.locator("tbody tr").first().getByRole("link");
  assert.equal(await first.textContent(), "user 60");
  await page.getByRole("button", { name: "Load all" }).first().click();
  await status.filter({ hasText: "120 rows." }).waitFor();
  assert.equal(await first.textContent(), "user 0");
}));
