// The pages of a list that is loaded page by page.

/** The maximum number of pages with items, however long the list is. */
const MAX_LOADED_PAGES = 12;

/**
 * `last` is the position of the last item when the page was loaded. `items` is null if they were dropped; `count`, `ids`
 * and `groups` stay. `groups` has the group of each item. `loadedAt` is a time in milliseconds, and `lastUsed` is larger
 * the later the page was needed.
 * @typedef {{cursor: string | null, last: string | null, count: number, items: Api.Image[] | null, ids: string[],
 *   groups: string[], loadedAt: number, lastUsed: number, loading: boolean}} LoadedPage
 */

/**
 * The order of a list: `position` returns a text, and the list is sorted by these texts.
 * @typedef {{position: (item: Api.Image) => string, ascending: boolean}} ListOrder
 */

/** Whether a position comes before another one. @param {ListOrder} order @param {string} position @param {string} other */
export function precedes(order, position, other) {
  return order.ascending ? position < other : position > other;
}

/** Inserts an item into a sorted list. @param {Api.Image[]} list @param {Api.Image} item @param {ListOrder} order */
export function insertInto(list, item, order) {
  const position = order.position(item);
  const place = list.findIndex((known) => precedes(order, position, order.position(known)));
  list.splice(place < 0 ? list.length : place, 0, item);
}

/** Creates a page without items. @param {string | null} cursor @param {number} lastUsed @returns {LoadedPage} */
export function emptyPage(cursor, lastUsed) {
  return { cursor, last: null, count: 0, items: null, ids: [], groups: [], loadedAt: 0, lastUsed, loading: false };
}

/** Returns the ids of a page, also if its items were dropped. @param {LoadedPage} page */
export const idsOf = (page) => page.items?.map((item) => item.id) ?? page.ids;

/**
 * Returns the page of an index, and the index within that page.
 * @param {LoadedPage[]} pages
 * @param {number} index counts from the first item of the first page
 * @returns {[LoadedPage | null, number]}
 */
export function locate(pages, index) {
  let start = 0;
  for (const page of pages) {
    if (index < start + page.count) return [page, index - start];
    start += page.count;
  }
  return [null, 0];
}

/**
 * Drops the items of the least recently used pages. The first page stays: loaded again, it would repeat the items that
 * were inserted before it.
 * @param {LoadedPage[]} pages
 */
export function dropOldPages(pages) {
  const kept = pages.slice(1).filter((page) => page.items && page.last !== null);
  kept.sort((a, b) => b.lastUsed - a.lastUsed);
  for (const page of kept.slice(MAX_LOADED_PAGES)) {
    page.ids = idsOf(page);
    page.items = null;
  }
}

/** Returns each group with its length. @param {string[]} groups the group of each item, in order */
export function countGroups(groups) {
  /** @type {{group: string, count: number}[]} */
  const found = [];
  for (const group of groups) {
    const last = found.at(-1);
    if (last?.group === group) last.count += 1;
    else found.push({ group, count: 1 });
  }
  return found;
}
