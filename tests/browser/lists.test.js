// Lists of pictures: places that are kept, tabs that agree, sets, and what a tile shows.

import assert from "node:assert/strict";
import test from "node:test";
import { PHONE, inBrowser, violations } from "./browser.js";
import { logIn, showsWholeText, storePictures, tile, upload } from "./page.js";
import { photo } from "./photos.js";
import { api, mailedCodes, moveToTier, registerUser, token } from "./stack.js";

test("a list is where the user left it, after another view, the browser's Back and the large view", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await storePictures(await token(account), Array.from({ length: 18 }, (_, index) => `${index}.jpg`));
  await page.setViewportSize({ width: 500, height: 500 });
  await logIn(visit, account);
  await page.locator(".tile.ready").nth(8).waitFor();
  // The large view leads to a picture that the list did not show before.
  await tile(page, "17.jpg").getByRole("link").click();
  for (let index = 16; index >= 2; index--) {
    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog").getByRole("heading", { name: `${index}.jpg`, exact: true }).waitFor();
  }
  await page.keyboard.press("Escape");
  await page.locator('.tile a[title="2.jpg"]:focus').waitFor();
  const { y, height } = await tile(page, "2.jpg").boundingBox();
  assert.ok(y > 0 && y + height < 500, `${height} px high at ${y}`);
  await page.evaluate(() => scrollTo(0, 350));
  for (const leave of [() => page.getByRole("link", { name: "Photos" }).click(), () => page.goBack()]) {
    const before = await page.evaluate(() => scrollY);
    assert.ok(before > 200, `${before}`);
    await page.getByRole("link", { name: "Sets" }).click();
    await page.getByRole("heading", { name: "Image sets" }).waitFor();
    await leave();
    await page.getByRole("heading", { name: "Photos" }).waitFor();
    assert.equal(await page.evaluate(() => scrollY), before);
  }
  // The list of a state is loaded again.
  const listed = page.waitForResponse((response) => response.url().includes("status=ready"));
  await page.getByLabel("Show", { exact: true }).selectOption({ label: "Ready" });
  await listed;
  await page.locator(".tile.ready").nth(8).waitFor();
  await page.evaluate(() => scrollTo(0, 350));
  const before = await page.evaluate(() => scrollY);
  await page.getByRole("link", { name: "Sets" }).click();
  await page.getByRole("heading", { name: "Image sets" }).waitFor();
  await page.goBack();
  await page.waitForFunction((before) => before > 200 && scrollY === before, before);
}));

test("a tab that gets the focus shows what another device has uploaded and deleted", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const [id] = await storePictures(bearer, ["old.jpg"]);
  await logIn(visit, account);
  await tile(page, "old.jpg").waitFor();
  await storePictures(bearer, ["new.jpg"]);
  await api("DELETE", `/api/images/${id}`, { token: bearer });
  // Headless Chromium has no hidden tabs.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await tile(page, "new.jpg").waitFor();
  await tile(page, "old.jpg").waitFor({ state: "detached" });
  // A window beside another one was never hidden. The list may also be one of some pictures.
  await page.getByLabel("Show", { exact: true }).selectOption({ label: "Ready" });
  await tile(page, "new.jpg").waitFor();
  await storePictures(bearer, ["newest.jpg"]);
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await tile(page, "newest.jpg").waitFor();
}));

test("an address groups pictures by the month or day of their upload", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await storePictures(await token(account), ["a.jpg", "b.jpg"]);
  await logIn(visit, account);
  await open("#/?group=month");
  const month = await page.evaluate(() => new Intl.DateTimeFormat("en", { month: "long", year: "numeric" }).format(new Date()));
  await page.getByRole("list", { name: month }).getByRole("link", { name: "a.jpg" }).waitFor();
  await open("#/?group=day");
  const day = await page.evaluate(() => new Intl.DateTimeFormat("en", { dateStyle: "full" }).format(new Date()));
  await page.getByRole("heading", { name: day }).waitFor();
}));

test("the focus is visible on a picture and on a set, and a failed picture shows its file name", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await api("POST", "/api/imagesets", { token: await token(account), body: { title: "By the sea" } });
  await logIn(visit, account);
  await upload(page, [{ name: "good.jpg", buffer: await photo({ width: 200, height: 150 }) }, { name: "broken.jpg", buffer: Buffer.from("nothing") }]);
  await page.locator(".tile.failed").getByText("broken.jpg").waitFor({ timeout: 60_000 });
  await tile(page, "good.jpg").locator("img.loaded").waitFor({ timeout: 60_000 });
  await page.locator(".tile.failed a").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowRight");
  const ring = () => page.evaluate(() => {
    const { position, zIndex, borderTopWidth } = getComputedStyle(document.activeElement, "::after");
    return { position, zIndex, borderTopWidth };
  });
  assert.deepEqual(await ring(), { position: "absolute", zIndex: "1", borderTopWidth: "3px" });
  await open("#/sets");
  await page.getByRole("link", { name: /By the sea/ }).waitFor();
  await page.getByRole("button", { name: "New set" }).focus();
  await page.keyboard.press("Tab");
  assert.deepEqual(await ring(), { position: "absolute", zIndex: "1", borderTopWidth: "3px" });
}));

const ORDER = "#/?sort=file_name&order=asc";

test("after a reload, the large view has the same neighbours as before, and leads back to the same list", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await storePictures(await token(account), ["beach 3.jpg", "alps.jpg", "beach 1.jpg", "beach 2.jpg"]);
  await logIn(visit, account);
  const dialog = page.getByRole("dialog", { name: "Picture" });
  const shows = (name) => dialog.getByRole("heading", { name }).waitFor();
  const names = () => page.locator(".tile a").evaluateAll((links) => links.map((link) => link.getAttribute("title")));
  for (const [address, next] of [[ORDER, "beach 3.jpg"], [`${ORDER}&q=beach`, "beach 3.jpg"], ["#/?q=beach", "beach 1.jpg"], ["#/?group=day", "beach 1.jpg"]]) {
    await open(address);
    await tile(page, "beach 3.jpg").waitFor();
    const before = await names();
    const heading = await page.locator(".group-heading").allTextContents();
    await tile(page, "beach 2.jpg").getByRole("link").click();
    await shows("beach 2.jpg");
    await page.reload();
    await shows("beach 2.jpg");
    await dialog.getByRole("button", { name: "Next picture" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await shows(next);
    await page.keyboard.press("Escape");
    await page.locator(`.tile a[title="${next}"]:focus`).waitFor();
    assert.deepEqual(await names(), before, address);
    assert.deepEqual(await page.locator(".group-heading").allTextContents(), heading, address);
    // The address of the list, whatever the order of its parameters.
    const parameters = (url) => [...new URLSearchParams(url.split("?")[1])].sort();
    assert.deepEqual(parameters(page.url()), parameters(address));
  }
}));

test("the address of a picture opens it with its list in another tab, and alone if its list is gone", inBrowser(async (visit) => {
  const { page, open, context, allowError } = visit;
  allowError(/404/);
  const id = await openFirstOfSet(visit);
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("heading", { name: "first.jpg" }).waitFor();
  const url = page.url();
  await page.reload();
  await dialog.getByRole("heading", { name: "first.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "By the sea" }).waitFor();
  assert.match(page.url(), new RegExp(`#/sets/${id}$`));

  const tab = await context.newPage();
  await tab.goto(url);
  const there = tab.getByRole("dialog", { name: "Picture" });
  await there.getByRole("heading", { name: "first.jpg" }).waitFor();
  await tab.keyboard.press("ArrowRight");
  await there.getByRole("heading", { name: "second.jpg" }).waitFor();
  await tab.close();

  await page.goto("about:blank");
  await open(url.slice(url.indexOf("#")).replace(id, "01JZ0000000000000000000000"));
  await dialog.getByRole("heading", { name: "first.jpg" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Photos" }).waitFor();
}));

test("the page opens in the order that was chosen last, unless the address has another one", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  await storePictures(await token(account), ["b.jpg", "a.jpg", "c.jpg"]);
  await logIn(visit, account);
  const first = (name) => page.waitForFunction((name) => document.querySelector(".tile a")?.getAttribute("title") === name, name);
  await first("c.jpg");
  await page.getByLabel("Order").selectOption({ label: "File name, A to Z" });
  await first("a.jpg");
  // The browser's Back leads to the order of before, although the other one is remembered.
  await page.goBack();
  await first("c.jpg");
  await page.getByRole("link", { name: "Sets" }).click();
  await page.getByRole("heading", { name: "Image sets" }).waitFor();
  await page.getByRole("link", { name: "Photos" }).click();
  await first("a.jpg");

  await page.goto("about:blank");
  const lists = [];
  page.on("request", (request) => request.url().includes("/api/images?") && lists.push(request.url()));
  await open();
  await first("a.jpg");
  await page.waitForLoadState("networkidle");
  assert.equal(await page.getByLabel("Order").inputValue(), "file_name asc");
  // early.js has asked for the same list.
  assert.equal(lists.length, 1, lists.join(" "));
  await open("#/?sort=created_at");
  await first("c.jpg");

  await page.getByLabel("Group by").selectOption({ label: "By day" });
  await page.locator(".group-heading").waitFor();
  await page.goto("about:blank");
  await open();
  await page.locator(".group-heading").waitFor();
  assert.equal(await page.getByLabel("Group by").inputValue(), "day");
}));

/** Creates a set with a picture in the first and in the second place. */
async function setWithPictures(bearer) {
  const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title: "By the sea" } });
  for (const [image_type, file_name] of [["image1", "first.jpg"], ["image2", "second.jpg"]]) {
    const buffer = await photo({ width: 200, height: 150, label: file_name });
    const body = { image_type, file_name, content_type: "image/jpeg", size: buffer.length };
    const { upload } = await api("POST", `/api/imagesets/${id}/images`, { token: bearer, body });
    await fetch(upload.url, { method: upload.method, headers: upload.headers, body: new Uint8Array(buffer) });
  }
  return id;
}

/** Opens the first of two pictures of a new user's set in the large view. Returns the set's id. */
async function openFirstOfSet(visit) {
  const account = await registerUser();
  const id = await setWithPictures(await token(account));
  await logIn(visit, account);
  await visit.open(`#/sets/${id}`);
  await visit.page.getByRole("link", { name: "First picture: first.jpg" }).click();
  return id;
}

test("in a set, the arrows follow the order of the places", inBrowser(async (visit) => {
  const { page } = visit;
  await openFirstOfSet(visit);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "first.jpg" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await dialog.getByRole("heading", { name: "second.jpg" }).waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Next picture" }).isHidden());
}));

test("links and the browser's Back do not lose typed text without a question", inBrowser(async (visit) => {
  const { page } = visit;
  const id = await openFirstOfSet(visit);
  const dialog = page.getByRole("dialog", { name: "Picture" });
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Title").fill("Half a thought");
  for (const leave of [() => dialog.getByRole("link", { name: "Open the set" }).click(), () => page.goBack()]) {
    await leave();
    await question.getByRole("button", { name: "Cancel" }).click();
    await question.waitFor({ state: "detached" });
    assert.equal(await dialog.getByLabel("Title").inputValue(), "Half a thought");
  }
  await page.goBack();
  await question.getByRole("button", { name: "Discard" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "By the sea" }).waitFor();
  assert.match(page.url(), new RegExp(`#/sets/${id}$`));
}));

test("a view that arrives late does not close a dialog with typed text without a question", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const { id } = await api("POST", "/api/imagesets", { token: await token(account), body: { title: "By the sea" } });
  await logIn(visit, account);
  await open("#/sets");
  let arrives;
  const held = new Promise((resolve) => {
    arrives = resolve;
  });
  await page.route(`**/api/imagesets/${id}`, async (route) => {
    await held;
    return route.continue();
  });
  await page.getByRole("link", { name: /By the sea/ }).click();
  await page.getByRole("button", { name: "New set" }).click();
  const dialog = page.getByRole("dialog", { name: "New set" });
  await dialog.getByLabel("Title").fill("Half a thought");
  arrives();
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await page.waitForURL(/#\/sets$/);
  assert.equal(await dialog.getByLabel("Title").inputValue(), "Half a thought");
}));

test("a picture that was deleted in a set is not there when the set is opened again, and Undo brings it back", inBrowser(async (visit) => {
  const { page } = visit;
  await openFirstOfSet(visit);
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Moved first.jpg to the trash.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Image sets" }).click();
  await page.getByText("1 of 3 pictures").waitFor();
  await page.getByRole("link", { name: /By the sea/ }).click();
  await page.getByRole("button", { name: "Choose the first picture" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("link", { name: "First picture: first.jpg" }).waitFor();
}));

test("a view that could not be loaded appears when the network is back, and one that is gone offers no second try", inBrowser(async (visit) => {
  const { page, open, context, allowError } = visit;
  allowError(/ERR_INTERNET_DISCONNECTED|404/);
  await logIn(visit, await registerUser());
  await context.setOffline(true);
  await page.getByRole("link", { name: "Sets" }).click();
  await page.getByRole("heading", { name: "The service cannot be reached." }).waitFor();
  await context.setOffline(false);
  await page.getByRole("heading", { name: "No sets yet" }).waitFor();
  await open("#/sets/01JZ0000000000000000000000");
  await page.getByRole("heading", { name: "This does not exist any more." }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
  await page.getByRole("link", { name: "Go to your photos" }).click();
  await page.getByRole("heading", { name: "No pictures yet" }).waitFor();
}));

test("at 320 pixels, no tab breaks inside a word, and each choice shows its text", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  const tabs = await page.locator(".top nav a span").evaluateAll((spans) => spans.map((span) => ({
    lines: Math.round(span.getBoundingClientRect().height / Number.parseFloat(getComputedStyle(span).lineHeight)),
    fits: span.scrollWidth <= span.parentElement.clientWidth,
  })));
  for (const tab of tabs) assert.deepEqual(tab, { lines: 1, fits: true });
  for (const select of await page.locator(".choices select").all()) await showsWholeText(select);
  await showsWholeText(page.getByRole("searchbox"));
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
}, { viewport: { width: 320, height: 640 } }));

test("at 1280 pixels, each choice shows its text, also for a user with the options for AI", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  await page.locator(".popover summary").filter({ hasText: "Options" }).waitFor();
  for (const name of ["Show", "Order", "Group by"]) {
    const select = page.getByLabel(name, { exact: true });
    await showsWholeText(select);
    const { x, width } = await select.boundingBox();
    assert.ok(x + width <= 1280, `${name} ends at ${x + width}`);
  }
  await showsWholeText(page.getByRole("searchbox"));
  // The button stays beside the heading.
  const { y, height } = await page.getByRole("heading", { name: "Photos" }).boundingBox();
  assert.ok((await page.getByRole("button", { name: "Upload", exact: true }).boundingBox()).y < y + height);
}, { viewport: { width: 1280, height: 720 } }));

test("on a phone, the first picture is near the top, and the choices are in one line, which scrolls", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await storePictures(await token(account), ["a.jpg", "b.jpg"]);
  await logIn(visit, account);
  await tile(page, "a.jpg").waitFor();
  const { y } = await tile(page, "b.jpg").boundingBox();
  assert.ok(y < 0.3 * 844, `the first picture begins at ${y}`);
  const choices = page.locator(".choices select");
  assert.equal(await choices.count(), 3);
  const places = await choices.evaluateAll((selects) => selects.map((select) => select.getBoundingClientRect().top));
  assert.equal(new Set(places).size, 1, places.join(" "));
  const group = page.getByLabel("Group by");
  await group.focus();
  await group.selectOption({ label: "By month" });
  await page.locator(".group-heading").first().waitFor();
  // The line of the new view has scrolled to the choice, which still has the focus.
  await page.locator('select[aria-label="Group by"]:focus').waitFor();
  const box = await group.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 390, `${box.width} px at ${box.x}`);
  assert.deepEqual(await violations(page), []);
  const [width, available] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= available, `${width} px wide on ${available}`);
}, { ...PHONE, viewport: { width: 390, height: 844 } }));

test("the boxes with dates and options are on the screen, however wide it is", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  await logIn(visit, account);
  for (const name of ["Dates", "Options"]) {
    const button = page.locator(".popover summary").filter({ hasText: name });
    await button.click();
    for (const width of [390, 600, 760, 1300]) {
      await page.setViewportSize({ width, height: 844 });
      const box = await page.locator(".popover[open] .popover-body").boundingBox();
      const { y, height } = await button.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= width, `${name}: ${box.width} at ${box.x} of ${width}`);
      assert.ok(box.y >= y + height && box.y < y + height + 20, `${name}: ${box.y} below ${y}, ${width} wide`);
    }
    // A click outside of the box closes it, and so does the Escape key.
    await page.getByRole("heading", { name: "Photos" }).click();
    await page.locator(".popover[open]").waitFor({ state: "detached" });
    await button.click();
    await page.locator(".popover[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".popover[open]").waitFor({ state: "detached" });
    assert.ok(await button.evaluate((element) => element === document.activeElement));
  }
}));

test("the phone view lists the numbers used, and an invalid number offers no upload", inBrowser(async (visit) => {
  const { page, open, allowError } = visit;
  allowError(/400|404/);
  const account = await registerUser();
  const bearer = await token(account);
  const files = [{ file_name: "a.jpg", content_type: "image/jpeg", size: 1000 }];
  await api("POST", "/api/phones/+4930901820/images", { token: bearer, body: { files } });
  await logIn(visit, account);
  await open("#/phone");
  await page.getByRole("link", { name: "+4930901820" }).click();
  await page.getByRole("button", { name: "Choose pictures for +4930901820" }).waitFor();
  await open("#/phone/12");
  await page.getByRole("alert").getByText("This phone number is not valid.").waitFor();
  assert.ok(await page.getByRole("button", { name: "Choose pictures for 12" }).isHidden());
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["picture"], "pasted.jpg", { type: "image/jpeg" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  });
  await page.locator(".notice").getByText("This phone number is not valid.").waitFor();
  assert.equal(await page.locator(".tray-row").count(), 0);
}));

test("the key Enter sends the code for a forgotten password", inBrowser(async ({ page, open }) => {
  const account = await registerUser();
  await open("#/forgot");
  await page.getByLabel("User name").fill(account.username);
  await page.keyboard.press("Enter");
  await page.getByLabel("Code from the e-mail").waitFor();
  // The first code confirmed the account.
  assert.equal((await mailedCodes(account.email, 2)).length, 2);
}));
