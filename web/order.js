// The orders and groups of the user's pictures.

import { date, month } from "./format.js";
import { texts } from "./texts.js";

/** @param {Api.Image} image */
const takenOrCreated = (image) => image.exif?.taken_at ?? image.created_at;

/** The time without its offset from UTC: what the clock of the camera showed. @param {string} time */
const local = (time) => time.replace(/(Z|[+-]\d\d:\d\d)$/, "");

/** The day of a time in UTC, in the user's time zone: "2026-05-01". @param {string} time */
const localDay = (time) => new Date(time).toLocaleDateString("sv");

/** A text without differences of case and accents. @param {string} text */
const folded = (text) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();

/** How many characters of a time name its group. */
const GROUPS = { month: "2026-05".length, day: "2026-05-01".length };

/** How pictures are grouped in each order, unless the user chooses. */
const DEFAULT_GROUPS = { created_at: "none", taken_at: "month", file_name: "none" };

/**
 * An order of the list of pictures: `sort` and `order` as the API has them, and how the pictures are grouped.
 * @typedef {{sort: "created_at" | "taken_at" | "file_name", order: "asc" | "desc", group: "month" | "day" | "none"}} Order
 */

/** Reads the order from the parameters of the address. @param {Record<string, string>} parameters @returns {Order} */
export function orderOf({ sort, order, group }) {
  return {
    sort: sort === "taken_at" || sort === "file_name" ? sort : "created_at",
    order: order === "asc" ? "asc" : "desc",
    // The months and days would not follow each other in the order of names.
    group: sort === "file_name" ? "none" : group === "none" || group === "day" || group === "month" ? group : DEFAULT_GROUPS[sort] ?? "none",
  };
}

/** Returns the parameters for the address, without those that have their default. @param {Order} order */
export function parametersOf({ sort, order, group }) {
  return {
    sort: sort === "created_at" ? null : sort,
    // The service has another default for file names.
    order: order === "asc" || sort === "file_name" ? order : null,
    group: group === DEFAULT_GROUPS[sort] ? null : group,
  };
}

/**
 * The position of a picture in the list, as the service sorts it.
 * @param {Order} order
 * @returns {import("./loaded-pages.js").ListOrder}
 */
export function listOrder({ sort, order }) {
  const ascending = order === "asc";
  if (sort === "created_at") return { position: (image) => image.id, ascending };
  if (sort === "file_name") return { position: (image) => `${folded(image.file_name)}#${image.id}`, ascending };
  return { position: (image) => `${local(takenOrCreated(image))}#${image.id}`, ascending };
}

/** Returns the function that names the group of a picture, or null without groups. @param {Order} order */
export function groupOf({ sort, group }) {
  if (group === "none") return null;
  /** @param {Api.Image} image */
  return (image) => (sort === "taken_at" ? takenOrCreated(image) : localDay(image.created_at)).slice(0, GROUPS[group]);
}

/** Returns the heading of a group. @param {string} group */
export const groupHeading = (group) => (group.length === GROUPS.month ? month(group) : date(group));

/** Returns the label of the grid in this order. @param {Order} order */
export function gridLabel({ sort, order }) {
  return texts.order.grid({ ...texts.order.sorts, ...texts.order.names }[`${sort} ${order}`]);
}
