// Numbers and times in words.

import assert from "node:assert/strict";
import test from "node:test";
import { orderOf } from "../../web/chosen-order.js";
import { bytes, duration, lifetime } from "../../web/format.js";
import { groupOf, listOrder } from "../../web/order.js";
import { texts } from "../../web/texts.js";

test("a duration has whole numbers of its two largest units", () => {
  const said = [30_000, 3600, 86_399, 90, 59, 0].map(duration);
  assert.deepEqual(said, ["8 hours 20 minutes", "1 hour", "23 hours 59 minutes", "1 minute 30 seconds", "59 seconds", "0 seconds"]);
});

test("a lifetime is in days, or in hours if it is shorter than a day", () => {
  assert.deepEqual([3600, 86_400, 604_800, 31_536_000].map(lifetime), ["1 hour", "1 day", "7 days", "365 days"]);
});

test("no number of bytes is in the singular but one", () => {
  assert.deepEqual([0, 1, 999, 1500, 12_345_678].map(bytes), ["0 bytes", "1 byte", "999 bytes", "1.5 kB", "12 MB"]);
});

test("file names are ordered without differences of case and accents", () => {
  const { position, ascending } = listOrder(orderOf({ sort: "file_name", order: "asc" }));
  const names = ["zoo.jpg", "Über.jpg", "alps.jpg", "Beach.jpg"].map((file_name) => /** @type {any} */ ({ id: "1", file_name }));
  assert.ok(ascending);
  assert.deepEqual(names.sort((a, b) => (position(a) < position(b) ? -1 : 1)).map(({ file_name }) => file_name),
    ["alps.jpg", "Beach.jpg", "Über.jpg", "zoo.jpg"]);
});

test("uploads are grouped by the user's own day", () => {
  const group = groupOf(orderOf({ group: "day" }));
  const time = new Date(2026, 4, 1, 0, 30).toISOString();
  assert.equal(group?.(/** @type {any} */ ({ created_at: time })), "2026-05-01");
});

test("an error about a field names it in words", () => {
  const said = texts.problem({ status: 400, code: "invalid-field", detail: "`thumbnail_sizes` must have 1 to 10 numbers, and max_image_bytes must be positive" });
  const named = texts.problem({ status: 400, code: "invalid-field", detail: "username: must be 1 to 128 visible characters without spaces" });
  const numbered = texts.problem({ status: 400, code: "invalid-field", detail: "image_ids[1]: is also elsewhere in the list" });
  assert.equal(named, "User name: 1 to 128 visible characters without spaces.");
  assert.equal(numbered, "Pictures: is also elsewhere in the list.");
  assert.equal(said, "Please correct this: thumbnail sizes must have 1 to 10 numbers, and largest file must be positive.");
});
