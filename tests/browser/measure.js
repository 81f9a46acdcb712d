// Measures how fast the page loads, with Lighthouse's metrics. Prints a Markdown table. Run by `cargo xtask bench page`.

import { browser, recordTraffic } from "./browser.js";
import { logIn, upload, waitForUploads } from "./page.js";
import { scene } from "./scenes.js";
import { moveToTier, outputs, registerUser } from "./stack.js";

const PHOTOS = 24;
/** How often each view is loaded. */
const VISITS = 7;
/** Lighthouse's slow phone: 1.6 Mbit/s down, 150 ms round-trip time, and a CPU four times slower than this one. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 };
const SLOW_PHONE = "slow phone";
const SCREENS = {
  desktop: { viewport: { width: 1350, height: 940 } },
  [SLOW_PHONE]: { viewport: { width: 412, height: 823 }, deviceScaleFactor: 1.75, isMobile: true, hasTouch: true },
};

const isList = (url) => url.pathname === "/api/images";

/** Whether an address is that of a thumbnail, in its bucket or at the edge. */
const isPicture = (url) => url.pathname.startsWith(`/${outputs.derived_bucket}/`) || url.pathname.startsWith("/t/");

const shown = await browser();
const account = await registerUser();
await moveToTier(account, "enterprise");
await visit(SCREENS.desktop, async (view) => {
  await logIn(view, account);
  await upload(view.page, await Promise.all(Array.from({ length: PHOTOS }, (_, index) => scene(index + 1))));
  await waitForUploads(view.page, PHOTOS);
});
console.log("| view | screen | requests | KB | KB of the list | KB of pictures | first paint, ms | largest paint, ms | layout shift | blocked, ms |");
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const [screen, options] of Object.entries(SCREENS)) {
  await visit(options, async (view) => {
    const devtools = await view.page.context().newCDPSession(view.page);
    const load = async (isFirst) => {
      await view.page.goto("about:blank");
      // On a later visit, the page's files and the pictures are in the browser's cache.
      if (isFirst) await devtools.send("Network.clearBrowserCache");
      await view.open();
      // A locator would put Playwright's own script into the page, which takes time while the page loads.
      await view.page.waitForLoadState("networkidle");
    };
    await report("login, first visit", screen, view.page, () => load(true));
    await logIn(view, account);
    await view.page.waitForLoadState("networkidle");
    const loadPhotos = async (isFirst) => {
      await load(isFirst);
      await view.page.locator(".tile img.loaded").nth(2).waitFor();
    };
    await report(`${PHOTOS} photos, first visit`, screen, view.page, () => loadPhotos(true));
    await report(`${PHOTOS} photos, later visit`, screen, view.page, () => loadPhotos(false));
  });
}
await shown.close();

async function visit(options, work) {
  const context = await shown.newContext({ baseURL: outputs.web_url, ...options });
  await context.addInitScript(() => {
    const seen = globalThis.seen = { largest: 0, shift: 0, blocked: 0 };
    const observe = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
    observe("largest-contentful-paint", ({ startTime }) => { seen.largest = startTime; });
    observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.shift += value; });
    observe("longtask", ({ duration }) => { seen.blocked += duration - 50; });
  });
  const page = await context.newPage();
  await work({ page, context, open: (path = "") => page.goto(path) });
  await context.close();
}

/** Loads the page several times, and prints the median of each figure. */
async function report(view, screen, page, load) {
  const responses = await recordTraffic(page);
  const devtools = await page.context().newCDPSession(page);
  if (screen === SLOW_PHONE) {
    await devtools.send("Network.enable");
    await devtools.send("Network.emulateNetworkConditions", SLOW);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  }
  const visits = [];
  for (let count = 0; count < VISITS; count++) {
    const before = responses().length;
    await load();
    const { first, largest, shift, blocked } = await page.evaluate(() => ({
      first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0, ...globalThis.seen,
    }));
    // A response from the browser's cache has no bytes.
    const loaded = responses().slice(before).filter(({ bytes }) => bytes > 0);
    const kilobytes = (matches) => loaded.filter(({ url }) => matches(new URL(url))).reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
    visits.push([loaded.length, kilobytes(() => true), kilobytes(isList), kilobytes(isPicture), first, largest, shift, blocked]);
  }
  // As fast as before for the steps that follow.
  await devtools.detach();
  const digits = [0, 1, 1, 1, 0, 0, 3, 0];
  const cells = digits.map((digits, column) => median(visits.map((figures) => figures[column])).toFixed(digits));
  console.log(`| ${[view, screen, ...cells].join(" | ")} |`);
}

/** @param {number[]} figures */
function median(figures) {
  return figures.toSorted((one, other) => one - other)[Math.floor(figures.length / 2)];
}
