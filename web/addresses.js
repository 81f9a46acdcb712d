// The addresses of pictures. A picture opens above its list, and its address names this list. So the list, its order and
// the pictures before and after this one are the same after a reload, and in another tab.

import { query } from "./query.js";

/** The part of an address before the id of a picture. */
export const PICTURES = "#/images";
/** The same for admins. */
export const ADMIN_PICTURES = "#/admin/images";

/**
 * Returns the address of a picture.
 * @param {string} id
 * @param {Record<string, string | null | undefined>} list the parameters that name its list
 * @param {string} [base] PICTURES or ADMIN_PICTURES
 */
export const pictureAddress = (id, list, base = PICTURES) => `${base}/${id}${query(list)}`;

/**
 * An address: the segments of its path, and its parameters.
 * @typedef {{parts: string[], parameters: Record<string, string>}} Address
 */

/**
 * Returns the address of the list that the address of a picture names: a set, the pictures for a phone number, or the
 * user's pictures with filters and an order. Null if it names none.
 * @param {Record<string, string>} parameters those of the picture's address
 * @returns {Address | null}
 */
export function listOf({ set, phone, ...filters }) {
  if (set) return { parts: ["sets", set], parameters: {} };
  if (phone) return { parts: ["phone", phone], parameters: {} };
  return Object.keys(filters).length > 0 ? { parts: [], parameters: filters } : null;
}

/**
 * The same for admins: the pictures of a user, or those of all users with filters.
 * @param {Record<string, string>} parameters
 * @returns {Address | null}
 */
export function adminListOf({ user, ...filters }) {
  if (user) return { parts: ["admin", "users", user], parameters: {} };
  return Object.keys(filters).length > 0 ? { parts: ["admin", "images"], parameters: filters } : null;
}

/** Returns an address as a text. @param {Address} address */
export const addressText = ({ parts, parameters }) =>
  `#/${parts.map(encodeURIComponent).join("/")}${query(parameters)}`;
