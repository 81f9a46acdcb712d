// The views for login, registration, confirmation, a forgotten password and the second step of a login.

import { withTotpCode } from "../account/explain.js";
import { callPublic, session } from "../api.js";
import { codeField, form, passwordField } from "../dialog.js";
import { field, h, icon } from "../dom.js";
import { notice } from "../notice.js";
import { texts } from "../texts.js";

const words = texts.auth;
/**
 * The name and password from the last form. With them the user is logged in after the confirmation.
 * @type {{username: string, password: string, destination?: string} | null}
 */
let remembered = null;
/** The next step of the login. @type {Api.Challenge | null} */
let challenge = null;
/** The user who has requested a code for a new password. @type {string | null} */
let forgetful = null;

/**
 * @param {string} route login, register, confirm or forgot
 * @param {{onLogin: () => Promise<void>, redraw: () => void, reason: string}} page `redraw` shows this view anew. `reason`
 * says why the page asks for the login, or is empty
 */
export function authView(route, page) {
  const views = { login: challenge ? nextStep : login, register, confirm, forgot: forgetful === null ? forgot : reset };
  const { title, lead, body } = views[route](page);
  return h("div", { class: "auth" },
    h("div", { class: "auth-brand" }, icon("aperture"), h("p", { class: "auth-name" }, texts.name), h("p", null, texts.tagline)),
    h("section", { class: "card" }, h("h1", { tabindex: "-1" }, title), lead && h("p", null, lead), body));
}

const links = (...all) => h("p", { class: "auth-links" }, all.map(([href, label]) => h("a", { href }, label)));

/** Continues a login after a response of the service: shows the next step, or the page. */
function proceed(next, { onLogin, redraw }) {
  challenge = next;
  if (next !== null) return redraw();
  remembered = null;
  return onLogin();
}

function login(page) {
  const body = form({
    fields: [username(words.usernameOrEmail), passwordField("current-password", words.password)],
    button: words.login,
    submit: async ({ username, password }) => {
      const name = username.trim();
      try {
        await proceed(await session.login(name, password), page);
      } catch (error) {
        if (error.code !== "not-confirmed") throw error;
        remembered = { username: name, password };
        location.hash = "#/confirm";
      }
    },
  });
  const why = page.reason !== "" && h("p", { class: "callout", role: "alert" }, page.reason);
  return { title: words.login, body: [why, body, links(["#/register", words.toRegister], ["#/forgot", words.forgot])] };
}

/** The step after the password: a code of the second factor, or a new password instead of a temporary one. */
function nextStep(page) {
  const isTotp = challenge?.challenge === "totp";
  const restart = () => {
    challenge = null;
    page.redraw();
  };
  const body = form({
    fields: [isTotp ? codeField(words.totpCode) : passwordField("new-password", words.newPassword, words.passwordHint, "new_password")],
    button: words.login,
    submit: async (values) => {
      if (!challenge) return;
      const answer = isTotp ? { code: values.code.replaceAll(/\s/g, "") } : { new_password: values.new_password };
      const send = () => session.answer(/** @type {Api.Challenge} */ (challenge), answer);
      try {
        await proceed(await (isTotp ? withTotpCode(send) : send()), page);
      } catch (error) {
        if (error.code !== "challenge-expired") throw error;
        notice(error.message, { kind: "error" });
        restart();
      }
    },
  });
  return {
    title: isTotp ? words.challenge : words.forgotTitle,
    lead: isTotp ? words.totpLead : words.newPasswordLead,
    body: [body, h("p", { class: "auth-links" }, h("button", { type: "button", class: "text-button", onclick: restart }, words.backToLogin))],
  };
}

function register() {
  const email = h("input", { name: "email", type: "email", autocomplete: "email", required: true, maxlength: "254" });
  const body = form({
    fields: [username(), field(words.email, email), passwordField("new-password", words.password, words.passwordHint)],
    button: words.register,
    submit: async ({ username, email, password }) => {
      const { confirmed, code_delivery } = await callPublic("POST", "/api/auth/register", { body: { username, email, password } });
      remembered = { username, password, destination: code_delivery?.destination };
      location.hash = confirmed ? "#/login" : "#/confirm";
    },
  });
  return { title: words.register, body: [body, links(["#/login", words.toLogin])] };
}

function confirm(page) {
  const name = remembered?.username;
  const body = form({
    fields: [!name && username(), codeField(words.code)],
    button: words.confirmButton,
    submit: async (values) => {
      const username = name ?? values.username;
      await callPublic("POST", "/api/auth/confirm", { body: { username, code: values.code.trim() } });
      notice(words.confirmed);
      if (!remembered?.password) {
        location.hash = "#/login";
        return;
      }
      await proceed(await session.login(username, remembered.password), page);
    },
    actions: [resend((control) => name ?? control?.value, "/api/auth/confirm/resend", words.resent)],
  });
  return { title: words.confirm, lead: words.codeSent(remembered?.destination), body: [body, links(["#/login", words.toLogin])] };
}

/** The first step after a forgotten password: the service sends a code. */
function forgot({ redraw }) {
  const body = form({
    fields: [username()],
    button: words.forgotSend,
    submit: async ({ username }) => {
      await callPublic("POST", "/api/auth/password/forgot", { body: { username } });
      notice(words.forgotSent);
      forgetful = username;
      redraw();
    },
  });
  return { title: words.forgotTitle, lead: words.forgotLead, body: [body, links(["#/login", words.toLogin])] };
}

/** The second step: a new password with the code. */
function reset() {
  const username = forgetful;
  forgetful = null;
  const body = form({
    fields: [codeField(words.code), passwordField("new-password", words.newPassword, words.passwordHint, "new_password")],
    button: words.reset,
    submit: async ({ code, new_password }) => {
      await callPublic("POST", "/api/auth/password/reset", { body: { username, code: code.trim(), new_password } });
      notice(words.resetDone);
      location.hash = "#/login";
    },
    actions: [resend(() => username, "/api/auth/password/forgot", words.forgotSent)],
  });
  return { title: words.forgotTitle, lead: words.codeSent(), body: [body, links(["#/login", words.toLogin])] };
}

/**
 * Creates a button that makes the service send another code by e-mail.
 * @param {(control: HTMLInputElement | undefined) => string | undefined | null} name returns the user's name; gets the
 *   form's field for it
 */
function resend(name, path, done) {
  const button = h("button", { type: "button", class: "button", onclick: async () => {
    const control = /** @type {HTMLInputElement | undefined} */ (button.form?.elements.namedItem("username") ?? undefined);
    const username = name(control);
    if (!username) return control?.reportValidity();
    button.disabled = true;
    try {
      await callPublic("POST", path, { body: { username } });
      notice(done);
    } catch (error) {
      notice(error.message, { kind: "error" });
    } finally {
      button.disabled = false;
    }
  } }, words.resend);
  return button;
}

function username(label = words.username) {
  return field(label, h("input", {
    name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true,
    maxlength: "254", value: remembered?.username ?? "",
  }));
}
