// The places of a grid's tiles. Each group of tiles has a heading and begins in a new row.

/** The height of a heading in CSS pixels. */
const HEADING = 48;

/**
 * A group: its tiles have the indexes from `from` to before `from + count`. Its rows begin at `top`, in CSS pixels, below
 * its heading. `key` is different in each block of a grid.
 * @typedef {{key: string, group: string, from: number, count: number, top: number, bottom: number}} Block
 */

export class Layout {
  /** @type {Block[]} */
  blocks = [];

  /**
   * @param {{group: string, count: number}[]} groups the group `""` has no heading
   * @param {number} rest the number of tiles that follow and have no group yet
   * @param {{columns: number, rowHeight: number, gap: number}} size
   */
  constructor(groups, rest, { columns, rowHeight, gap }) {
    this.columns = columns;
    this.rowHeight = rowHeight;
    this.gap = gap;
    let [from, bottom] = [0, 0];
    const seen = new Map();
    const isGrouped = groups.some(({ group }) => group !== "");
    // Without groups, the unknown tiles continue the last row.
    const all = isGrouped || groups.length === 0 ? [...groups, { group: "", count: rest }] : [{ ...groups[0], count: groups[0].count + rest }];
    for (const { group, count } of all) {
      if (count === 0) continue;
      const top = bottom + (group === "" ? 0 : HEADING);
      bottom = top + Math.ceil(count / columns) * rowHeight;
      // While a picture moves to another place, a group can be there twice.
      const times = (seen.get(group) ?? 0) + 1;
      seen.set(group, times);
      this.blocks.push({ key: times === 1 ? group : `${group} ${times}`, group, from, count, top, bottom });
      from += count;
    }
    this.height = Math.max(0, bottom - gap);
  }

  /** Returns the groups with a part between two heights, and the indexes of their tiles there. */
  visible(top, bottom) {
    const found = [];
    for (const block of this.blocks) {
      if (block.bottom <= top || block.top - HEADING > bottom) continue;
      const rows = Math.ceil(block.count / this.columns);
      const first = Math.max(0, Math.min(Math.floor((top - block.top) / this.rowHeight), rows - 1));
      const end = Math.min(rows, Math.max(first + 1, Math.ceil((bottom - block.top) / this.rowHeight)));
      found.push({ block, from: block.from + first * this.columns, to: Math.min(block.from + block.count, block.from + end * this.columns) });
    }
    // The last group if everything is above, so that a grid that becomes shorter is never empty.
    const last = this.blocks.at(-1);
    if (found.length === 0 && last) {
      const rows = Math.ceil(last.count / this.columns);
      found.push({ block: last, from: last.from + (rows - 1) * this.columns, to: last.from + last.count });
    }
    return found;
  }

  /** Returns the place of a tile: its distance from the left and from the top, and its group. */
  place(index) {
    const block = this.#blockOf(index);
    const within = index - block.from;
    return { block, left: within % this.columns * this.rowHeight, top: block.top + Math.floor(within / this.columns) * this.rowHeight };
  }

  /**
   * Returns the index of the tile at a point of the grid, or of one near it; -1 if there are no tiles.
   * @param {number} left
   * @param {number} top
   */
  indexAt(left, top) {
    // What is between two groups belongs to the one before.
    const block = this.blocks.findLast((block) => block.top <= top) ?? this.blocks[0];
    if (!block) return -1;
    const within = (length, count) => Math.max(0, Math.min(Math.floor(length / this.rowHeight), count - 1));
    const row = within(top - block.top, Math.ceil(block.count / this.columns));
    return block.from + Math.min(row * this.columns + within(left, this.columns), block.count - 1);
  }

  /** Returns the index of the tile in the same column of the next row or of the row before; -1 if there is none. */
  vertical(index, down) {
    const block = this.#blockOf(index);
    const [row, column] = [Math.floor((index - block.from) / this.columns), (index - block.from) % this.columns];
    const lastRow = Math.ceil(block.count / this.columns) - 1;
    const tile = (other, otherRow) => other.from + Math.min(otherRow * this.columns + column, other.count - 1);
    if (down ? row < lastRow : row > 0) return tile(block, row + (down ? 1 : -1));
    const other = this.blocks[this.blocks.indexOf(block) + (down ? 1 : -1)];
    if (!other) return -1;
    return tile(other, down ? 0 : Math.ceil(other.count / this.columns) - 1);
  }

  /** @param {number} index @returns {Block} */
  #blockOf(index) {
    const block = this.blocks.find(({ from, count }) => index < from + count) ?? this.blocks.at(-1);
    if (!block) throw new Error("the grid has no tiles");
    return block;
  }
}
