// The trash, the search, and places of sets for existing pictures.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { answerQuestions, logIn, storeBroken, storePictures, tile } from "./page.js";
import { api, moveToTier, registerUser, token, until } from "./stack.js";

/** Logs in as a new user with ready pictures. */
async function withPictures(visit, names) {
  const account = await registerUser();
  const bearer = await token(account);
  await storePictures(bearer, names);
  await logIn(visit, account);
  await visit.page.locator(".tile.ready").nth(names.length - 1).waitFor();
  return bearer;
}

const stored = async (bearer) => (await api("GET", "/api/images", { token: bearer })).images.map((image) => image.file_name).sort();
const bar = (page) => page.getByRole("group", { name: "Selected" });

test("deleted pictures are in the trash, where some are restored and the others are deleted for good", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withPictures(visit, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
  const batches = [];
  page.on("request", (request) => request.url().endsWith("/api/images/batch") && batches.push(request.postDataJSON().operations.length));
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await bar(page).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Moved 4 pictures to the trash.").waitFor();
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await until(async () => (await stored(bearer)).length === 0 || undefined, "the deletions");
  assert.deepEqual(batches, [4]);

  await page.getByRole("link", { name: "Trash" }).click();
  await page.getByRole("heading", { name: "Trash" }).waitFor();
  await page.locator(".tile").nth(3).waitFor();
  assert.deepEqual(await violations(page), []);
  // The service returns no address of a picture in the trash. Its colours and its file name show which one it is.
  const [first, last] = await tile(page, "a.jpg").locator("canvas").evaluate((/** @type {HTMLCanvasElement} */ canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [data.slice(0, 4), data.slice(-4)].map(([red, , blue]) => ({ red, blue }));
  });
  assert.ok(first.red > first.blue && last.red < last.blue, JSON.stringify([first, last]));
  assert.ok(await tile(page, "a.jpg").locator(".caption", { hasText: "a.jpg" }).isVisible());
  await tile(page, "a.jpg").click();
  await tile(page, "c.jpg").click();
  await bar(page).getByRole("button", { name: "Restore" }).click();
  await page.getByText("Restored 2 pictures.").waitFor();
  assert.deepEqual(await stored(bearer), ["a.jpg", "c.jpg"]);
  await tile(page, "b.jpg").click();
  await bar(page).getByRole("button", { name: "Delete for good" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for good" }).click();
  await page.getByText("Deleted 1 picture for good.").waitFor();
  await page.getByRole("button", { name: "Empty the trash" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Empty the trash" }).click();
  await page.locator("main").getByText("The trash is empty.").waitFor();
  await page.getByRole("link", { name: "Photos" }).first().click();
  await tile(page, "a.jpg").locator("img.loaded").waitFor();
  assert.equal(await page.locator(".tile").count(), 2);
}));

test("a picture that was just deleted is in the trash before the seconds of Undo are over", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, ["a.jpg", "b.jpg"]);
  await tile(page, "a.jpg").getByRole("link").focus();
  await page.keyboard.press("Delete");
  await page.getByText("Moved a.jpg to the trash.").waitFor();
  await page.getByRole("link", { name: "Trash" }).click();
  await page.getByRole("heading", { name: "Trash" }).waitFor();
  await tile(page, "a.jpg").waitFor();
}));

/** Logs in as a new user who may download originals, and selects all pictures. `broken` names a file that is no picture. */
async function selectOriginals(visit, names, broken = "") {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  const bearer = await token(account);
  await storePictures(bearer, names);
  if (broken) await storeBroken(bearer, broken);
  await logIn(visit, account);
  await page.locator(".tile.ready").nth(names.length - 1).waitFor();
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await bar(page).getByText(`${names.length + (broken ? 1 : 0)} selected`).waitFor();
}

/** What the browser remembers of the user's archives. */
const remembered = (page) => page.evaluate(() => localStorage.getItem(`darkroom.archives.${localStorage.getItem("darkroom.session")}`));

/** @param {import("playwright-core").Page} page @param {string} archives */
const remember = (page, archives) => page.evaluate((archives) => {
  localStorage.setItem(`darkroom.archives.${localStorage.getItem("darkroom.session")}`, archives);
}, archives);

/** @param {string} id @param {number} files @param {"queued" | "done"} status @returns {Api.Download} */
const archive = (id, files, status) => ({
  id, status, files, files_done: status === "done" ? files : 0, files_skipped: 0, failure: null, url: null,
  expires_at: new Date(Date.now() + 3_600_000).toISOString(),
});

test("many originals are downloaded as one archive, and its progress is shown", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/503/);
  await selectOriginals(visit, ["a.jpg", "b.jpg", "c.jpg"]);
  const saved = page.waitForEvent("download", { timeout: 60_000 });
  // A question about the progress that fails does not end it.
  await page.route("**/api/downloads/*", (route) => route.fulfill({ status: 503, body: "" }), { times: 1 });
  await bar(page).getByRole("button", { name: "Download" }).click();
  await page.getByText(/Packing: \d of 3 pictures/).waitFor();
  const notice = page.locator(".notice", { hasText: "Saved the archive with 3 pictures." });
  await notice.waitFor({ timeout: 60_000 });
  assert.match((await saved).suggestedFilename(), /\.zip$/);
  // The browser may have failed to save it.
  const [again] = await Promise.all([page.waitForEvent("download"), notice.getByRole("link", { name: "Save again" }).click()]);
  assert.match(again.suggestedFilename(), /\.zip$/);
  // An archive that was saved is not offered again.
  assert.equal(await remembered(page), null);
  await page.reload();
  await page.locator(".tile.ready img.loaded").nth(2).waitFor();
  assert.equal(await page.getByText("The archive with").count(), 0);
}));

test("a download with too many bytes is split, and the page asks before the user leaves it while a part waits", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/400|409/);
  await selectOriginals(visit, ["a.jpg", "b.jpg", "c.jpg"]);
  const groups = [];
  const refusals = {
    1: { status: 400, code: "invalid-field", field: "image_ids", download_bytes: 6_000_000_000, max_download_bytes: 4_000_000_000 },
    3: { status: 409, code: "quota-exceeded", limit: "max_downloads", max_downloads: 5 },
  };
  await page.route("**/api/downloads", (route) => {
    const ids = route.request().postDataJSON().image_ids;
    groups.push(ids);
    const refusal = refusals[groups.length];
    return route.fulfill(refusal ? { status: refusal.status, json: refusal } : { status: 202, json: archive(`archive-${ids.length}`, ids.length, "queued") });
  });
  let isReady = false;
  await page.route("**/api/downloads/archive-1", (route) => route.fulfill({ json: archive("archive-1", 1, "queued") }));
  await page.route("**/api/downloads/archive-2", (route) => route.fulfill({ json: archive("archive-2", 2, isReady ? "done" : "queued") }));
  const questions = answerQuestions(page, "dismiss");
  await bar(page).getByRole("button", { name: "Download" }).click();
  await bar(page).getByText("Waiting until an archive is ready").waitFor();
  await page.getByText("Packing: 0 of 2 pictures.").waitFor();
  await page.evaluate(() => location.reload());
  await until(() => questions.length === 1 || undefined, "the question");
  isReady = true;
  await page.getByText("Packing: 0 of 1 pictures.").waitFor();
  const [all, two, one, again] = groups;
  assert.deepEqual([all.length, two.length, one.length, again], [3, 2, 1, one]);
  assert.deepEqual([...two, ...one].sort(), [...all].sort());
  assert.deepEqual(questions, ["beforeunload"]);
}));

test("the page says if none of the pictures can be in an archive", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/400/);
  await selectOriginals(visit, ["a.jpg", "b.jpg"]);
  const problem = { status: 400, code: "invalid-field", field: "image_ids" };
  await page.route("**/api/downloads", (route) => route.fulfill({ status: 400, json: problem }));
  await bar(page).getByRole("button", { name: "Download" }).click();
  await page.getByText("None of these pictures can be downloaded").waitFor();
}));

test("an archive is offered until the user closes its notice, and the page says if it is gone", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/404/);
  await logIn(visit, await registerUser());
  const { expires_at } = archive("", 0, "done");
  await remember(page, JSON.stringify({ closed: expires_at, gone: expires_at, expired: "2026-01-01T00:00:00Z" }));
  let isGone = false;
  await page.route("**/api/downloads/closed", (route) => route.fulfill({ json: archive("closed", 1, "done") }));
  await page.route("**/api/downloads/gone", (route) =>
    (isGone ? route.fulfill({ status: 404, json: { code: "not-found" } }) : route.fulfill({ json: { ...archive("gone", 2, "done"), url: "https://files.example/archive.zip" } })));
  await page.reload();
  const [closed, gone] = ["1 picture", "2 pictures"].map((what) => page.locator(".notice", { hasText: `The archive with ${what} is ready.` }));
  await gone.waitFor();
  await closed.getByRole("button", { name: "Close" }).click();
  assert.deepEqual(Object.keys(JSON.parse(await remembered(page))), ["gone"]);
  isGone = true;
  await gone.getByRole("link", { name: "Save" }).click();
  await page.getByText("This archive is gone.").waitFor();
  assert.equal(await gone.count(), 0);
  assert.equal(await remembered(page), null);
}));

test("a picture that is not ready is left out of an archive, and the page says so", inBrowser(async (visit) => {
  const { page } = visit;
  await selectOriginals(visit, ["a.jpg", "b.jpg"], "broken.jpg");
  // What the browser has stored is damaged.
  await remember(page, "{");
  const saved = page.waitForEvent("download", { timeout: 60_000 });
  await bar(page).getByRole("button", { name: "Download" }).click();
  await page.getByText("Saved the archive with 2 pictures. 1 of 3 pictures was left out: it is not ready, has failed, or is gone.").waitFor({ timeout: 60_000 });
  assert.match((await saved).suggestedFilename(), /\.zip$/);
}));

test("an archive is there again after a reload, and after the user has closed the notice about its progress", inBrowser(async (visit) => {
  const { page } = visit;
  await selectOriginals(visit, ["a.jpg", "b.jpg"]);
  // The archive stays in preparation until the test ends that.
  let isReady = false;
  let requested;
  await page.route("**/api/downloads/*", (route) => (isReady ? route.continue() : route.fulfill({ json: requested })));
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith("/api/downloads")),
    bar(page).getByRole("button", { name: "Download" }).click(),
  ]);
  requested = await response.json();
  const packing = page.locator(".notice", { hasText: "Packing: 0 of 2 pictures." });
  await packing.waitFor();
  await page.reload();
  await packing.waitFor();
  assert.deepEqual(await violations(page), []);
  await packing.getByRole("button", { name: "Close" }).click();
  await packing.waitFor({ state: "hidden" });
  isReady = true;
  const ready = page.locator(".notice", { hasText: "The archive with 2 pictures is ready." });
  await ready.waitFor({ timeout: 60_000 });
  const save = async (button) => {
    const [saved] = await Promise.all([page.waitForEvent("download"), button.click()]);
    assert.match(saved.suggestedFilename(), /\.zip$/);
  };
  await page.reload();
  await save(ready.getByRole("link", { name: "Save" }));
  // A browser may fail to save it.
  const notice = page.locator(".notice", { hasText: "Saved the archive with 2 pictures." });
  await save(notice.getByRole("link", { name: "Save again" }));
  assert.equal(await remembered(page), null);
  await page.reload();
  await page.locator(".tile.ready img.loaded").nth(1).waitFor();
  assert.equal(await ready.count(), 0);
}));

test("a user searches by the beginnings of words and by date, and orders by file name", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, ["Beach walk.jpg", "beach sunset.jpg", "Alps.jpg"]);
  const names = () => page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  await page.getByLabel("Order").selectOption({ label: "File name, A to Z" });
  await page.waitForFunction(() => document.querySelector(".tile a")?.getAttribute("title") === "Alps.jpg");
  assert.deepEqual(await names(), ["Alps.jpg", "beach sunset.jpg", "Beach walk.jpg"]);
  const search = page.getByRole("searchbox", { name: "Search your photos" });
  await search.fill("bea sun");
  await search.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".tile a").length === 1);
  assert.deepEqual(await names(), ["beach sunset.jpg"]);
  assert.deepEqual(await violations(page), []);
  await page.getByRole("searchbox").fill("nowhere");
  await page.getByRole("searchbox").press("Enter");
  await page.getByText("No picture matches.").waitFor();
  await page.getByRole("button", { name: "Clear the search" }).click();
  await page.locator(".tile").nth(2).waitFor();
  const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
  await page.getByText("Dates", { exact: true }).click();
  await page.getByLabel("Taken from").fill(tomorrow);
  await page.getByLabel("Taken until").fill("2026-01-01");
  await page.locator(".popover-body").getByRole("button", { name: "Show" }).click();
  await page.getByText("This day is before the first one.").waitFor();
  await page.getByLabel("Taken until").fill("");
  await page.locator(".popover-body").getByRole("button", { name: "Show" }).click();
  await page.getByText("No picture matches.").waitFor();
}));

for (const [screen, options] of /** @type {[string, object][]} */ ([["a desktop", {}], ["a phone", PHONE]])) {
  test(`a set is made of existing pictures, which change places and leave it again, on ${screen}`, inBrowser(async (visit) => {
    const { page } = visit;
    const bearer = await withPictures(visit, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
    for (const name of ["b.jpg", "a.jpg"]) await page.getByRole("checkbox", { name: `Select ${name}` }).click();
    await bar(page).getByRole("button", { name: "Make a set" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Title").fill("By the sea");
    await dialog.getByRole("button", { name: "Create" }).click();
    await page.getByRole("link", { name: "First picture: b.jpg" }).waitFor();
    await page.getByRole("link", { name: "Second picture: a.jpg" }).waitFor();
    await page.getByRole("button", { name: "Pick from your photos: third picture" }).click();
    await dialog.getByRole("button", { name: "c.jpg" }).waitFor();
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "c.jpg" }).click();
    await page.getByRole("link", { name: "Third picture: c.jpg" }).waitFor();
    await page.locator("h1:focus").waitFor();
    const move = page.getByRole("button", { name: "Move b.jpg to the next place" });
    await move.click();
    await page.getByRole("link", { name: "First picture: a.jpg" }).waitFor();
    await page.getByRole("link", { name: "Second picture: b.jpg" }).waitFor();
    // All places were drawn anew. The focus is still on the button.
    assert.ok(await move.evaluate((button) => button === document.activeElement));
    // The arrows follow the new places, and leave out a picture that is not in the set any more.
    await page.getByRole("link", { name: "First picture: a.jpg" }).click();
    await dialog.getByRole("heading", { name: "a.jpg" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Replace c.jpg in this set" }).click();
    await dialog.getByRole("button", { name: "d.jpg" }).click();
    await page.getByRole("link", { name: "Third picture: d.jpg" }).waitFor();
    await page.getByRole("button", { name: "Take d.jpg out of this set" }).click();
    await page.getByText("Took d.jpg out of the set.").waitFor();
    await page.getByRole("button", { name: "Choose the third picture" }).waitFor();
    await page.getByRole("link", { name: "Second picture: b.jpg" }).click();
    await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Next picture" }).isHidden());
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(await stored(bearer), ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
  }, options));
}

test("a picture of a set that cannot be moved or replaced stays in its place, and so do the others", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  allowError(/503/);
  const bearer = await withPictures(visit, ["a.jpg", "b.jpg", "c.jpg"]);
  const { images } = await api("GET", "/api/images", { token: bearer });
  const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: "By the sea" } });
  for (const [slot, name] of [["image1", "a.jpg"], ["image2", "b.jpg"]]) {
    const body = { image_id: images.find((image) => image.file_name === name).id };
    await api("PUT", `/api/imagesets/${id}/images/${slot}`, { token: bearer, body });
  }
  const places = async () => {
    const set = await api("GET", `/api/imagesets/${id}`, { token: bearer });
    return Object.values(set.images).map((image) => image?.file_name ?? null);
  };
  await open(`#/sets/${id}`);
  const changes = "**/api/imagesets/*/images/*";
  const methods = [];
  await page.route(changes, (route) => {
    methods.push(route.request().method());
    return route.fulfill({ status: 503, body: "" });
  });
  await page.getByRole("button", { name: "Move a.jpg to the next place" }).click();
  await page.getByText("The service is busy.").waitFor();
  await page.getByRole("button", { name: "Replace b.jpg in this set" }).click();
  const dialog = page.getByRole("dialog");
  const refused = page.waitForResponse((response) => response.request().method() === "PUT");
  await dialog.getByRole("button", { name: "c.jpg" }).click();
  await refused;
  assert.deepEqual(methods, ["PUT", "PUT"]);
  assert.deepEqual(await places(), ["a.jpg", "b.jpg", null]);
  await page.unroute(changes);
  await dialog.getByRole("button", { name: "c.jpg" }).click();
  await page.getByRole("link", { name: "Second picture: c.jpg" }).waitFor();
  await page.getByRole("button", { name: "Move a.jpg to the next place" }).click();
  await page.getByRole("link", { name: "First picture: c.jpg" }).waitFor();
  assert.deepEqual(await places(), ["c.jpg", "a.jpg", null]);
}));
