// A gallery of ten thousand pictures. The API's answers are made here: what is tested is what the page does with them.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser } from "./browser.js";
import { derivedUrl, logIn } from "./page.js";
import { photo } from "./photos.js";
import { api, outputs, registered, token } from "./stack.js";

const COUNT = 10_000;
const PAGE = 100;

/** An id that is smaller the later an image comes in the list. */
const id = (index) => `01${String(COUNT - index).padStart(24, "0")}`;

function image(index) {
  const url = (size) => `${outputs.endpoint_url}/${outputs.derived_bucket}/${index}/${size}?signature=${"0".repeat(800)}`;
  return {
    id: id(index), file_name: `photo-${index}.jpg`, title: null, description: null, content_type: "image/jpeg", size: 1_000_000,
    width: 4000, height: 3000, version: 1, status: "ready", failure: null, created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z", uploaded_at: "2026-01-01T00:00:00Z",
    thumbnails: [200, 400].map((size) => ({ size, width: size, height: size * 3 / 4, content_type: "image/jpeg", url: url(size) })),
    placeholder: { thumbhash: "HdcJFYJNPImvaJiKlYiGVsJAAh0V", color: "#96bae7" }, original_url: null, set: null,
    phone_number: null, source_image_id: null, edit_prompt: null, edit_image_id: null, analysis: null, dropbox_url: null, dropbox: null, dropbox: null,
  };
}

test("ten thousand pictures scroll by with few elements and little memory, and each place gets its own", inBrowser(async (visit) => {
  const { page, context } = visit;
  const account = await registered();
  const profile = await api("GET", "/api/auth/profile", { token: await token(account) });
  const thumbnail = await photo({ width: 200, height: 150 });
  await page.bringToFront();
  await page.route(derivedUrl, (route) => route.fulfill({ body: thumbnail, contentType: "image/jpeg" }));
  await page.route("**/api/auth/profile", (route) => route.fulfill({ json: { ...profile, usage: { images: COUNT, bytes: COUNT } } }));
  await page.route("**/api/images?*", (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 0);
    const images = Array.from({ length: Math.min(PAGE, COUNT - from) }, (_, offset) => image(from + offset));
    return route.fulfill({ json: { images, next_cursor: from + PAGE < COUNT ? String(from + PAGE) : null } });
  });
  await logIn(visit, account);
  await page.locator(".tile img.loaded").first().waitFor();

  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  const memory = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "JSHeapUsedSize").value;
  };
  const before = await memory();
  // To the very end at once: all pages are fetched on the way there.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const last = page.getByRole("link", { name: `photo-${COUNT - 1}.jpg` });
  await last.waitFor({ timeout: 60_000 });
  // Back up in steps: what was forgotten is fetched again.
  let most = 0;
  for (const part of [0.9, 0.7, 0.5, 0.3, 0.1, 0]) {
    await page.evaluate((part) => scrollTo(0, document.documentElement.scrollHeight * part), part);
    const found = await page.waitForFunction(() => {
      const tiles = [...document.querySelectorAll(".tile")];
      if (tiles.some((tile) => tile.matches(".skeleton")) || !document.querySelector(".tile img.loaded")) return null;
      return tiles.map((tile) => [Number(tile.getAttribute("aria-posinset")), tile.querySelector("a").title]);
    });
    const shown = await found.jsonValue();
    for (const [place, name] of shown) assert.equal(name, `photo-${place - 1}.jpg`);
    most = Math.max(most, shown.length);
  }
  const grown = await memory() - before;
  assert.ok(most > 0 && most < 200, `${most} tiles`);
  assert.ok(grown < 20e6, `${grown} bytes more`);
}));
