// The places of tiles in groups.

import assert from "node:assert/strict";
import test from "node:test";
import { Layout } from "../../web/layout.js";

const SIZE = { columns: 3, rowHeight: 100, gap: 10 };
const GROUPS = [{ group: "2026-05", count: 4 }, { group: "2026-04", count: 2 }];

test("each group begins in a new row below its heading, and unknown tiles follow without one", () => {
  const layout = new Layout(GROUPS, 3, SIZE);
  const places = [0, 2, 3, 4, 5, 6].map((index) => [layout.place(index).left, layout.place(index).top]);
  assert.deepEqual(places, [[0, 48], [200, 48], [0, 148], [0, 296], [100, 296], [0, 396]]);
  assert.equal(layout.height, 486);
});

test("without groups, the unknown tiles continue the last row", () => {
  const layout = new Layout([{ group: "", count: 4 }], 3, SIZE);
  assert.deepEqual([layout.place(4).left, layout.place(4).top], [100, 100]);
  assert.equal(layout.height, 290);
  assert.deepEqual(new Layout([{ group: "", count: 0 }], 0, SIZE).visible(0, 1000), []);
});

test("only the rows near the viewport are visible", () => {
  const ranges = (layout, top, bottom) => layout.visible(top, bottom).map(({ from, to }) => [from, to]);
  const layout = new Layout(GROUPS, 0, SIZE);
  assert.deepEqual(ranges(layout, 0, 1000), [[0, 4], [4, 6]]);
  assert.deepEqual(ranges(layout, 150, 200), [[3, 4]]);
  assert.deepEqual(ranges(layout, 240, 260), [[3, 4], [4, 6]]);
  assert.deepEqual(ranges(layout, 5000, 6000), [[4, 6]]);
});

test("each point of the grid belongs to a tile, and what is beside the tiles belongs to one near it", () => {
  const layout = new Layout(GROUPS, 0, SIZE);
  const at = (left, top) => layout.indexAt(left, top);
  assert.deepEqual([at(0, 48), at(199, 60), at(299, 147), at(50, 148)], [0, 1, 2, 3]);
  // Left of, right of and above the tiles.
  assert.deepEqual([at(-20, 60), at(900, 60), at(150, -500)], [0, 2, 1]);
  // Beside the last tile of a group, on the heading of the next one, and below all tiles.
  assert.deepEqual([at(250, 160), at(50, 260), at(50, 296), at(150, 9000)], [3, 3, 4, 5]);
  assert.equal(new Layout([], 0, SIZE).indexAt(0, 0), -1);
});

test("arrow keys move to the next row, also to that of another group", () => {
  const layout = new Layout(GROUPS, 0, SIZE);
  const steps = (index) => [layout.vertical(index, false), layout.vertical(index, true)];
  assert.deepEqual([0, 2, 3, 5].map(steps), [[-1, 3], [-1, 3], [0, 4], [3, -1]]);
});

test("a group that is there twice has two keys", () => {
  const keys = new Layout([...GROUPS, GROUPS[0]], 0, SIZE).blocks.map(({ key }) => key);
  assert.deepEqual(keys, ["2026-05", "2026-04", "2026-05 2"]);
});
