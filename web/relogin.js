// Lets a user whose session has ended log in again without losing what is typed.

import { withTotpCode } from "./account/explain.js";
import { session } from "./api.js";
import { codeField, form, openDialog, passwordField } from "./dialog.js";
import { fill, h } from "./dom.js";
import { texts } from "./texts.js";

const words = texts.relogin;

/**
 * Opens the dialog. Calls `onLogin` after the login, and `onGiveUp` if the user closes the dialog.
 * @param {string} username
 * @param {{onLogin: () => void, onGiveUp: () => void}} listeners
 */
export function openRelogin(username, { onLogin, onGiveUp }) {
  let isDone = false;
  const proceed = (challenge) => {
    if (challenge === null) {
      isDone = true;
      return dialog.close();
    }
    // Every other step is for a user who logs in for the first time.
    if (challenge.challenge !== "totp") return dialog.close();
    fill(body, form({
      fields: [codeField(texts.auth.totpCode)],
      button: texts.auth.login,
      submit: async ({ code }) =>
        proceed(await withTotpCode(() => session.answer(challenge, { code: code.replaceAll(/\s/g, "") }))),
    }));
    body.querySelector("input")?.focus();
  };
  const body = h("div", null, form({
    fields: [passwordField("current-password", words.password(username))],
    button: texts.auth.login,
    submit: async ({ password }) => proceed(await session.login(username, password)),
  }));
  const dialog = openDialog({
    title: words.title,
    className: "small",
    body: [h("p", { class: "dialog-lead" }, words.lead), body],
    onclose: () => (isDone ? onLogin() : onGiveUp()),
  });
}
