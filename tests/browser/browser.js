// Headless Chromium. A test fails if a page in it reports an error.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after } from "node:test";
import { chromium, devices } from "playwright-core";
import { outputs } from "./stack.js";

/** @type {Promise<import("playwright-core").Browser> | undefined} */
let running;

/** The browser that all tests of a file share. */
export function browser() {
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  args.push("--disable-component-update", "--disable-sync");
  // Chromium's sandbox does not run as root.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  running ??= chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args });
  return running;
}

// screenshots.js and measure.js run without node:test, and close the browser themselves.
if (process.env.NODE_TEST_CONTEXT) after(async () => (await running)?.close());

/** @type {Promise<import("playwright-core").Page> | undefined} */
let blank;

/** A blank page in which tests draw and read pictures. */
export function blankPage() {
  blank ??= browser().then((browser) => browser.newPage());
  return blank;
}

/** Options of `inBrowser` for a phone. */
export const PHONE = devices["Pixel 7"];

/**
 * @typedef {object} Visit
 * @property {import("playwright-core").Page} page has no address yet
 * @property {import("playwright-core").BrowserContext} context
 * @property {(path?: string) => Promise<import("playwright-core").Response | null>} open opens the page, or a path below it
 * @property {(error: RegExp) => void} allowError allows reported errors that match
 */

/**
 * Runs a test in its own browser context. The test fails if a page in the context reports an error: a violation of the
 * Content-Security-Policy, an uncaught error, or an error on the console.
 *
 * A test that fails runs once more, because the browser, the emulator and the functions share a few processors. The
 * output has the first error, too.
 * @param {(visit: Visit) => Promise<void>} work
 * @param {import("playwright-core").BrowserContextOptions} [options] such as PHONE or `{colorScheme: "dark"}`
 * @returns {(test: import("node:test").TestContext) => Promise<void>}
 */
export function inBrowser(work, options = {}) {
  return async (test) => {
    try {
      await runOnce(work, options);
    } catch (error) {
      test.diagnostic(`"${test.name}" failed, and runs again: ${error.stack}`);
      await runOnce(work, options);
    }
  };
}

/** Like `inBrowser`, at once and without a second try. @param {(visit: Visit) => Promise<void>} work */
export async function runOnce(work, options = {}) {
  const context = await (await browser()).newContext({ baseURL: outputs.web_url, ...options });
  const [errors, expected] = [[], []];
  await context.exposeFunction("reportViolation", (violation) => errors.push(violation));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber, sample }) => {
      globalThis.reportViolation(`${violatedDirective} forbids ${blockedURI} ${sample} (${sourceFile}:${lineNumber})`);
    });
  });
  context.on("weberror", (error) => errors.push(error.error().stack ?? String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  try {
    const page = await context.newPage();
    const open = (path = "") => page.goto(path);
    await work({ page, context, open, allowError: (error) => expected.push(error) });
    // Errors that a page has reported arrive before the response to this call.
    await Promise.all(context.pages().map((page) => page.evaluate(() => true).catch((error) => {
      // A page that only downloads a file closes by itself.
      if (!page.isClosed()) throw error;
    })));
  } finally {
    await context.close();
  }
  const unexpected = errors.filter((error) => !expected.some((pattern) => pattern.test(error)));
  assert.deepEqual(unexpected, [], "the page reported errors");
}

/**
 * Starts to record what a page downloads. The returned function lists all responses so far, with their size in bytes
 * on the network, headers included.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<() => {url: string, bytes: number}[]>}
 */
export async function recordTraffic(page) {
  const session = await page.context().newCDPSession(page);
  const responses = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => responses.set(requestId, { url: response.url, bytes: 0 }));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const response = responses.get(requestId);
    if (response) response.bytes = encodedDataLength;
  });
  await session.send("Network.enable");
  return () => [...responses.values()];
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Runs axe-core on the current state of a page. Returns one line for each violated rule.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>}
 */
export async function violations(page) {
  // Contrast is judged by final colours, not by those of a transition.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => {}))));
  // The page's Content-Security-Policy forbids a script element.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
}
