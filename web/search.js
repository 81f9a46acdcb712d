// The field that searches the user's pictures, and the dates that limit them.

import { form } from "./dialog.js";
import { field, h, iconButton } from "./dom.js";
import { popover } from "./popover.js";
import { texts } from "./texts.js";

const words = texts.search;

/**
 * Creates the field and the dates.
 * @param {{q: string, taken_after: string, taken_before: string}} filters those of the address; both days belong to the range
 * @param {(filters: {q?: string, taken_after?: string, taken_before?: string}) => void} go shows the pictures of other filters
 */
export function searchForm({ q, taken_after, taken_before }, go) {
  const input = h("input", { type: "search", name: "q", "aria-label": words.label, "aria-keyshortcuts": "/",
    placeholder: words.placeholder, maxlength: "200", value: q });
  const element = h("form", { class: "search-form", role: "search" }, input, iconButton("search", words.search, () => {}, { type: "submit" }));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: input.value.trim() });
  });
  const date = (label, name, value) => field(label, h("input", { type: "date", name, value }));
  const isLimited = taken_after !== "" || taken_before !== "";
  const dates = popover(words.dates, form({
    fields: [date(words.from, "from", taken_after), date(words.to, "to", taken_before)],
    button: words.apply,
    submit: async ({ from, to }) => {
      if (from && to && from > to) throw Object.assign(new Error(words.wrongRange), { field: "to" });
      go({ taken_after: from, taken_before: to });
    },
  }), { class: isLimited ? "button chosen" : "button" });
  const clear = (q !== "" || isLimited) &&
    iconButton("close", words.clear, () => go({ q: "", taken_after: "", taken_before: "" }));
  return [element, dates, clear];
}

/**
 * The filters as the API has them: its range ends before `taken_before`, so the day after the last one is sent.
 * @param {{q: string, taken_after: string, taken_before: string}} filters
 */
export function apiFilters({ q, taken_after, taken_before }) {
  if (!taken_before) return { q, taken_after };
  const end = new Date(`${taken_before}T00:00:00Z`);
  end.setUTCDate(end.getUTCDate() + 1);
  return { q, taken_after, taken_before: end.toISOString().slice(0, 10) };
}
