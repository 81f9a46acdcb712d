// The positions and groups of the user's pictures in each order, and what the page calls the orders.

import { date, month } from "./format.js";
import { texts } from "./texts.js";

/** @param {Api.Image} image */
const takenOrCreated = (image) => image.exif?.taken_at ?? image.created_at;

/** The time without its offset from UTC: what the clock of the camera showed. @param {string} time */
const local = (time) => time.replace(/(Z|[+-]\d\d:\d\d)$/, "");

/**
 * The day of a time in UTC, in the user's time zone: "2026-05-01". A list asks for it while it scrolls, and the functions
 * for languages take three times as long.
 * @param {string} time
 */
function localDay(time) {
  const date = new Date(time);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** A text without differences of case and accents. @param {string} text */
const folded = (text) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();

/** How many characters of a time name its group. */
const GROUPS = { month: "2026-05".length, day: "2026-05-01".length };

/**
 * The position of a picture in the list, as the service sorts it.
 * @param {import("./chosen-order.js").Order} order
 * @returns {import("./loaded-pages.js").ListOrder}
 */
export function listOrder({ sort, order }) {
  const ascending = order === "asc";
  if (sort === "created_at") return { position: (image) => image.id, ascending };
  if (sort === "file_name") return { position: (image) => `${folded(image.file_name)}#${image.id}`, ascending };
  return { position: (image) => `${local(takenOrCreated(image))}#${image.id}`, ascending };
}

/**
 * Returns the function that names the group of a picture, or null without groups.
 * @param {import("./chosen-order.js").Order} order
 */
export function groupOf({ sort, group }) {
  if (group === "none") return null;
  /** @param {Api.Image} image */
  return (image) => (sort === "taken_at" ? takenOrCreated(image) : localDay(image.created_at)).slice(0, GROUPS[group]);
}

/** Returns the heading of a group. @param {string} group */
export const groupHeading = (group) => (group.length === GROUPS.month ? month(group) : date(group));

/** Returns the label of the grid in this order. @param {import("./chosen-order.js").Order} order */
export function gridLabel({ sort, order }) {
  return texts.order.grid({ ...texts.order.sorts, ...texts.order.names }[`${sort} ${order}`]);
}
