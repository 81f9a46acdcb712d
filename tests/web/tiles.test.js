// What the page asks for in lists of pictures.

import "./globals.js";
import assert from "node:assert/strict";
import test from "node:test";
import { isWhole, squares, tileLayout, tiles } from "../../web/tiles.js";

/** @type {any} */
const globals = globalThis;

test("a list asks for one thumbnail that fills a tile, in the pixels of the screen", () => {
  const { columns, size } = tileLayout(1280);
  assert.equal(columns, 6);
  assert.equal(tiles().thumbnails, Math.ceil(size));
  globals.devicePixelRatio = 3;
  // More than two pixels for each CSS pixel would only cost bytes.
  assert.equal(squares(200).thumbnails, 400);
  globals.devicePixelRatio = 1;
});

test("a list asks for no addresses of originals, and for what a view adds", () => {
  const fields = tiles(["phone_number"]).fields.split(",");
  assert.ok(!fields.includes("original_url"));
  assert.ok(fields.includes("thumbnails") && fields.includes("phone_number"));
});

test("an image of a list is not whole", () => {
  assert.equal(isWhole(/** @type {any} */ ({ id: "1", status: "ready" })), false);
  assert.equal(isWhole(/** @type {any} */ ({ id: "1", status: "ready", version: 1 })), true);
});
