// Measures how fast the page loads, with Lighthouse's metrics, and how fast a gallery of ten thousand pictures scrolls.
// Prints Markdown tables. Run by `cargo xtask bench page`.

import { browser, recordTraffic } from "./browser.js";
import { COUNT, fakeApi, usedMemory } from "./many.js";
import { derived, logIn, upload, waitForUploads } from "./page.js";
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

/** How far one step scrolls, in CSS pixels. */
const STEP = 700;
/** Where the steps begin in the gallery: at its top, in its middle and near its end, as shares of its height. */
const PLACES = [0, 0.45, 0.9];
const STEPS = 60;

const isList = (url) => url.pathname === "/api/images";

const isPicture = (url) => url.href.startsWith(`${derived}/`);

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
console.log(`\n| ${COUNT.toLocaleString("en")} pictures | screen | CPU for a step, ms | frames above 20 ms | longest frame, ms | most tiles | MB more |`);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
const selectAll = async (page) => {
  await page.locator(".tile a").first().focus();
  await page.keyboard.press("Control+a");
  await page.getByText(`${COUNT.toLocaleString("en")} selected`).waitFor({ timeout: 120_000 });
};
const group = (page) => page.getByLabel("Group by").selectOption({ label: "By day" });
const STATES = {
  "as they are": [], "all selected": [selectAll], "grouped by day": [group], "grouped by day, all selected": [group, selectAll],
};
for (const [state, actions] of Object.entries(STATES)) {
  await visit(SCREENS.desktop, async (view) => {
    await fakeApi(view, account);
    await logIn(view, account);
    await view.page.locator(".tile img.loaded").first().waitFor();
    const memory = await usedMemory(view);
    const before = await memory();
    for (const action of actions) await action(view.page);
    const { cpu, slow, longest, tiles } = await scroll(view);
    const cells = [cpu.toFixed(1), slow, longest.toFixed(0), tiles, ((await memory() - before) / 1e6).toFixed(1)];
    console.log(`| ${[state, "desktop", ...cells].join(" | ")} |`);
  });
}
await shown.close();

/**
 * Scrolls in steps through three places of the gallery. Returns the main thread's CPU time for a step in milliseconds, how
 * many frames took more than 20 ms, the longest of them, and the largest number of tiles.
 */
async function scroll({ page, context }) {
  const devtools = await context.newCDPSession(page);
  // CPU time of the main thread, and not the time that passes.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  };
  const sum = { cpu: 0, slow: 0, longest: 0, tiles: 0 };
  for (const place of PLACES) {
    await page.evaluate((place) => scrollTo(0, document.documentElement.scrollHeight * place), place);
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(500);
    const before = await busy();
    const { frames, tiles } = await page.evaluate(async ({ steps, step }) => {
      const frame = () => new Promise(requestAnimationFrame);
      const seen = { frames: [], tiles: 0 };
      let last = await frame();
      for (let count = 0; count < steps; count++) {
        scrollBy(0, step);
        // The first frame scrolls, and the second one shows the tiles that the page has added.
        for (let pause = 0; pause < 2; pause++) {
          const now = await frame();
          seen.frames.push(now - last);
          last = now;
        }
        seen.tiles = Math.max(seen.tiles, document.querySelectorAll(".tile").length);
      }
      return seen;
    }, { steps: STEPS, step: STEP });
    sum.cpu += await busy() - before;
    sum.slow += frames.filter((time) => time > 20).length;
    sum.longest = Math.max(sum.longest, ...frames);
    sum.tiles = Math.max(sum.tiles, tiles);
  }
  return { ...sum, cpu: sum.cpu / (PLACES.length * STEPS) };
}

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
