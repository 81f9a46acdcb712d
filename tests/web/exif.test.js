// What a camera wrote, in words.

import assert from "node:assert/strict";
import test from "node:test";
import { groupHeading } from "../../web/order.js";
import { exifTexts } from "../../web/photo-texts.js";

test("an exposure is written as photographers write it", () => {
  const times = [1 / 8000, 0.000581058, 0.004, 0.25, 0.3, 0.333333, 1.3, 30];
  assert.deepEqual(times.map(exifTexts.seconds), ["1/8000 s", "1/1721 s", "1/250 s", "1/4 s", "0.3 s", "0.3 s", "1.3 s", "30 s"]);
  assert.deepEqual([1.78, 8, 11].map(exifTexts.fNumber), ["f/1.8", "f/8", "f/11"]);
  assert.equal(exifTexts.iso(102400), "ISO 102400");
  assert.equal(exifTexts.millimetres(6.765), "6.8 mm");
});

test("a place is written with its directions", () => {
  assert.equal(exifTexts.degrees(-33.8598611, 151.2111111), "33.85986° S, 151.21111° E");
  assert.equal(exifTexts.degrees(52.5, -13.4), "52.50000° N, 13.40000° W");
  assert.equal(exifTexts.altitude(-3.5), ", 3 m below sea level");
  assert.equal(exifTexts.altitude(512.3), ", 512 m above sea level");
});

test("a group has its month or its day as heading", () => {
  assert.equal(groupHeading("2026-05"), "May 2026");
  assert.equal(groupHeading("2026-05-01"), "Friday, May 1, 2026");
});
