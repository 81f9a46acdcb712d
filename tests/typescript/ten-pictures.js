// Ten pictures go through a running stack, from a fresh project for Node.js and from a fresh Vite project in Chromium.
// Without the variable CHROMIUM, only from Node.js.

import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, resolve } from "node:path";
import { after, test } from "node:test";
import { chromium } from "playwright-core";
import { build } from "vite";
import { png } from "../clients/picture.js";
import { outputs } from "../clients/stack.js";
import { freshProject, readmeBlocks, run, tool } from "./project.js";

// The default value of the template's parameter AllowedOrigins. The page is on a free port, where Chromium finds it.
const ORIGIN = "http://localhost:3000";
const TYPES = /** @type {Record<string, string>} */ ({
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
});
/** @type {import("playwright-core").Browser | undefined} */
let browser;
/** @type {import("node:http").Server | undefined} */
let server;
after(async () => {
  await browser?.close();
  server?.close();
});

/** @param {object} options */
const tsconfig = (options) =>
  JSON.stringify({
    compilerOptions: { strict: true, target: "es2022", lib: ["es2023", "dom", "dom.iterable"], ...options },
  });

test("a fresh project for Node.js", () => {
  const directory = freshProject("node", {
    "program.ts": readFileSync("node-program.ts", "utf8"),
    "tsconfig.json": tsconfig({ module: "nodenext", types: ["node"] }),
  });
  tool(directory, "typescript/bin/tsc", "--project", ".");
  assert.match(run(directory, process.execPath, "program.js"), /Ten pictures went through\./);
});

/** Builds the Vite project, and returns a page that shows it. */
async function openPage() {
  const directory = freshProject("vite", {
    "index.html": `<!doctype html><div id="root"></div><script type="module" src="/page.tsx"></script>`,
    "page.tsx": readFileSync("page.tsx", "utf8"),
    "PictureUpload.tsx": readmeBlocks("tsx").join("\n"),
    "tsconfig.json": tsconfig({
      module: "esnext",
      moduleResolution: "bundler",
      jsx: "react-jsx",
      noEmit: true,
      types: ["vite/client"],
    }),
    ".env": `VITE_DARKROOM_URL=${outputs.api_url}\n`,
  });
  tool(directory, "typescript/bin/tsc", "--project", ".");
  await build({ root: directory, logLevel: "error" });
  const running = createServer((request, response) => {
    const path = request.url === "/" ? "/index.html" : `${request.url}`;
    const file = resolve(directory, `dist${path}`);
    if (!existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "" }).end(readFileSync(file));
  });
  server = running;
  await new Promise((listening) => running.listen(0, "127.0.0.1", () => listening(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (running.address());
  const args = ["--disable-gpu", `--host-resolver-rules=MAP ${new URL(ORIGIN).host} 127.0.0.1:${port}`];
  // Chromium's sandbox does not run as root.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args });
  const page = await browser.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(ORIGIN);
  return { page, errors };
}

/** @param {number} index @param {number} width */
const picture = (index, width) => ({
  name: `page-${index}.png`,
  mimeType: "image/png",
  buffer: Buffer.from(png(width, 400, [80, index * 20, 160])),
});

test("the React component in a fresh Vite project", {
  skip: process.env.CHROMIUM === undefined && "CHROMIUM is not set",
}, async () => {
  const { page, errors } = await openPage();
  const login = await page.evaluate(
    (demo) => globalThis.darkroom.account.login({ username: demo.username, password: demo.password }),
    outputs.demo,
  );
  assert.equal(login, null);

  // A progress bar can be gone before the test looks for it.
  await page.evaluate(() => {
    const look = () => document.querySelector("progress") && document.body.classList.add("had-progress");
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
  const input = page.getByLabel("Add pictures");
  await input.setInputFiles(Array.from({ length: 10 }, (_, index) => picture(index, 600 + index)));
  await page.waitForFunction(
    () => [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length === 10,
    undefined,
    { timeout: 60_000 },
  );
  assert.equal(await page.getByRole("listitem").count(), 0);
  assert.equal(await page.locator("body.had-progress").count(), 1);
  const shown = await page.evaluate(() => [...document.images].map(({ id, alt }) => ({ id, alt })));
  assert.deepEqual(
    shown.map(({ alt }) => alt).sort(),
    Array.from({ length: 10 }, (_, index) => `page-${index}.png`),
  );

  await input.setInputFiles({ name: "text.png", mimeType: "image/png", buffer: Buffer.from("This is a text.") });
  await page.getByRole("alert").waitFor();
  assert.match((await page.getByRole("alert").textContent()) ?? "", /^The file is not an image\./);

  // XMLHttpRequest reports what was sent.
  const progress = await page.evaluate(async () => {
    /** @type {{phase: string, loaded: number, total: number}[]} */
    const progress = [];
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    const file = new Blob([...Array(50).fill(noise)], { type: "image/png" });
    /** @type {import("../client/dist/esm/index.js").UploadOptions} */
    const options = { waitUntil: "stored", onProgress: (one) => progress.push(one) };
    const { id } = await globalThis.darkroom.images.upload(file, { file_name: "noise.png" }, options);
    await globalThis.darkroom.images.delete(id);
    return progress;
  });
  assert.deepEqual([progress[0]?.phase, progress.at(-1)?.phase], ["creating", "processing"]);
  const sent = progress.filter(({ phase, loaded }) => phase === "sending" && loaded > 0);
  assert(
    sent.length > 0 && sent.every(({ loaded, total }) => loaded <= total && total === 3_000_000),
    JSON.stringify(progress),
  );

  // A signal ends an upload. With the same key, it continues.
  const continued = await page.evaluate(
    async ({ bytes }) => {
      const file = new File([new Uint8Array(bytes)], "continued.png", { type: "image/png" });
      const idempotencyKey = crypto.randomUUID();
      const end = new AbortController();
      const onProgress = (/** @type {{phase: string}} */ { phase }) =>
        phase === "sending" && end.abort(new Error("stopped"));
      const stopped = await globalThis.darkroom.images
        .upload(file, {}, { idempotencyKey, signal: end.signal, onProgress })
        .catch((/** @type {Error} */ error) => error.message);
      const { id, status } = await globalThis.darkroom.images.upload(file, {}, { idempotencyKey });
      return { stopped, id, status };
    },
    { bytes: [...png(50, 50, [1, 2, 3])] },
  );
  assert.deepEqual([continued.stopped, continued.status], ["stopped", "ready"]);

  const ids = [...shown.map(({ id }) => id), continued.id];
  const left = await page.evaluate(async (ids) => {
    await Promise.all(ids.map((id) => globalThis.darkroom.images.delete(id)));
    for await (const { id, status } of globalThis.darkroom.images.list({ fields: "status" }))
      if (status === "failed") await globalThis.darkroom.images.delete(id);
    await globalThis.darkroom.account.logout();
    return globalThis.darkroom.account.session();
  }, ids);
  assert.equal(left, null);
  assert.deepEqual(errors, []);
});
