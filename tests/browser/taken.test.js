// The order by the time taken, and what a camera wrote into a picture.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { clearUploads, logIn, tile, upload, waitForThumbnail, waitForUploads } from "./page.js";
import { photo } from "./photos.js";
import { moveToTier, registerUser } from "./stack.js";

/** The names and times of the pictures. The last one has no time. */
const PICTURES = [
  ["may morning.jpg", "2019:05:01 08:00:00"], ["april.jpg", "2019:04:30 23:59:59"], ["may evening.jpg", "2019:05:01 20:00:00"],
  ["may later.jpg", "2019:05:02 08:00:00"], ["today.jpg", ""],
];

/** Uploads the pictures of a new user. */
async function withPictures(visit) {
  await logIn(visit, await registerUser());
  const files = await Promise.all(PICTURES.map(async ([name, takenAt]) => ({ name, buffer: await photo({ width: 200, height: 150, takenAt, label: name }) })));
  await upload(visit.page, files);
  await waitForUploads(visit.page, files.length);
  await clearUploads(visit.page);
  for (const { name } of files) await waitForThumbnail(tile(visit.page, name));
}

/** What the grid shows: each heading with the names of the pictures below it. */
const shown = (page) => page.locator(".grid").evaluate((grid) => [...grid.children].map((element) =>
  element.querySelector("h2")?.textContent ?? [...element.querySelectorAll("a")].map((link) => link.getAttribute("title")).join(", ")));

/** Waits until the grid shows this. */
async function shows(page, expected) {
  await page.waitForFunction((count) => document.querySelectorAll(".tile a").length === count, PICTURES.length);
  assert.deepEqual(await shown(page), expected);
}

const thisMonth = () => new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date());

test("pictures are ordered by the time taken, and grouped by month or day", inBrowser(async (visit) => {
  const { page } = visit;
  await withPictures(visit);
  const hint = page.getByText("Pictures without a date taken are grouped by the time of their upload.");
  assert.ok(await hint.isHidden());
  // As the form of the page, this works with the keyboard alone.
  // The groups bring their order with them.
  await page.getByLabel("Group by").selectOption({ label: "By month" });
  await page.getByRole("heading", { name: "May 2019" }).waitFor();
  assert.equal(await page.getByLabel("Order").inputValue(), "taken_at desc");
  await shows(page, [thisMonth(), "today.jpg", "May 2019", "may later.jpg, may evening.jpg, may morning.jpg", "April 2019", "april.jpg"]);
  assert.deepEqual(await violations(page), []);
  const may = page.getByRole("list", { name: "May 2019" });
  assert.equal(await may.getByRole("listitem").count(), 3);
  assert.deepEqual(await may.locator(".tile").nth(1).evaluate((item) => [item.getAttribute("aria-posinset"), item.getAttribute("aria-setsize")]), ["2", "3"]);

  await page.getByLabel("Group by").selectOption({ label: "By day" });
  await page.getByRole("heading", { name: "Wednesday, May 1, 2019" }).waitFor();
  await hint.waitFor();
  const groups = await shown(page);
  assert.deepEqual(groups.slice(2), ["Thursday, May 2, 2019", "may later.jpg", "Wednesday, May 1, 2019", "may evening.jpg, may morning.jpg", "Tuesday, April 30, 2019", "april.jpg"]);

  await page.getByLabel("Order").selectOption({ label: "Date taken, oldest first" });
  await page.waitForFunction(() => document.querySelector(".grid h2")?.textContent === "Tuesday, April 30, 2019");
  assert.equal((await shown(page)).at(-1), "today.jpg");
  // The address keeps the order.
  await page.reload();
  await page.getByRole("heading", { name: "Tuesday, April 30, 2019" }).waitFor();
  await page.getByLabel("Group by").selectOption({ label: "No groups" });
  await hint.waitFor({ state: "hidden" });
  await shows(page, ["april.jpg, may morning.jpg, may evening.jpg, may later.jpg, today.jpg"]);
  await page.getByLabel("Show", { exact: true }).selectOption({ label: "Ready" });
  await shows(page, ["april.jpg, may morning.jpg, may evening.jpg, may later.jpg, today.jpg"]);
}));

test("arrow keys move from group to group, and a deleted picture leaves its group", inBrowser(async (visit) => {
  const { page, open } = visit;
  await withPictures(visit);
  await open("#/?sort=taken_at");
  await page.getByRole("heading", { name: "May 2019" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("title"));
  await page.locator(".tile a").first().focus();
  for (const [key, name] of [["ArrowDown", "may later.jpg"], ["ArrowRight", "may evening.jpg"], ["ArrowDown", "april.jpg"], ["ArrowUp", "may later.jpg"], ["End", "april.jpg"]]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), name, key);
  }
  await page.keyboard.press("Delete");
  await page.getByRole("heading", { name: "April 2019" }).waitFor({ state: "detached" });
  assert.equal(await focused(), "may morning.jpg");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "April 2019" }).waitFor();
}));

test("a new picture appears in its group when it is ready", inBrowser(async (visit) => {
  const { page, open } = visit;
  await withPictures(visit);
  await open("#/?sort=taken_at");
  await page.getByRole("heading", { name: "May 2019" }).waitFor();
  await upload(page, [{ name: "new.jpg", buffer: await photo({ width: 200, height: 150, takenAt: "2019:05:01 12:00:00" }) }]);
  await waitForUploads(page, 1);
  await page.getByRole("list", { name: "May 2019" }).getByRole("link", { name: "new.jpg" }).waitFor();
  const groups = await shown(page);
  assert.equal(groups[3], "may later.jpg, may evening.jpg, new.jpg, may morning.jpg");
}));

for (const [screen, options] of /** @type {[string, object][]} */ ([["a desktop", {}], ["a phone in dark mode", { ...PHONE, colorScheme: "dark" }]])) {
  test(`the panel shows what the camera wrote, on ${screen}`, inBrowser(async (visit) => {
    const { page } = visit;
    await logIn(visit, await registerUser());
    await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300, takenAt: "2019:05:01 08:00:00" }) }]);
    await waitForUploads(page, 1);
    await clearUploads(page);
    await tile(page, "a.jpg").getByRole("link").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("iPhone").first().waitFor();
    const facts = await dialog.locator(".facts").evaluate((list) => Object.fromEntries([...list.querySelectorAll("dt")].map((term) =>
      [term.textContent, term.nextElementSibling.textContent.replace(/\u202f/g, " ")])));
    const { Taken, Camera, Lens, Aperture, Sensitivity, Place } = facts;
    assert.deepEqual({ Taken, Camera, Lens, Aperture, Sensitivity, Place }, {
      Taken: "May 1, 2019, 8:00 AM (UTC+10:00)",
      Camera: "Apple iPhone 15 Pro",
      Lens: "back camera 6.765mm f/1.78",
      Aperture: "f/1.8",
      Sensitivity: "ISO 64",
      Place: "33.85986° S, 151.21111° EOnly you can see the place.",
    });
    assert.deepEqual([facts["Exposure time"], facts["Focal length"]], ["1/250 s", "6.8 mm"]);
    // Nothing leads to a map, whose provider would learn the place.
    assert.equal(await dialog.locator(".facts a").count(), 0);
    assert.deepEqual(await violations(page), []);
    const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(width <= available, `${width} px wide on ${available}`);
  }, options));
}

test("the facts about a picture are in sight, above its sizes and above sharing", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  await upload(page, [{ name: "a.jpg", buffer: await photo({ width: 400, height: 300, takenAt: "2019:05:01 08:00:00" }) }]);
  await waitForUploads(page, 1);
  await clearUploads(page);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  const share = dialog.getByRole("heading", { name: "Share", exact: true });
  await share.waitFor();
  const tops = [];
  for (const place of [dialog.getByText("Title and description"), dialog.locator(".facts"), dialog.getByRole("heading", { name: "Sizes and links" }), share]) {
    tops.push((await place.boundingBox()).y);
  }
  assert.deepEqual(tops, tops.toSorted((one, other) => one - other));
  const { y, height } = await dialog.locator(".facts").boundingBox();
  assert.ok(y + height < 900, `the facts end at ${y + height}`);
  // Only a narrow screen needs a button that shows the panel.
  assert.equal(await dialog.getByRole("button", { name: "Info" }).count(), 0);
}, { viewport: { width: 1350, height: 900 } }));
