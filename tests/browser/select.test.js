// Selecting many pictures, and what can be done with them.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn, storeBroken, storePictures, tile } from "./page.js";
import { api, registerUser, token, until } from "./stack.js";

/** Touches the screen with one finger. @param {import("./browser.js").Visit} visit */
async function finger({ page, context }) {
  const devtools = await context.newCDPSession(page);
  const send = (type, ...touchPoints) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints });
  /** The lower part of a picture. Its checkbox is above. */
  const on = async (name) => {
    const { x, y, width, height } = await tile(page, name).boundingBox();
    return { x: x + width / 2, y: y + height * 0.75 };
  };
  return {
    press: async (name) => send("touchStart", await on(name)),
    moveTo: async (name) => send("touchMove", await on(name)),
    move: (x, y) => send("touchMove", { x, y }),
    release: () => send("touchEnd"),
  };
}

/** Logs in as a new user with ready pictures. Returns the user's token. */
async function withPictures(visit, names) {
  const account = await registerUser();
  const bearer = await token(account);
  await storePictures(bearer, names);
  await logIn(visit, account);
  await visit.page.locator(".tile.ready").nth(names.length - 1).waitFor();
  return bearer;
}

const NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"];
const check = (page, name) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true });
const bar = (page) => page.getByRole("group", { name: "Selected" });
const stored = async (bearer) => (await api("GET", "/api/images", { token: bearer })).images.map((image) => image.file_name).sort();

test("pictures are selected one by one and as a range, and deleted after one question", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withPictures(visit, NAMES);
  // The newest picture is first: f, e, d, c, b, a.
  await tile(page, "e.jpg").hover();
  const before = await tile(page, "e.jpg").boundingBox();
  await check(page, "e.jpg").check();
  await bar(page).getByText("1 selected").waitFor();
  // The bar neither moves nor covers the pictures.
  assert.deepEqual(await tile(page, "e.jpg").boundingBox(), before);
  const { y, height } = await bar(page).boundingBox();
  assert.ok(y + height <= before.y, `the bar ends at ${y + height}, and the pictures begin at ${before.y}`);
  // Once something is selected, a click anywhere on a picture selects it, and with Shift all between.
  await tile(page, "b.jpg").click({ modifiers: ["Shift"] });
  await bar(page).getByText("4 selected").waitFor();
  const makeSet = bar(page).getByRole("button", { name: "Make a set" });
  // A tooltip would never appear on a phone.
  await makeSet.click();
  await page.getByText("A set holds three pictures. Select at most three to make a set.").waitFor();
  await tile(page, "c.jpg").click();
  await bar(page).getByText("3 selected").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.deepEqual(await violations(page), []);
  await bar(page).getByRole("button", { name: "Delete" }).click();
  const question = page.getByRole("dialog", { name: "Move 3 pictures to the trash?" });
  await question.locator("button:focus", { hasText: "Cancel" }).waitFor();
  await question.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Moved 3 pictures to the trash.").waitFor();
  await page.locator('.tile a[title="a.jpg"]:focus').waitFor();
  assert.equal(await page.locator(".tile").count(), 3);
  assert.ok(await bar(page).isHidden());
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator(".tile").nth(5).waitFor();
  const names = await page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  assert.deepEqual(names, [...NAMES].reverse());
  assert.deepEqual(await stored(bearer), NAMES);
}));

test("all pictures are selected and deleted with the keyboard alone", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withPictures(visit, NAMES);
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await bar(page).getByText("3 selected").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await bar(page).isHidden());
  await page.keyboard.press("x");
  await bar(page).getByText("1 selected").waitFor();
  await page.keyboard.press("Control+a");
  await bar(page).getByText("6 selected").waitFor();
  await page.keyboard.press("Delete");
  const question = page.getByRole("dialog", { name: "Move 6 pictures to the trash?" });
  await question.getByRole("button", { name: "Delete" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await until(async () => (await stored(bearer)).length === 0 || undefined, "the deletions");
}));

test("a deletion of many that fails for one picture shows this picture again", inBrowser(async (visit) => {
  const { page } = visit;
  const bearer = await withPictures(visit, ["a.jpg", "b.jpg", "c.jpg"]);
  const { images } = await api("GET", "/api/images", { token: bearer });
  const kept = images.find((image) => image.file_name === "b.jpg").id;
  await page.route("**/api/images/batch", async (route) => {
    const { operations } = route.request().postDataJSON();
    const response = await route.fetch({ postData: { operations: operations.filter(({ id }) => id !== kept) } });
    const { outcomes } = await response.json();
    const failure = { id: kept, problem: { status: 500, code: "internal" } };
    return route.fulfill({ response, json: { outcomes: [...outcomes, failure] } });
  });
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await bar(page).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".notice").getByRole("button", { name: "Close" }).click();
  await page.getByText("Something went wrong on our side.").waitFor();
  await tile(page, "b.jpg").waitFor();
  assert.equal(await page.locator(".tile").count(), 1);
  assert.deepEqual(await stored(bearer), ["b.jpg"]);
}));

test("without originals in the tier, selected pictures are downloaded, each under its own name", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, ["a.jpg", "b.jpg"]);
  const files = [];
  page.on("download", (download) => files.push(download.suggestedFilename()));
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await bar(page).getByText("2 selected").waitFor();
  await bar(page).getByRole("button", { name: "Download" }).click();
  await until(() => files.length === 2 || undefined, "the downloads");
  assert.deepEqual(files.sort(), ["a-200.jpg", "b-200.jpg"]);
}));

test("without originals in the tier, a picture without a file does not stop the download of the others", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  await storePictures(bearer, ["a.jpg"]);
  await storeBroken(bearer, "broken.jpg");
  await storePictures(bearer, ["c.jpg"]);
  await logIn(visit, account);
  await page.locator(".tile.ready").nth(1).waitFor();
  const files = [];
  page.on("download", (download) => files.push(download.suggestedFilename()));
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await bar(page).getByText("3 selected").waitFor();
  await bar(page).getByRole("button", { name: "Download" }).click();
  await page.getByText("1 of 3 pictures was left out: it is not ready, has failed, or is gone.").waitFor();
  await until(() => files.length === 2 || undefined, "the downloads");
  assert.deepEqual(files.sort(), ["a-200.jpg", "c-200.jpg"]);
}));

test("on a phone, the checkboxes are visible, and the bar is at most two lines high", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, ["a.jpg", "b.jpg", "c.jpg"]);
  assert.equal(await check(page, "b.jpg").evaluate((box) => Number(getComputedStyle(box).opacity) > 0.5), true);
  // A finger that misses the box by some pixels hits it.
  await tile(page, "b.jpg").tap({ position: { x: 40, y: 40 } });
  await tile(page, "a.jpg").tap();
  await bar(page).getByText("2 selected").waitFor();
  assert.deepEqual(await violations(page), []);
  const { height } = await bar(page).boundingBox();
  assert.ok(height <= 100, `${height} px high`);
  for (const name of ["Clear the selection", "Select all", "Download", "Make a set", "Delete"]) {
    const box = await bar(page).getByRole("button", { name, exact: true }).boundingBox();
    assert.ok(box.width >= 40 && box.height >= 40, `${name}: ${box.width} x ${box.height}`);
  }
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
  await bar(page).getByRole("button", { name: "Clear the selection" }).tap();
  assert.ok(await bar(page).isHidden());
  await tile(page, "a.jpg").tap();
  await page.getByRole("dialog").getByRole("heading", { name: "a.jpg" }).waitFor();
}, { ...PHONE, viewport: { width: 390, height: 844 } }));

test("on a phone, a long press selects a picture, and does not open it", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, ["a.jpg", "b.jpg"]);
  const { press, release } = await finger(visit);
  await press("a.jpg");
  await bar(page).getByText("1 selected").waitFor();
  await release();
  assert.ok(await check(page, "a.jpg").isChecked());
  assert.equal(await page.getByRole("dialog").count(), 0);
}, PHONE));

test("on a phone, a finger that moves after a long press selects a range, or takes it out of the selection", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, NAMES);
  const { press, moveTo, release } = await finger(visit);
  const selected = () => page.locator(".tile.selected a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  // The newest picture is first: f, e, d, c, b, a.
  await press("e.jpg");
  await bar(page).getByText("1 selected").waitFor();
  for (const name of ["d.jpg", "c.jpg", "a.jpg"]) await moveTo(name);
  await bar(page).getByText("5 selected").waitFor();
  // The finger comes back.
  await moveTo("c.jpg");
  await bar(page).getByText("3 selected").waitFor();
  await release();
  assert.deepEqual(await selected(), ["e.jpg", "d.jpg", "c.jpg"]);
  assert.equal(await page.evaluate(() => scrollY), 0);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await press("d.jpg");
  await bar(page).getByText("2 selected").waitFor();
  for (const name of ["d.jpg", "e.jpg", "f.jpg"]) await moveTo(name);
  await bar(page).getByText("1 selected").waitFor();
  await release();
  assert.deepEqual(await selected(), ["c.jpg"]);
}, PHONE));

test("on a phone, a finger that selects a range scrolls at the bottom and at the top of the screen", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit, Array.from({ length: 30 }, (_, index) => `${index}.jpg`));
  const { press, move, release } = await finger(visit);
  await press("28.jpg");
  await bar(page).getByText("1 selected").waitFor();
  // In the last column.
  await move(350, 500);
  await move(350, 800);
  await bar(page).getByText("29 selected").waitFor();
  assert.ok(await page.evaluate(() => scrollY) > 100);
  await move(350, 60);
  await page.waitForFunction(() => scrollY === 0);
  await bar(page).getByText("2 selected").waitFor();
  await release();
  assert.equal(await page.getByRole("dialog").count(), 0);
}, { ...PHONE, viewport: { width: 390, height: 844 } }));

test("a button beside each day selects its pictures, and a second press takes them out of the selection", inBrowser(async (visit) => {
  const { page, open } = visit;
  await withPictures(visit, NAMES.slice(0, 3));
  await open("#/?group=day");
  const day = await page.evaluate(() => new Intl.DateTimeFormat("en", { dateStyle: "full" }).format(new Date()));
  await page.getByRole("button", { name: `Select all of ${day}` }).click();
  await bar(page).getByText("3 selected").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: `Select none of ${day}` }).click();
  assert.ok(await bar(page).isHidden());
  // The keyboard has a key for this.
  await page.locator(".tile a").nth(1).focus();
  await page.keyboard.press("g");
  await bar(page).getByText("3 selected").waitFor();
  await page.keyboard.press("Space");
  await bar(page).getByText("2 selected").waitFor();
  await page.getByRole("button", { name: `Select all of ${day}` }).waitFor();
}));
