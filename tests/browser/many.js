// A user with ten thousand pictures. The requests to the API are answered here, because only the page is of interest.

import { derived, derivedUrl } from "./page.js";
import { photo } from "./photos.js";
import { api, token } from "./stack.js";

export const COUNT = 10_000;
const PAGE = 100;
/** How many pictures were added on a day. */
const A_DAY = 40;
const NEWEST = Date.parse("2026-01-01T12:00:00Z");

/** Returns the id of the image at an index. Ids decrease along the list. */
export const id = (index) => `01${String(COUNT - index).padStart(24, "0")}`;

function image(index) {
  const url = (size) => `${derived}/${index}/${size}?signature=${"0".repeat(800)}`;
  const added = new Date(NEWEST - Math.floor(index / A_DAY) * 86_400_000).toISOString();
  return {
    id: id(index), file_name: `photo-${index}.jpg`, title: null, description: null, content_type: "image/jpeg", size: 1_000_000,
    width: 4000, height: 3000, version: 1, status: "ready", failure: null, created_at: added, updated_at: added, uploaded_at: added,
    thumbnails: [200, 400].map((size) => ({ size, width: size, height: size * 3 / 4, content_type: "image/jpeg", url: url(size) })),
    srcset: [200, 400].map((size) => `${url(size)} ${size}w`).join(", "), focal_point: null,
    placeholder: { thumbhash: "HdcJFYJNPImvaJiKlYiGVsJAAh0V", color: "#96bae7" }, exif: null, original_url: null, set: null,
    phone_number: null, source_image_id: null, edit_prompt: null, edit_image_id: null, analysis: null, dropbox_url: null, dropbox: null,
  };
}

/**
 * Answers the requests of a user with COUNT pictures. The indexes in `missing` are left out. The list begins at the index
 * `added.first`.
 * @param {{page: import("playwright-core").Page}} visit
 * @param {import("./stack.js").Login} account
 */
export async function fakeApi({ page }, account, missing = new Set(), added = { first: 0 }) {
  const profile = await api("GET", "/api/auth/profile", { token: await token(account) });
  const thumbnail = await photo({ width: 200, height: 150 });
  await page.route(derivedUrl, (route) => route.fulfill({ body: thumbnail, contentType: "image/jpeg" }));
  await page.route("**/api/auth/profile", (route) => route.fulfill({ json: { ...profile, usage: { images: COUNT, bytes: COUNT } } }));
  await page.route("**/api/images?*", (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get("cursor") ?? added.first);
    const images = [];
    let next = from;
    for (; next < COUNT && images.length < PAGE; next++) {
      if (!missing.has(next)) images.push(image(next));
    }
    return route.fulfill({ json: { images, next_cursor: next < COUNT ? String(next) : null } });
  });
  await page.route(/\/api\/images\/01\d+$/, (route) => route.fulfill({ json: image(COUNT - Number(route.request().url().slice(-24))) }));
}

/**
 * Returns a function that returns the bytes of the page's JavaScript objects, without garbage.
 * @param {{page: import("playwright-core").Page, context: import("playwright-core").BrowserContext}} visit
 */
export async function usedMemory({ page, context }) {
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  return async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "JSHeapUsedSize").value;
  };
}
