// The deletion of the user's account.

import { call } from "../api.js";
import { codeField, form, openDialog, passwordField } from "../dialog.js";
import { h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { notice } from "../notice.js";
import { isAdmin, state } from "../state.js";
import { texts } from "../texts.js";
import { withPassword, withTotpCode } from "./explain.js";

const words = laterTexts.account;
/** What the deletion deletes. */
const lead = () => words.deleteLead(state.profile?.features.dropbox ?? false);

/** Creates the section for the deletion. @param {() => Promise<void>} onDeleted is called when the service has taken the request */
export function deletionSection(onDeleted) {
  return h("section", { class: "card" },
    h("h2", null, words.delete),
    h("p", { class: "quiet" }, isAdmin() ? words.deleteAdmin : lead()),
    !isAdmin() && h("div", { class: "actions" },
      h("button", { type: "button", class: "button danger", onclick: () => ask(onDeleted) }, words.delete)));
}

function ask(onDeleted) {
  const dialog = openDialog({
    title: words.delete,
    className: "small",
    body: [h("p", { class: "dialog-lead" }, lead(), " ", words.deleteHint), form({
      fields: [
        passwordField("current-password", words.currentPassword),
        state.profile?.totp && codeField(texts.auth.totpCode),
      ],
      button: words.deleteConfirm,
      kind: "danger",
      submit: async ({ password, code }) => {
        const body = { password, ...(code && { code: code.trim() }) };
        await withTotpCode(() => withPassword("password", () => call("DELETE", "/api/auth/account", { body })));
        dialog.close();
        await onDeleted();
        notice(words.deleted);
      },
    })],
  });
}
