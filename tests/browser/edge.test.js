// The page behind the edge: `cargo xtask browser --edge`, or `cargo xtask test --only edge`.

import assert from "node:assert/strict";
import test from "node:test";
import { inBrowser, recordTraffic, violations } from "./browser.js";
import { logIn, tile, upload, waitForThumbnail } from "./page.js";
import { photo } from "./photos.js";
import { outputs, registerUser } from "./stack.js";

const skip = outputs.edge_url ? false : "the stack has no edge";

test("at the edge, pictures have the page's origin, and a second visit loads none of them again", { skip }, inBrowser(async (visit) => {
  const { page } = visit;
  const user = await registerUser();
  await logIn(visit, user);
  await upload(page, [{ name: "sea.jpg", buffer: await photo({ width: 800, height: 600 }) }]);
  await waitForThumbnail(tile(page, "sea.jpg"));
  const source = await tile(page, "sea.jpg").locator("img").evaluate((image) => /** @type {HTMLImageElement} */ (image).currentSrc);
  assert.ok(source.startsWith(`${outputs.edge_url}/t/`), source);
  assert.deepEqual(await violations(page), []);

  const traffic = await recordTraffic(page);
  await page.reload();
  await waitForThumbnail(tile(page, "sea.jpg"));
  const pictures = traffic().filter(({ url }) => url.includes("/t/"));
  assert.ok(pictures.length > 0, "the second visit shows no picture");
  for (const { url, bytes } of pictures) {
    assert.equal(url, source);
    assert.equal(bytes, 0, "the picture was loaded again");
  }
}));

test("at the edge, a user opens a picture", { skip }, inBrowser(async (visit) => {
  const { page } = visit;
  await logIn(visit, outputs.demo);
  await upload(page, [{ name: "hill.jpg", buffer: await photo({ width: 640, height: 480 }) }]);
  await waitForThumbnail(tile(page, "hill.jpg"));
  await tile(page, "hill.jpg").getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Sizes and links" }).waitFor();
  const large = dialog.locator("img").first();
  await large.evaluate((image) => /** @type {HTMLImageElement} */ (image).decode());
  const source = await large.evaluate((image) => /** @type {HTMLImageElement} */ (image).currentSrc);
  assert.ok(source.startsWith(`${outputs.edge_url}/t/`), source);
}));
