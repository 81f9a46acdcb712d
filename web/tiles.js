// The size of tiles, and what the page asks for in lists of pictures: only what a tile shows, and one thumbnail of the right
// size. Most bytes of a list are addresses.

/** The number of images that the page asks for at once. */
export const PAGE_SIZE = 100;
/** The space between tiles in CSS pixels. */
export const GAP = 6;
/** The minimum width of a tile in CSS pixels, on narrow and on wide screens. */
export const NARROW_TILE = 104;
const WIDE_TILE = 184;

/** Returns the columns of a grid of `width` CSS pixels, and the size of its tiles. @param {number} width */
export function tileLayout(width) {
  const least = width < 640 ? NARROW_TILE : WIDE_TILE;
  const columns = Math.max(width < 640 ? 3 : 2, Math.floor((width + GAP) / (least + GAP)));
  return { columns, size: (width - GAP * (columns - 1)) / columns };
}

/** The members of an image that lists and `isUnfinished` need. */
const FIELDS = ["file_name", "title", "status", "created_at", "thumbnails", "placeholder", "source_image_id"];

/**
 * Returns the parameters of a list whose images are shown as squares of `pixels` CSS pixels.
 * @param {number} pixels
 * @param {string[]} [more] further members
 */
export const squares = (pixels, more = []) => ({
  fields: [...FIELDS, ...more].join(),
  thumbnails: Math.ceil(pixels * Math.min(devicePixelRatio, 2)),
});

/**
 * Returns the parameters of a list that is shown in a grid, which marks the pictures of guests. They are the same with and
 * without a scroll bar, so that early.js asks for the same list as the view.
 * @param {string[]} [more] further members
 */
export const tiles = (more = []) => squares(tileLayout(innerWidth).size, ["upload_link", ...more]);

/** Whether an image has all its members. Those of lists have not. @param {Api.Image} image */
export const isWhole = (image) => image.version !== undefined;
