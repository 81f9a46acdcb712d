// The user's names and e-mail address.

import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { codeField, form, openDialog, passwordField } from "../dialog.js";
import { field, h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { notice } from "../notice.js";
import { isAdmin, loadProfile, state } from "../state.js";
import { texts } from "../texts.js";
import { card } from "./card.js";
import { withPassword } from "./explain.js";

const words = laterTexts.account;

/** Creates the section with the names and the e-mail address. */
export function profileSection() {
  const changed = async () => {
    await loadProfile();
    section.update();
  };
  const content = () => {
    const profile = /** @type {Api.Profile} */ (state.profile);
    const name = [profile.first_name, profile.last_name].filter(Boolean).join(" ");
    const confirmed = profile.email_verified || profile.email === null;
    const button = (label, onclick) => h("button", { type: "button", class: "button", onclick }, label);
    return [
      h("dl", { class: "facts" },
        name !== "" && [h("dt", null, words.name), h("dd", null, name)],
        h("dt", null, texts.auth.email),
        h("dd", null, profile.email ?? "", !confirmed && [" ", h("span", { class: "chip" }, words.unconfirmed)]),
        state.tier && [h("dt", null, words.tier), h("dd", null, state.tier.name)]),
      profile.pending_email && confirmation(profile.pending_email, changed),
      isAdmin() && h("p", null, h("a", { href: "#/admin" }, words.admin)),
      h("div", { class: "actions" },
        button(words.editName, () => editName(profile, changed)), button(words.changeEmail, () => changeEmail(profile, changed))),
    ];
  };
  const section = card(state.profile?.username ?? "", content);
  return section.element;
}

/** @param {Api.Profile} profile @param {() => Promise<void>} changed */
function editName(profile, changed) {
  const text = (label, name, autocomplete) =>
    field(label, h("input", { name, autocomplete, maxlength: "100", value: profile[name] ?? "" }));
  const dialog = openDialog({
    title: words.editName,
    className: "small",
    body: form({
      fields: [text(words.firstName, "first_name", "given-name"), text(words.lastName, "last_name", "family-name")],
      button: texts.save,
      submit: async ({ first_name, last_name }) => {
        const changes = changesOf(profile, { first_name: first_name.trim() || null, last_name: last_name.trim() || null });
        if (changes) await call("PATCH", "/api/auth/profile", { body: changes });
        dialog.close();
        await changed();
        notice(texts.saved);
      },
    }),
  });
}

/** @param {Api.Profile} profile @param {() => Promise<void>} changed */
function changeEmail(profile, changed) {
  const value = profile.pending_email ?? (profile.email_verified ? "" : profile.email ?? "");
  const address = h("input", { name: "email", type: "email", autocomplete: "email", required: true, maxlength: "254", value });
  const dialog = openDialog({
    title: words.changeEmail,
    className: "small",
    body: [h("p", { class: "dialog-lead" }, words.emailHint), form({
      fields: [field(words.newEmail, address), passwordField("current-password", words.currentPassword)],
      button: words.sendCode,
      submit: async ({ email, password }) => {
        await withPassword("password", () => call("PATCH", "/api/auth/profile", { body: { email: email.trim(), password } }));
        dialog.close();
        await changed();
      },
    })],
  });
}

/** Creates the form for the code that was sent to a new address. @param {string} email @param {() => Promise<void>} changed */
function confirmation(email, changed) {
  return h("div", { class: "callout", role: "group", "aria-label": words.confirmEmailButton }, h("p", { role: "status" }, words.confirmEmail(email)), form({
    fields: [codeField(texts.auth.code)],
    button: words.confirmEmailButton,
    submit: async ({ code }) => {
      await call("POST", "/api/auth/email/confirm", { body: { code: code.trim() } });
      await changed();
      notice(words.emailConfirmed);
    },
  }));
}
