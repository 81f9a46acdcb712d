// The large view: which size it shows, zoom, full screen, swiping, downloads, and typed text.

import assert from "node:assert/strict";
import test from "node:test";
import { devices } from "playwright-core";
import { PHONE, inBrowser, violations } from "./browser.js";
import { derivedUrl, enterLogin, letPass, logIn, storePictures, tile, uploadsUrl, waitForThumbnail } from "./page.js";
import { photo } from "./photos.js";
import { api, moveToTier, outputs, registerUser, token, until } from "./stack.js";

/** Logs in as a new user with ready pictures, and opens the first of them. */
async function opened(visit, { names = ["a.jpg"], tier = "", width = 1600, height = 1200 } = {}) {
  const account = await registerUser();
  if (tier) await moveToTier(account, tier);
  await storePictures(await token(account), names, { width, height });
  await logIn(visit, account);
  const { page } = visit;
  await tile(page, names[0]).getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("heading", { name: names[0] }).waitFor();
  await dialog.locator(".stage img.own-size.loaded").waitFor();
  return { account, dialog, stage: dialog.locator(".stage") };
}

const scale = (stage) => stage.locator(".frame").evaluate((frame) => new DOMMatrix(getComputedStyle(frame).transform).a);

test("a small thumbnail is shown at its own size over the placeholder, and no bars are beside the picture", inBrowser(async (visit) => {
  const { page } = visit;
  const { stage } = await opened(visit);
  const found = await stage.evaluate((stage) => {
    /** @type {HTMLImageElement} */
    const image = stage.querySelector("img.own-size");
    return { fit: getComputedStyle(image).objectFit, natural: image.naturalWidth, frame: stage.querySelector(".frame").clientWidth };
  });
  assert.equal(found.fit, "scale-down");
  assert.ok(found.natural < found.frame, JSON.stringify(found));
  for (const [width, height] of [[768, 1024], [844, 390], [640, 400], [1280, 800]]) {
    await page.setViewportSize({ width, height });
    const box = await stage.locator(".frame").boundingBox();
    assert.ok(Math.abs(box.width / box.height - 4 / 3) < 0.02, `${width}x${height}: ${box.width} x ${box.height}`);
    const area = await stage.boundingBox();
    assert.ok(box.width <= area.width + 1 && box.height <= area.height + 1, `${width}x${height}`);
  }
}));

test("on a phone in landscape, the picture fills the height, and the icons of its buttons differ", inBrowser(async (visit) => {
  const { dialog, stage } = await opened(visit, { names: ["a.jpg", "b.jpg"] });
  const { height } = await stage.locator(".frame").boundingBox();
  assert.ok(height > 300, `${height} px`);
  const shape = (name) => dialog.getByRole("button", { name }).locator("path").getAttribute("d");
  assert.notEqual(await shape("Back to the list"), await shape("Previous picture"));
}, devices["Pixel 7 landscape"]));

for (const [how, options] of /** @type {[string, object][]} */ ([
  ["upright", { ...PHONE, viewport: { width: 390, height: 844 } }], ["on its side", devices["Pixel 7 landscape"]],
])) {
  test(`on a phone that is ${how}, the picture has the screen, and the button Info leads to the panel and back`, inBrowser(async (visit) => {
    const { page } = visit;
    const { dialog, stage } = await opened(visit, { names: ["a.jpg", "b.jpg"] });
    const { width, height } = page.viewportSize();
    const area = await stage.boundingBox();
    assert.equal(area.width, width);
    assert.ok(area.height > height * 0.8, `${area.height} of ${height} px`);
    // The name and the buttons are below the picture, and what follows is below the screen.
    const info = dialog.getByRole("button", { name: "Info" });
    for (const place of [dialog.getByRole("heading", { name: "a.jpg" }), info, dialog.getByRole("button", { name: "Delete", exact: true })]) {
      const box = await place.boundingBox();
      assert.ok(box.y >= area.height && box.y + box.height <= height, `${box.height} px at ${box.y}`);
    }
    const facts = dialog.locator(".facts");
    assert.ok((await facts.boundingBox()).y > height);
    /** Waits until the button says whether the panel is shown, and the view has scrolled there. */
    const shows = (isPanel) => until(async () => {
      if (await info.getAttribute("aria-expanded") !== String(isPanel)) return undefined;
      const { y } = await facts.boundingBox();
      return (isPanel ? y < height / 2 : y > height) || undefined;
    }, isPanel ? "the panel" : "the picture");
    await shows(false);
    await info.tap();
    await shows(true);
    assert.deepEqual(await violations(page), []);
    await info.tap();
    await shows(false);
    // The keyboard stays on the button.
    await info.focus();
    await page.keyboard.press("Enter");
    await shows(true);
    assert.ok(await info.evaluate((button) => button === document.activeElement));
    // The next picture is in sight again.
    await page.keyboard.press("ArrowLeft");
    await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
    await shows(false);
  }, options));
}

test("the wheel, clicks, keys and buttons zoom the picture, and the mouse moves it", inBrowser(async (visit) => {
  const { page } = visit;
  const { dialog, stage } = await opened(visit, { tier: "enterprise" });
  const { x, y, width, height } = await stage.boundingBox();
  const middle = { x: x + width / 2, y: y + height / 2 };
  await page.mouse.click(middle.x, middle.y);
  assert.ok(await scale(stage) > 2);
  const left = () => stage.locator(".frame").evaluate((frame) => frame.getBoundingClientRect().left);
  const before = await left();
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  await page.mouse.move(middle.x + 80, middle.y + 10, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs(await left() - before - 80) < 2, `${before} ${await left()}`);
  // A second click within 300 ms would be a double click, which counts as one.
  await page.waitForTimeout(400);
  await page.mouse.click(middle.x, middle.y);
  assert.equal(await scale(stage), 1);
  await page.mouse.wheel(0, -300);
  assert.ok(await scale(stage) > 1.5);
  await page.keyboard.press("0");
  assert.equal(await scale(stage), 1);
  for (const [key, wanted] of [["+", 1.5], ["-", 1], ["z", 2.5], ["z", 1]]) {
    await page.keyboard.press(String(key));
    assert.ok(Math.abs(await scale(stage) - Number(wanted)) < 0.01, `${key}: ${await scale(stage)}`);
  }
  await dialog.getByRole("button", { name: "Zoom" }).click();
  assert.equal(await dialog.getByRole("button", { name: "Zoom" }).getAttribute("aria-pressed"), "true");
  // Zoomed in, the page shows the original, which has more pixels than any thumbnail.
  await page.keyboard.press("+");
  await page.waitForFunction(() => /** @type {HTMLImageElement} */ (document.querySelector(".stage img.loaded:last-of-type"))?.naturalWidth === 1600);
}));

test("a pinch zooms the picture and not the page, and two taps zoom in", inBrowser(async (visit) => {
  const { page, context } = visit;
  const { stage } = await opened(visit);
  const { x, y, width, height } = await stage.boundingBox();
  const [cx, cy] = [x + width / 2, y + height / 2];
  const devtools = await context.newCDPSession(page);
  const touch = (type, ...points) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  await touch("touchStart", [cx - 30, cy], [cx + 30, cy]);
  for (const step of [50, 70, 90]) await touch("touchMove", [cx - step, cy], [cx + step, cy]);
  await touch("touchEnd");
  assert.ok(await scale(stage) > 2, `${await scale(stage)}`);
  assert.equal(await page.evaluate(() => visualViewport.scale), 1);
  await page.touchscreen.tap(cx, cy);
  await page.touchscreen.tap(cx, cy);
  assert.equal(await scale(stage), 1);
}, PHONE));

test("a swipe on a phone goes to the next picture and back, and never leaves the view", inBrowser(async (visit) => {
  const { page, context } = visit;
  const { dialog, stage } = await opened(visit, { names: ["c.jpg", "b.jpg", "a.jpg"].reverse() });
  assert.equal(await stage.evaluate((stage) => getComputedStyle(stage).touchAction), "pan-y");
  const devtools = await context.newCDPSession(page);
  const { x, y, width, height } = await stage.boundingBox();
  const swipe = async (from, to) => {
    const at = (part) => [{ x: x + width * part, y: y + height / 2, id: 0 }];
    await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(from) });
    for (const part of [0.25, 0.5, 0.75, 1]) await devtools.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(from + (to - from) * part) });
    await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  // The newest picture is c.jpg, and a.jpg is open, the last one.
  await swipe(0.2, 0.8);
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  await swipe(0.2, 0.8);
  await dialog.getByRole("heading", { name: "c.jpg" }).waitFor();
  await swipe(0.8, 0.2);
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  // Two fingers that come together, and leave the screen one after the other, are no swipe.
  const touch = (type, ...parts) => devtools.send("Input.dispatchTouchEvent", {
    type, touchPoints: parts.map((part, id) => ({ x: x + width * part, y: y + height / 2, id })),
  });
  await touch("touchStart", 0.1, 0.9);
  for (const part of [0.2, 0.3, 0.45]) await touch("touchMove", part, 1 - part);
  await touch("touchEnd", 0.45);
  await touch("touchEnd");
  assert.equal(await dialog.getByRole("heading", { level: 1 }).textContent(), "b.jpg");
  assert.ok(await dialog.isVisible());
}, PHONE));

test("a swipe on a phone may begin on an arrow, and a tap on an arrow turns one picture", inBrowser(async (visit) => {
  const { dialog } = await opened(visit, { names: ["a.jpg", "b.jpg", "c.jpg"] });
  const devtools = await visit.context.newCDPSession(visit.page);
  const arrow = (name) => dialog.getByRole("button", { name });
  const touch = (type, ...touchPoints) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints });
  /** Swipes from the middle of an arrow. */
  const swipe = async (name, across) => {
    const { x, y, width, height } = await arrow(name).boundingBox();
    const at = (part) => ({ x: x + width / 2 + across * part, y: y + height / 2, id: 0 });
    await touch("touchStart", at(0));
    for (const part of [0.25, 0.5, 0.75, 1]) await touch("touchMove", at(part));
    await touch("touchEnd");
  };
  // The order is c, b, a, and a.jpg is open. The tap comes first: Chromium makes no click of a tap just after a swipe.
  await arrow("Previous picture").tap();
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  await swipe("Previous picture", 150);
  await dialog.getByRole("heading", { name: "c.jpg" }).waitFor();
  await swipe("Next picture", -150);
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
}, PHONE));

test("on a phone, the picture keeps its size when the address bar hides", inBrowser(async (visit) => {
  const { page, context } = visit;
  // A picture that is higher than the screen.
  const { dialog, stage } = await opened(visit, { width: 600, height: 1600 });
  const devtools = await context.newCDPSession(page);
  const { width, height } = page.viewportSize();
  const BAR = 56;
  /** The heights of the picture's area and of the view while so many pixels of the address bar are visible. */
  const heights = async (visible) => {
    await devtools.send("Emulation.setSmallViewportHeightDifferenceOverride", { difference: BAR - visible });
    await page.setViewportSize({ width, height: height - visible });
    return [(await stage.boundingBox()).height, (await dialog.boundingBox()).height];
  };
  const [area] = await heights(BAR);
  assert.deepEqual(await heights(0), [area, height]);
  assert.deepEqual(await heights(BAR), [area, height - BAR]);
}, PHONE));

test("on a phone, a finger at the end of the large view does not scroll the list", inBrowser(async (visit) => {
  const { page, context } = visit;
  const { dialog } = await opened(visit);
  // As with many pictures.
  await page.evaluate(() => document.body.style.setProperty("min-height", "3000px"));
  const devtools = await context.newCDPSession(page);
  const { width, height } = page.viewportSize();
  /** Moves a finger upwards. */
  const scroll = async () => {
    const at = (y) => [{ x: width / 2, y, id: 0 }];
    await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(height - 100) });
    for (let y = height - 100; y > height - 400; y -= 20) {
      await devtools.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(y) });
    }
    await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await scroll();
  assert.ok(await dialog.evaluate((view) => view.scrollTop) > 0);
  await dialog.evaluate((view) => view.scrollTo(0, view.scrollHeight));
  await scroll();
  assert.equal(await page.evaluate(() => scrollY), 0);
}, PHONE));

test("full screen shows the picture alone, stays from picture to picture, and ends with the key", inBrowser(async (visit) => {
  const { page } = visit;
  const { dialog } = await opened(visit, { names: ["a.jpg", "b.jpg"] });
  const full = () => page.evaluate(() => document.fullscreenElement?.className ?? "");
  await dialog.getByRole("button", { name: "Full screen" }).click();
  await page.waitForFunction(() => document.fullscreenElement !== null);
  assert.match(await full(), /stage/);
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.querySelector(".panel h1")?.textContent === "b.jpg");
  assert.match(await full(), /stage/);
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement === null);
  assert.ok(await dialog.isVisible());
}));

/** Moves a user to a new tier that has other sizes. */
async function changeSizes(account) {
  const id = `late-${account.username.slice(-10)}`.replace(/-+/g, "-");
  const tier = { ...await api("GET", "/api/account-tiers/enterprise"), thumbnail_sizes: [320, 900], name: "Late" };
  delete tier.id;
  await api("PUT", `/api/admin/account-tiers/${id}`, { token: await token(outputs.admin), body: tier });
  await moveToTier(account, id);
}

test("after a change of tier, the page has missing sizes made, and always offers the original", inBrowser(async (visit) => {
  const { page } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  await storePictures(bearer, ["a.jpg"], { width: 1600, height: 1200 });
  await changeSizes(account);
  await logIn(visit, account);
  // The tile has a picture although no size of the new tier existed.
  await tile(page, "a.jpg").locator("img.loaded").waitFor({ timeout: 60_000 });
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("button", { name: "Copy link to Original" }).waitFor();
  await dialog.getByRole("button", { name: "Copy link to 900 px" }).waitFor({ timeout: 60_000 });
  await page.waitForFunction(() => /** @type {HTMLImageElement} */ (document.querySelector(".stage img.loaded:last-of-type"))?.naturalWidth >= 900);
}));

test("a changed tier reaches an open page with the next picture or view, and after a refusal", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  const { account, dialog } = await opened(visit, { names: ["a.jpg", "b.jpg"] });
  const notInTier = dialog.getByText("Your tier does not include expiring links.", { exact: true });
  const make = dialog.getByRole("button", { name: "Make link" });
  await notInTier.waitFor();
  const profiles = [];
  page.on("request", (request) => request.url().endsWith("/api/auth/profile") && profiles.push(request.url()));
  await moveToTier(account, "enterprise");
  await letPass(page, 60);
  await page.keyboard.press("ArrowLeft");
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  await make.waitFor();
  await dialog.getByRole("button", { name: "Copy link to Original" }).waitFor();
  // The profile is young now.
  await page.keyboard.press("ArrowRight");
  await dialog.getByRole("heading", { name: "a.jpg" }).waitFor();
  await make.waitFor();
  assert.equal(profiles.length, 1);

  await moveToTier(account, "basic");
  await letPass(page, 5);
  allowError(/403/);
  await make.click();
  await notInTier.waitFor();
  assert.equal(profiles.length, 2);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  const options = page.locator("summary").filter({ hasText: "Options" });
  assert.ok(await options.isHidden());
  await moveToTier(account, "enterprise");
  await letPass(page, 60);
  await page.getByRole("link", { name: "Sets" }).click();
  await page.getByRole("heading", { name: "Image sets" }).waitFor();
  await page.getByRole("link", { name: "Photos" }).click();
  await options.waitFor();
  assert.equal(profiles.length, 3);
}));

test("a picture without any size still offers its original", inBrowser(async (visit) => {
  const { page, allowError } = visit;
  allowError(/503/);
  const account = await registerUser();
  await moveToTier(account, "enterprise");
  const [id] = await storePictures(await token(account), ["a.jpg"]);
  await page.route(/\/api\/images\/[^/]+\/thumbnail/, (route) => route.fulfill({ status: 503, body: "" }));
  await page.route(new RegExp(`/api/images/${id}$`), async (route) => {
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...await response.json(), thumbnails: [] } });
  });
  await logIn(visit, account);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByRole("button", { name: "Copy link to Original" }).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Copy link to 200 px" }).count(), 0);
}));

test("after a change of tier, sets and the choice of a picture have missing sizes made too", inBrowser(async (visit) => {
  const { page, open } = visit;
  const account = await registerUser();
  const bearer = await token(account);
  const [, second, first] = await storePictures(bearer, ["a.jpg", "b.jpg", "c.jpg"], { width: 1600, height: 1200 });
  const sets = [];
  for (const [title, image_id] of [["First set", first], ["Second set", second]]) {
    const { id } = await api("POST", "/api/imagesets", { token: bearer, body: { title } });
    await api("PUT", `/api/imagesets/${id}/images/image1`, { token: bearer, body: { image_id } });
    sets.push(id);
  }
  await changeSizes(account);
  // No other view has asked for a size before.
  await open(`#/sets/${sets[0]}`);
  await enterLogin(page, account);
  await page.locator(".slot img.loaded").waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: "Image sets" }).click();
  await page.getByRole("link", { name: /Second set/ }).locator("img.loaded").waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: /First set/ }).click();
  await page.getByRole("button", { name: "Pick from your photos: second picture" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "c.jpg" }).locator("img.loaded").waitFor({ timeout: 60_000 });
}));

test("the original and each size are downloaded, and share buttons appear where the browser can share files", inBrowser(async (visit) => {
  const { page } = visit;
  await page.addInitScript(() => {
    Object.assign(navigator, { canShare: () => true, share: async (data) => Object.assign(globalThis, { shared: data.files.map((file) => file.name) }) });
  });
  const { dialog } = await opened(visit, { names: ["sea.jpg"], tier: "enterprise" });
  await dialog.getByText("These links work for at least 45 minutes").waitFor();
  const name = async (button) => {
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    return download.suggestedFilename();
  };
  assert.equal(await name(dialog.getByRole("button", { name: "Download", exact: true })), "sea.jpg");
  assert.equal(await name(dialog.getByRole("button", { name: "Download 400 px" })), "sea-400.jpg");
  await dialog.getByRole("button", { name: "Share file" }).click();
  await page.waitForFunction(() => globalThis.shared?.[0] === "sea.jpg");
  assert.deepEqual(await violations(page), []);
  // The address of the original does not leave the page, which would ask during an upload.
  await page.route(uploadsUrl, () => {}); // the upload never finishes
  const jpeg = (await photo({ width: 200, height: 150 })).toString("base64");
  await page.evaluate((jpeg) => {
    const clipboardData = new DataTransfer();
    const bytes = Uint8Array.from(atob(jpeg), (character) => character.charCodeAt(0));
    clipboardData.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  }, jpeg);
  await page.locator(".tray-row.sending").waitFor({ state: "attached" });
  assert.equal(await name(dialog.getByRole("link", { name: "Download" })), "sea.jpg");
}));

test("the key Escape does not lose typed text without a question", inBrowser(async (visit) => {
  const { page } = visit;
  const { dialog } = await opened(visit);
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Title").fill("Half a thought");
  await page.keyboard.press("Escape");
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await question.waitFor();
  // The second press closes the question, and the third one asks again.
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await question.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await dialog.getByLabel("Title").inputValue(), "Half a thought");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "Half a thought" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
}));

test("a form saves only what the user has changed, and nothing if there is no change", inBrowser(async (visit) => {
  const { page } = visit;
  const { account, dialog } = await opened(visit);
  const bearer = await token(account);
  const { images: [{ id }] } = await api("GET", "/api/images", { token: bearer });
  const sent = [];
  page.on("request", (request) => request.method() === "PATCH" && sent.push(request.postDataJSON()));
  const save = async (title, heading = title) => {
    await dialog.getByLabel("Title").fill(title);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("heading", { name: heading, exact: true }).waitFor();
  };
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Description").waitFor();
  // As if the user had another tab.
  await api("PATCH", `/api/images/${id}`, { token: bearer, body: { file_name: "b.jpg", description: "Waves" } });
  await save("By the sea");
  await dialog.getByText("Waves", { exact: true }).waitFor();
  const saved = page.locator(".notice", { hasText: "Saved." });
  await saved.waitFor({ state: "detached" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await saved.waitFor();
  await save("", "b.jpg");
  assert.deepEqual(sent, [{ title: "By the sea" }, { title: null }]);
  const { file_name, title, description } = await api("GET", `/api/images/${id}`, { token: bearer });
  assert.deepEqual([file_name, title, description], ["b.jpg", null, "Waves"]);
}));

test("a session that ends while the user types asks for the password, and keeps the text", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  allowError(/401/);
  const { account, dialog } = await opened(visit);
  await dialog.getByText("Title and description").click();
  await dialog.getByLabel("Title").fill("Not lost");
  // The service knows neither the access token nor the refresh token any more.
  await page.route("**/api/images/*", (route) => route.fulfill({ status: 401, json: { message: "Unauthorized" } }), { times: 1 });
  await context.clearCookies();
  await dialog.getByRole("button", { name: "Save" }).click();
  const again = page.getByRole("dialog", { name: "Log in again" });
  await again.getByLabel(`Password of ${account.username}`).fill(account.password);
  assert.deepEqual(await violations(page), []);
  await again.getByRole("button", { name: "Log in" }).click();
  await again.waitFor({ state: "detached" });
  assert.equal(await dialog.getByLabel("Title").inputValue(), "Not lost");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "Not lost" }).waitFor();
}));

test("a session that ends while a picture is open shows it again after the login", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  allowError(/401/);
  const { account, dialog } = await opened(visit, { names: ["a.jpg", "b.jpg"] });
  await page.route("**/api/images/*", (route) => route.fulfill({ status: 401, json: { message: "Unauthorized" } }), { times: 1 });
  await context.clearCookies();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await enterLogin(page, account);
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
}));

test("pictures that could not be loaded without a network are loaded when it is back", inBrowser(async (visit) => {
  const { page, context, allowError } = visit;
  allowError(/ERR_INTERNET_DISCONNECTED/);
  const account = await registerUser();
  await storePictures(await token(account), ["a.jpg"]);
  await page.route(derivedUrl, (route) => route.abort("internetdisconnected"));
  await logIn(visit, account);
  await page.waitForFunction(() => {
    const picture = /** @type {HTMLImageElement | null} */ (document.querySelector(".tile img"));
    return picture?.complete && picture.naturalWidth === 0;
  });
  await page.unroute(derivedUrl);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await waitForThumbnail(tile(page, "a.jpg"));
  await context.setOffline(true);
  await tile(page, "a.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await dialog.getByText("The service cannot be reached.").waitFor();
  await context.setOffline(false);
  await dialog.getByText("200 × 150", { exact: true }).waitFor();
}));

test("Undo in the large view brings back the button for the previous picture", inBrowser(async (visit) => {
  const { page } = visit;
  const { dialog } = await opened(visit, { names: ["a.jpg", "b.jpg"].reverse() });
  // b.jpg is open, the older one. a.jpg is before it.
  await page.keyboard.press("ArrowLeft");
  await dialog.getByRole("heading", { name: "a.jpg" }).waitFor();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByRole("heading", { name: "b.jpg" }).waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Previous picture" }).isHidden());
  // The button that had the focus is gone. The keys still work.
  await page.keyboard.press("z");
  await dialog.locator(".stage.zoomed").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await dialog.getByRole("button", { name: "Previous picture" }).waitFor();
  assert.equal(await page.evaluate(() => document.querySelectorAll(".lightbox").length), 1);
}));

test("the key ? lists the keys of the page", inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, await registerUser());
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await dialog.getByText("Full screen").waitFor();
  assert.deepEqual(await violations(page), []);
}));
