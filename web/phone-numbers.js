// The phone numbers for which the user has uploaded pictures.

import { call } from "./api.js";
import { fill, h } from "./dom.js";
import { query } from "./query.js";
import { texts } from "./texts.js";

const words = texts.phone;
const PAGE_SIZE = 100;
/** The API has no list of numbers, so they are read from so many pages of the newest pictures. */
const MAX_PAGES = 5;

/** Creates the section. It is hidden if there are no numbers. */
export function phoneNumbersSection() {
  const list = h("ul", { class: "tags" });
  const hint = h("p", { class: "quiet" });
  const element = h("section", { class: "links-section", hidden: true }, h("h2", null, words.used), list, hint);
  load().then(({ numbers, isComplete }) => {
    fill(list, [...numbers].map(([number, count]) => h("li", null,
      h("a", { class: "button", href: `#/phone/${encodeURIComponent(number)}` }, number, " ", h("span", { class: "quiet" }, texts.photos.count(count))))));
    hint.textContent = isComplete ? "" : words.usedNewest(PAGE_SIZE * MAX_PAGES);
    element.hidden = numbers.size === 0;
  }, () => {
    // The field for a number works without this list.
  });
  return element;
}

/** Counts the newest pictures of each number. */
async function load() {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  let cursor = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { images, next_cursor } = await call("GET", `/api/images${query({ fields: "phone_number", limit: PAGE_SIZE, cursor })}`);
    for (const { phone_number: number } of images) {
      if (number) numbers.set(number, (numbers.get(number) ?? 0) + 1);
    }
    cursor = next_cursor;
    if (cursor === null) break;
  }
  return { numbers, isComplete: cursor === null };
}
