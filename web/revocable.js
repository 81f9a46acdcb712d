// Lists of what the user can revoke: links, upload links and API keys.

import { call } from "./api.js";
import { confirm } from "./dialog.js";
import { fill, h, iconButton } from "./dom.js";
import { notice, showError } from "./notice.js";

/**
 * Creates a list. Another text is shown while the list is empty. After a revocation, the heading gets the focus.
 * @template Item
 * @param {{label?: string, none: string, heading: HTMLElement, onRevoked?: () => void,
 *   row: (item: Item, onRevoked: () => void) => HTMLElement}} options
 */
export function revocableList({ label, none, heading, row, onRevoked }) {
  const rows = h("ul", { class: "rows", "aria-label": label });
  const empty = h("p", { class: "quiet", hidden: true }, none);
  const showEmpty = () => {
    empty.hidden = rows.children.length > 0;
  };
  /** @param {Item} item */
  const make = (item) => {
    const element = row(item, () => {
      element.remove();
      onRevoked?.();
      showEmpty();
      heading.focus({ preventScroll: true });
    });
    return element;
  };
  return {
    elements: [rows, empty],
    /** @param {Item[]} items */
    show: (items) => {
      fill(rows, items.map(make));
      showEmpty();
    },
    /** @param {Item} item */
    add: (item) => {
      rows.prepend(make(item));
      showEmpty();
    },
  };
}

/**
 * Creates the button that revokes what is at `path`, after a question.
 * @param {{path: string, label: string, question: string, yes: string, done: string, onRevoked: () => void}} options
 */
export function revokeButton({ path, label, question, yes, done, onRevoked }) {
  return iconButton("trash", label, async () => {
    if (!await confirm(question, yes)) return;
    try {
      await call("DELETE", path);
    } catch (error) {
      // It was revoked elsewhere, or has expired.
      if (error.status !== 404) return showError(error);
    }
    onRevoked();
    notice(done);
  });
}
