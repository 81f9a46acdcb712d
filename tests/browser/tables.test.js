// The tables of admins: sorting, counting, selecting and actions on many rows.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn, storePictures, threeTiers } from "./page.js";
import { api, outputs, registerUser, token, until } from "./stack.js";

/** The texts of a column of the table, from the first row to the last. */
const column = (page, name) => page.locator("table").first().evaluate((table, name) => {
  const headings = [...table.querySelectorAll("thead tr > *")].map((cell) => cell.textContent);
  return [...table.querySelectorAll("tbody tr")].map((row) => row.children[headings.indexOf(name)].textContent);
}, name);

test("an admin sorts pictures, selects several of them and deletes them after a question", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const mark = account.username;
  await storePictures(bearer, [`${mark} b.jpg`, `${mark} c.jpg`, `${mark} a.jpg`, `${mark} d.jpg`]);
  await logIn(visit, outputs.admin);
  await open(`#/admin/images?file_name=${mark}`);
  await page.getByText("4 rows.").waitFor();
  const names = async () => (await column(page, "File name")).map((name) => name.slice(mark.length + 1, -".jpg".length)).join("");
  assert.equal(await names(), "dacb");
  const sort = page.getByRole("button", { name: "File name", exact: true });
  await sort.click();
  assert.equal(await names(), "abcd");
  assert.equal(await page.getByRole("columnheader", { name: "File name" }).getAttribute("aria-sort"), "ascending");
  await sort.click();
  assert.equal(await names(), "dcba");
  await page.getByRole("link", { name: mark, exact: true }).first().waitFor();
  assert.deepEqual(await violations(page), []);

  await page.getByRole("checkbox", { name: `Select ${mark} d.jpg` }).click();
  await page.getByRole("checkbox", { name: `Select ${mark} b.jpg` }).click({ modifiers: ["Shift"] });
  await page.getByText("3 selected").waitFor();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog", { name: "Delete 3 pictures permanently?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("1 row.").waitFor();
  const stored = async () => (await api("GET", "/api/images", { token: bearer })).images.length;
  // While Undo is possible, nothing is deleted, and the page does not say so.
  await page.getByText("Deleting 3 pictures.").waitFor();
  assert.equal(await stored(), 4);
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await page.getByText("Deleted 3 pictures.").waitFor();
  await until(async () => await stored() === 1 || undefined, "the deletions");
}));

test("an admin disables several users at once, and one user's page shows usage, pictures, sets and changes", inBrowser(async (visit) => {
  const { page, open } = visit;
  const accounts = [await registerUser(), await registerUser()];
  const [first] = accounts;
  const bearer = await token(first);
  await storePictures(bearer, ["mine.jpg"]);
  await api("POST", "/api/imagesets", { token: bearer, body: { title: "My set" } });
  await logIn(visit, outputs.admin);
  // Both names begin with almost the same time of day.
  const [one, other] = accounts.map(({ username }) => [...username]);
  const common = one.slice(0, one.findIndex((letter, index) => letter !== other[index])).join("");
  await open(`#/admin/users?search=${common}`);
  for (const { username } of accounts) await page.getByRole("checkbox", { name: `Select ${username}`, exact: true }).check();
  await page.getByText("2 selected").waitFor();
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("Disabled 2 users.").waitFor();
  for (const { username, password } of accounts) {
    await assert.rejects(api("POST", "/api/auth/login", { body: { username, password } }), /40[13]/);
  }
  await page.getByRole("link", { name: first.username, exact: true }).click();
  await page.getByRole("heading", { name: first.username }).waitFor();
  await page.getByText("1 of ").first().waitFor();
  await page.getByRole("cell", { name: "My set" }).or(page.getByRole("rowheader", { name: "My set" })).first().waitFor();
  await page.getByRole("row").filter({ hasText: "Changed a user" }).first().waitFor();
  const mine = page.getByRole("link", { name: "mine.jpg", exact: true });
  await mine.click();
  await page.getByRole("dialog").getByRole("heading", { name: "mine.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: first.username }).waitFor();
  assert.deepEqual(await violations(page), []);
}));

test("a range of dates the wrong way round is refused, and the tier of new users has no Delete button", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, outputs.admin);
  await open("#/admin/images");
  await page.getByLabel("From").fill("2026-05-02");
  await page.getByLabel("To", { exact: true }).fill("2026-05-01");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("This day is before the first one.").waitFor();
  await open("#/admin/tiers");
  await page.getByRole("button", { name: "Delete Premium", exact: true }).waitFor();
  // Other tests may have created tiers of the same name.
  const others = (await api("GET", "/api/account-tiers")).account_tiers.filter(({ id, name }) => id !== "basic" && name === "Basic");
  assert.equal(await page.getByRole("button", { name: "Delete Basic", exact: true }).count(), others.length);
}));

/**
 * Answers requests about queues: one has dead letters, and each redrive sends one of them that is no position. There
 * can be more as long as a letter is left.
 * @param {import("playwright-core").Page} page
 * @param {Api.DeadLetter[]} letters
 */
async function fakeLetters(page, letters) {
  const queue = "**/api/admin/queues";
  const counts = () => [["failed-uploads", letters.length], ["tiers", 0]].map(([name, dead]) => ({ name, waiting: 1, in_flight: 0, dead }));
  await page.route(queue, (route) => route.fulfill({ json: { queues: counts() } }));
  await page.route(`${queue}/failed-uploads/dead-letters`, (route) => route.fulfill({ json: { dead_letters: letters } }));
  await page.route(`${queue}/failed-uploads/redrive`, (route) => {
    const index = letters.findIndex(({ about }) => about.kind !== "position");
    const sent = index < 0 ? [] : letters.splice(index, 1);
    return route.fulfill({ json: { sent: sent.length, kept: 1, more: letters.length > 0 } });
  });
}

/** @param {Partial<Api.DeadLetter["about"]>} about @returns {Api.DeadLetter} */
const letter = (about, received = 21) => ({
  id: `message-${received}`, sent_at: "2026-03-12T19:03:58Z", received, about: { kind: "other", id: null, user_id: null, change: null, ...about },
});

test("an admin looks at dead letters and starts their work again", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  allowError(/503/);
  const account = await registerUser();
  const bearer = await token(account);
  const { id: user_id } = await api("GET", "/api/auth/profile", { token: bearer });
  const [id] = await storePictures(bearer, ["failed.jpg"]);
  const removed = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";
  await logIn(visit, outputs.admin);
  await fakeLetters(page, [
    letter({ kind: "upload", id, user_id }),
    letter({ kind: "image", id: removed, user_id, change: "removed" }, 22),
    letter({ kind: "position" }, 1),
  ]);
  await open("#/admin/queues");
  const problem = { type: "urn:darkroom:problem:unavailable", title: "", status: 503, code: "unavailable", detail: "" };
  await page.route("**/dead-letters", (route) => route.fulfill({ status: 503, json: problem }), { times: 1 });
  await page.getByRole("button", { name: "3 dead letters: Uploads to try again" }).click();
  const dialog = page.getByRole("dialog", { name: "Dead letters: Uploads to try again" });
  await dialog.getByRole("alert").getByText("The service is busy.").waitFor();
  await dialog.getByRole("button", { name: "Refresh" }).click();
  await dialog.getByText("Uploaded picture").waitFor();
  await dialog.getByRole("alert").waitFor({ state: "hidden" });
  await dialog.getByText("Picture: removed").waitFor();
  await dialog.getByText("Received 22 times.").waitFor();
  await dialog.getByText("Received once.").waitFor();
  await dialog.getByRole("link", { name: account.username }).first().waitFor();
  assert.equal(await dialog.getByRole("link", { name: id }).getAttribute("href"), `#/admin/images/${id}`);
  assert.equal(await dialog.getByRole("link", { name: removed }).count(), 0);
  assert.deepEqual(await violations(page), []);

  await dialog.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("dialog", { name: "Start this work again" }).getByRole("button", { name: "Try again" }).click();
  await dialog.locator(".notice").getByText("2 messages were sent again.").waitFor();
  // What this page cannot send stays, and the page says so.
  await dialog.getByText("Picture: removed").waitFor({ state: "detached" });
  await dialog.getByText("Several changes", { exact: true }).waitFor();
  await dialog.getByText("Only the operator of the service can start this work again").waitFor();
  await dialog.locator("header").getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "1 dead letter: Uploads to try again" }).waitFor();
  await page.locator('button:focus[aria-label^="1 dead letter"]').waitFor();
}));

test("a redrive that fails midway says what it has sent, and that messages are left", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  allowError(/503/);
  await logIn(visit, outputs.admin);
  await fakeLetters(page, [letter({ kind: "job", id: "01JZ8Q4V7N2M5K3R6T9W0XYZAB" }), letter({}, 2)]);
  let redrives = 0;
  await page.route("**/redrive", (route) => {
    redrives += 1;
    return redrives === 2 ? route.fulfill({ status: 503, body: "" }) : route.fallback();
  });
  await open("#/admin/queues");
  await page.getByRole("button", { name: "2 dead letters: Uploads to try again" }).click();
  const dialog = page.getByRole("dialog", { name: "Dead letters: Uploads to try again" });
  await dialog.getByText("Background job").waitFor();
  await dialog.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("dialog", { name: "Start this work again" }).getByRole("button", { name: "Try again" }).click();
  await dialog.locator(".notice").getByText("1 message was sent again. More messages are left.").waitFor();
  await dialog.locator(".notice").getByText("The service is busy.").waitFor();
  await dialog.getByText("Background job").waitFor({ state: "detached" });
  await dialog.getByText("Unknown message").waitFor();
}));

test("on a dark phone, the dialog of dead letters closes when all are sent, and says if there are none", inBrowser(async (visit) => {
  const { page, open } = visit;
  const letters = [letter({ kind: "job", id: "01JZ8Q4V7N2M5K3R6T9W0XYZAB" }), letter({}, 2)];
  await logIn(visit, outputs.admin);
  await fakeLetters(page, letters);
  await open("#/admin/queues");
  const show = () => page.getByRole("button", { name: /dead letters: Uploads to try again/ }).click();
  await show();
  const dialog = page.getByRole("dialog", { name: "Dead letters: Uploads to try again" });
  await dialog.getByText("Background job").waitFor();
  assert.deepEqual(await violations(page), []);
  const [width, available] = await dialog.evaluate((element) => [element.scrollWidth, element.clientWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
  // Another admin has sent them meanwhile.
  const others = letters.splice(0);
  await dialog.getByRole("button", { name: "Refresh" }).click();
  await dialog.getByText("No message could be read.").waitFor();
  letters.push(...others);
  await dialog.getByRole("button", { name: "Refresh" }).click();
  await dialog.getByText("Unknown message").waitFor();
  await dialog.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("dialog", { name: "Start this work again" }).getByRole("button", { name: "Try again" }).click();
  await page.locator(".notice").getByText("2 messages were sent again.").waitFor();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: /dead letters?:/ }).waitFor({ state: "detached" });
  await page.locator("button:focus", { hasText: "Refresh" }).waitFor();
}, { ...PHONE, colorScheme: "dark" }));

test("tiers say that there is no AI provider", inBrowser(async (visit) => {
  const { page, open } = visit;
  await page.route("**/api/auth/profile", async (route) => {
    const response = await route.fetch();
    const profile = await response.json();
    return route.fulfill({ response, json: { ...profile, features: { ...profile.features, ai: false } } });
  });
  await logIn(visit, outputs.admin);
  await open("#/admin/tiers");
  await page.locator(".card").getByText("No AI provider").first().waitFor();
  await open("#/account");
  await page.getByRole("cell", { name: "No AI provider" }).first().waitFor();
}));

for (const viewport of [{ width: 1350, height: 900 }, { width: 1920, height: 1080 }]) {
  test(`each value of a tier is in one line at ${viewport.width} pixels, and the tiers fill the screen`, inBrowser(async (visit) => {
    const { page, open } = visit;
    await threeTiers(page);
    await logIn(visit, outputs.admin);
    await open("#/admin/tiers");
    const cards = page.getByRole("main").locator(".card");
    await cards.nth(2).waitFor();
    const values = await cards.locator("dd").evaluateAll((all) => all.map((value) => {
      const range = document.createRange();
      range.selectNodeContents(value);
      const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
      return { text: value.textContent, lines: new Set(tops).size };
    }));
    assert.ok(values.length >= 30, `${values.length} values`);
    for (const { text, lines } of values) assert.equal(lines, 1, text);
    const [main, last] = [await page.getByRole("main").boundingBox(), await cards.nth(2).boundingBox()];
    const rest = main.x + main.width - (last.x + last.width);
    assert.ok(rest < 40, `${rest} pixels are empty`);
    // A tier without links or AI has no limits for them.
    const basic = await cards.filter({ has: page.getByRole("heading", { name: "Basic", exact: true }) }).locator("dl").evaluate((list) =>
      Object.fromEntries([...list.querySelectorAll("dt")].map((term) => [term.textContent, term.nextElementSibling.textContent])));
    assert.deepEqual([basic["Expiring links"], basic["Expiring links at a time"], basic["AI analyses and edits a day"]], ["No", "No", "No"]);
  }, { viewport }));
}

test("the buttons of a search are in one line, and the bar of the selection moves and covers nothing, and can be cleared", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await storePictures(await token(account), Array.from({ length: 12 }, (_, index) => `${index}.jpg`));
  await logIn(visit, outputs.admin);
  await open(`#/admin/images?username=${account.username}`);
  await page.getByText("12 rows.").waitFor();
  const search = await page.getByRole("button", { name: "Search", exact: true }).boundingBox();
  const reset = await page.getByRole("link", { name: "Reset" }).boundingBox();
  assert.deepEqual([reset.y, reset.height], [search.y, search.height]);

  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "9.jpg", exact: true }) });
  const before = await row.boundingBox();
  await row.getByRole("checkbox").check();
  const bar = page.getByRole("group", { name: "Selected" });
  await bar.getByText("1 selected").waitFor();
  assert.deepEqual(await row.boundingBox(), before);
  const place = await bar.boundingBox();
  assert.ok(search.y + search.height <= place.y, `the bar begins at ${place.y}`);
  assert.ok(place.y + place.height <= (await page.locator("thead").boundingBox()).y, `the bar ends at ${place.y + place.height}`);
  assert.deepEqual(await violations(page), []);
  // Farther down, it stays below the header.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const header = await page.locator("header.top").boundingBox();
  await page.waitForFunction(() => scrollY > 200);
  assert.ok(Math.abs((await bar.boundingBox()).y - header.height) < 2);
  await bar.getByRole("button", { name: "Clear the selection" }).click();
  await bar.waitFor({ state: "hidden" });
  assert.equal(await page.locator(".row-check:checked").count(), 0);
  await page.locator("h1:focus").waitFor({ state: "attached" });
}, { viewport: { width: 1350, height: 700 } }));

test("on a phone, all actions on users are in one line with the number of the selected ones", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await logIn(visit, outputs.admin);
  await open(`#/admin/users?search=${account.username}`);
  await page.getByRole("checkbox", { name: `Select ${account.username}`, exact: true }).check();
  const bar = page.getByRole("group", { name: "Selected" });
  for (const name of ["Clear the selection", "Change tier", "Disable", "Enable", "Delete user"]) {
    await bar.getByRole("button", { name, exact: true }).waitFor();
  }
  const tops = await bar.locator("button").evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect().top));
  assert.equal(new Set(tops.map(Math.round)).size, 1, tops.join(" "));
  assert.deepEqual(await violations(page), []);
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
}, PHONE));

test("on a phone, the tables scroll inside the page", inBrowser(async (visit) => {
  const { page, open } = visit;
  await logIn(visit, outputs.admin);
  await open("#/admin/users");
  await page.getByRole("link", { name: outputs.admin.username, exact: true }).waitFor();
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
  assert.deepEqual(await violations(page), []);
}, PHONE));
