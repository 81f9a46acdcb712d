// The password, the second factor and the sessions of the user.

import { call, session } from "../api.js";
import { copyButton } from "../copy.js";
import { codeField, form, openDialog, passwordField, usernameField } from "../dialog.js";
import { fill, h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { notice } from "../notice.js";
import { loadProfile, state } from "../state.js";
import { texts } from "../texts.js";
import { card } from "./card.js";
import { withPassword, withTotpCode } from "./explain.js";

const words = laterTexts.account;

/** Creates the section for the password, the second factor and the logout. @param {HTMLElement[]} logout its buttons */
export function securitySection(logout) {
  const content = () => {
    const on = state.profile?.totp === true;
    const button = (label, onclick) => h("button", { type: "button", class: "button", onclick }, label);
    return [
      h("div", { class: "actions" }, button(words.changePassword, changePassword), logout),
      h("h3", null, words.totp),
      h("p", { class: "quiet" }, on ? words.totpOn : words.totpOff),
      h("div", { class: "actions" }, on
        ? button(words.removeTotp, () => removeTotp(section))
        : button(texts.auth.setUpTotp, () => setUpTotp(section))),
    ];
  };
  const section = card(words.security, content);
  return section.element;
}

/** Opens a dialog whose content changes from step to step. `show` replaces its content and moves the focus there. */
function openSteps(title, ...first) {
  const body = h("div", null, first);
  const dialog = openDialog({ title, className: "small", body });
  const show = (...parts) => {
    fill(body, parts);
    body.querySelector("input")?.focus();
  };
  return { show, close: () => dialog.close() };
}

const lead = (text) => h("p", { class: "dialog-lead" }, text);

/** Creates a form for a code of the authenticator app. */
const totpForm = (button, submit) => form({
  fields: [codeField(texts.auth.totpCode)],
  button,
  submit: ({ code }) => withTotpCode(() => submit(code.replaceAll(/\s/g, ""))),
});

function changePassword() {
  const finish = (challenge) => {
    if (challenge !== null) {
      // The new session needs a code, like every login.
      return steps.show(lead(words.passwordCode), totpForm(words.changePassword, async (code) => finish(await session.answer(challenge, { code }))));
    }
    steps.close();
    notice(words.passwordChanged);
  };
  const steps = openSteps(words.changePassword, lead(words.changePasswordHint), form({
    fields: [
      usernameField(state.profile?.username),
      passwordField("current-password", words.currentPassword, "", "current_password"),
      passwordField("new-password", texts.auth.newPassword, texts.auth.passwordHint, "new_password"),
    ],
    button: words.changePassword,
    submit: async ({ current_password, new_password }) =>
      finish(await withPassword("current_password", () => session.changePassword(current_password, new_password))),
  }));
}

/** Shows a new secret, and turns the second factor on when the user enters a code that belongs to it. */
function setUpTotp(section) {
  const steps = openSteps(texts.auth.setUpTotp, lead(words.setUpTotpHint), form({
    fields: [passwordField("current-password", words.currentPassword)],
    button: words.goOn,
    submit: async ({ password }) => {
      const secret = await withPassword("password", () => call("POST", "/api/auth/totp", { body: { password } }));
      steps.show(lead(words.totpScan), secretPart(secret), totpForm(words.totpConfirm, (code) => confirm(code, password)));
    },
  }));
  const confirm = async (code, password) => {
    await session.confirmTotp(code, password);
    await loadProfile();
    steps.close();
    section.update();
    notice(words.totpEnabled);
  };
}

function secretPart({ secret, otpauth_uri, qr_code }) {
  const source = `data:image/svg+xml,${encodeURIComponent(qr_code)}`;
  return h("div", { class: "totp" },
    h("img", { class: "qr", src: source, alt: words.totpQr, width: "220", height: "220" }),
    h("p", null, h("a", { href: otpauth_uri }, words.totpOpen)),
    h("p", { class: "quiet" }, words.totpSecret),
    h("p", { class: "secret" }, h("code", null, secret.replace(/.{4}(?=.)/g, "$& ")), copyButton(secret, words.copySecret, words.secretCopied)));
}

function removeTotp(section) {
  const steps = openSteps(words.removeTotp, lead(words.removeTotpHint), form({
    fields: [passwordField("current-password", words.currentPassword)],
    button: words.removeTotp,
    kind: "danger",
    submit: async ({ password }) => {
      await withPassword("password", () => call("DELETE", "/api/auth/totp", { body: { password } }));
      await loadProfile();
      steps.close();
      section.update();
      notice(words.totpRemoved);
    },
  }));
}
