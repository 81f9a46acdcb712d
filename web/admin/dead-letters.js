// The dialog with the dead letters of one kind of work, and the button that starts their work again.

import { call } from "../api.js";
import { confirm, openDialog } from "../dialog.js";
import { busy, fill, h, icon } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { notice, showError } from "../notice.js";
import { texts } from "../texts.js";
import { userNames } from "./names.js";

const words = laterTexts.admin;

/**
 * Opens the dialog. Calls `onchange` after it has closed, if letters were sent again.
 * @param {string} name the kind of work
 * @param {() => unknown} onchange
 */
export function openDeadLetters(name, onchange) {
  const path = `/api/admin/queues/${name}`;
  const queue = words.queues[name] ?? name;
  const userName = userNames();
  let isChanged = false;
  const status = h("p", { class: "quiet", role: "status" }, words.lettersLoading);
  const problem = h("p", { class: "callout error", role: "alert", hidden: true });
  const position = h("p", { class: "callout", hidden: true }, words.letterPosition);
  const rows = h("ul", { class: "rows", "aria-label": words.dead });
  const refresh = h("button", { type: "button", class: "button", onclick: () => busy(refresh, load) }, words.refresh);
  const retry = h("button", { type: "button", class: "button primary", onclick: () => busy(retry, () => busy(refresh, redrive)).catch(showError) },
    icon("retry"), texts.retry);

  /** Shows the letters, or why they cannot be shown. @returns {Promise<Api.DeadLetter[] | null>} */
  const load = async () => {
    try {
      const { dead_letters: letters } = await call("GET", `${path}/dead-letters`);
      problem.hidden = true;
      status.textContent = letters.length > 0 ? words.lettersLead : words.noLetters;
      position.hidden = !letters.some(({ about }) => about.kind === "position");
      fill(rows, letters.map((letter) => letterRow(letter, userName)));
      return letters;
    } catch (error) {
      status.textContent = "";
      problem.textContent = error.message;
      problem.hidden = false;
      return null;
    }
  };
  const redrive = async () => {
    if (!await confirm(words.confirmRedrive(queue), texts.retry, "primary")) return;
    isChanged = true;
    let sent = 0;
    let more = true;
    let hasEnded = false;
    try {
      // A request sends a limited number. The user may close the dialog meanwhile.
      while (more && dialog.open) {
        const answer = await call("POST", `${path}/redrive`);
        sent += answer.sent;
        more = answer.more;
        // If a request sends none, the next one would not either.
        if (answer.sent === 0) break;
        if (more) status.textContent = words.lettersSent(sent);
      }
      hasEnded = true;
    } finally {
      // A request that fails does not hide what the others have sent.
      if (sent > 0 || hasEnded) notice(more ? `${words.lettersSent(sent)} ${words.lettersLeft}` : words.lettersSent(sent));
      const left = dialog.open ? await load() : null;
      if (!dialog.open) onchange();
      else if (left?.length === 0 && !more) dialog.close();
    }
  };
  const dialog = openDialog({
    title: words.lettersOf(queue),
    body: h("div", { class: "card-body" }, status, problem, position, rows, h("div", { class: "actions" }, retry, refresh)),
    onclose: () => isChanged && onchange(),
  });
  busy(refresh, load);
}

/** @param {Api.DeadLetter} letter @param {(id: string) => HTMLElement} userName */
function letterRow({ id, sent_at, received, about }, userName) {
  const { kind, id: item, user_id: user, change } = about;
  // The view of a removed image would say that there is none.
  const hasView = kind === "upload" || kind === "image" && change !== "removed";
  const what = [words.letterKinds[kind] ?? kind, change && (words.letterChanges[change] ?? change)].filter(Boolean).join(": ");
  const line = (...content) => h("p", { class: "quiet" }, content);
  return h("li", { class: "row" }, h("div", { class: "row-text" },
    h("strong", null, what),
    item && line(hasView ? h("a", { href: `#/admin/images/${item}` }, item) : item),
    user && line(words.user, ": ", h("a", { href: `#/admin/users/${user}` }, userName(user))),
    line(words.letterTimes(time(sent_at), received)),
    line(words.messageId(id))));
}
