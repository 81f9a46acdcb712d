// The order of the user's pictures as the address has it, as the API has it, and as this browser remembers it. early.js
// imports this module too, so it has no state.

import { query } from "./query.js";
import { tiles } from "./tiles.js";

/** How pictures are grouped in each order, unless the user chooses. */
const DEFAULT_GROUPS = { created_at: "none", taken_at: "month", file_name: "none" };

/**
 * The key in localStorage of the order that was chosen last, as the parameters of an address. All users of this browser
 * share it. It says nothing about their pictures.
 */
const ORDER_KEY = "darkroom.order";

/**
 * An order of the list of pictures: `sort` and `order` as the API has them, and how the pictures are grouped.
 * @typedef {{sort: "created_at" | "taken_at" | "file_name", order: "asc" | "desc", group: "month" | "day" | "none"}} Order
 */

/** Reads the order from parameters. @param {Record<string, string>} parameters @returns {Order} */
export function orderOf({ sort, order, group }) {
  return {
    sort: sort === "taken_at" || sort === "file_name" ? sort : "created_at",
    order: order === "asc" ? "asc" : "desc",
    // The months and days would not follow each other in the order of names.
    group: sort === "file_name" ? "none" : group === "none" || group === "day" || group === "month" ? group : DEFAULT_GROUPS[sort] ?? "none",
  };
}

/** Returns the parameters of an order, without those that have their default. @param {Order} order */
export function parametersOf({ sort, order, group }) {
  return {
    sort: sort === "created_at" ? null : sort,
    // The service has another default for file names.
    order: order === "asc" || sort === "file_name" ? order : null,
    group: group === DEFAULT_GROUPS[sort] ? null : group,
  };
}

/**
 * Reads the order from the parameters of an address. If they name none, it is the remembered one.
 * @param {Record<string, string>} parameters
 */
export function chosenOrder(parameters) {
  const { sort, order, group } = parameters;
  return orderOf(sort || order || group ? parameters : Object.fromEntries(remembered()));
}

/** Returns the parameters that name an order in an address, whatever is remembered. @param {Order} order */
export const namedOrder = (order) => ({ ...parametersOf(order), sort: order.sort });

/** The same, but without parameters if an address without them stands for this order. @param {Order} order */
export const addressOrder = (order) => (remembered().size === 0 ? parametersOf(order) : namedOrder(order));

/** Has this browser remember an order. @param {Order} order */
export function rememberOrder(order) {
  const parameters = query(parametersOf(order));
  try {
    if (parameters === "") localStorage.removeItem(ORDER_KEY);
    else localStorage.setItem(ORDER_KEY, parameters);
  } catch {
    // The storage is full or forbidden. The address still has the order.
  }
}

function remembered() {
  try {
    return new URLSearchParams(localStorage.getItem(ORDER_KEY) ?? "");
  } catch {
    // The user has forbidden the page to store anything.
    return new URLSearchParams();
  }
}

/** Returns the parameters of a list in an order, as the API has them. @param {Order} order */
export function listParameters(order) {
  const { sort, order: direction } = parametersOf(order);
  // The order by the time taken needs that time.
  return { sort, order: direction, ...tiles(order.sort === "taken_at" ? ["exif"] : []) };
}
