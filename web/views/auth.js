// The views for login, registration, confirmation and a forgotten password.

import { callPublic, session } from "../api.js";
import { form } from "../dialog.js";
import { checkbox, field, h, icon } from "../dom.js";
import { notice } from "../notice.js";
import { texts } from "../texts.js";

const words = texts.auth;
/**
 * The name and password from the last form. With them the user is logged in after the confirmation.
 * @type {{username: string, password: string, destination?: string} | null}
 */
let remembered = null;

/** @param {string} route login, register, confirm or forgot @param {() => Promise<void>} onLogin */
export function authView(route, onLogin) {
  const views = { login, register, confirm, forgot };
  const { title, lead, body } = (views[route] ?? login)(onLogin);
  return h("div", { class: "auth" },
    h("div", { class: "auth-brand" }, icon("aperture"), h("p", { class: "auth-name" }, texts.name), h("p", null, texts.tagline)),
    h("section", { class: "card" }, h("h1", { tabindex: "-1" }, title), lead && h("p", null, lead), body));
}

function login(onLogin) {
  const links = [
    h("a", { href: "#/register" }, words.toRegister),
    h("a", { href: "#/forgot" }, words.forgot),
  ];
  const body = form({
    fields: [username(), password("current-password", words.password)],
    button: words.login,
    submit: async (values) => {
      try {
        await session.login(values.username, values.password);
      } catch (error) {
        if (error.code === "not-confirmed") {
          remembered = values;
          location.hash = "#/confirm";
          return;
        }
        throw error;
      }
      remembered = null;
      await onLogin();
    },
  });
  return { title: words.login, body: [body, h("p", { class: "auth-links" }, links)] };
}

function register() {
  const email = h("input", { name: "email", type: "email", autocomplete: "email", required: true, maxlength: "254" });
  const body = form({
    fields: [username(), field(words.email, email), password("new-password", words.password, words.passwordHint)],
    button: words.register,
    submit: async ({ username, email, password }) => {
      const { confirmed, code_delivery } = await callPublic("POST", "/api/auth/register", { body: { username, email, password } });
      remembered = { username, password, destination: code_delivery?.destination };
      location.hash = confirmed ? "#/login" : "#/confirm";
    },
  });
  return { title: words.register, body: [body, h("p", { class: "auth-links" }, h("a", { href: "#/login" }, words.toLogin))] };
}

function confirm(onLogin) {
  const name = remembered?.username;
  const body = form({
    fields: [!name && username(), code()],
    button: words.confirmButton,
    submit: async (values) => {
      const username = name ?? values.username;
      await callPublic("POST", "/api/auth/confirm", { body: { username, code: values.code.trim() } });
      notice(words.confirmed);
      if (!remembered?.password) {
        location.hash = "#/login";
        return;
      }
      await session.login(username, remembered.password);
      remembered = null;
      await onLogin();
    },
    actions: [resend(() => name, "/api/auth/confirm/resend", words.resend, words.resent)],
  });
  const links = h("p", { class: "auth-links" }, h("a", { href: "#/login" }, words.toLogin));
  return { title: words.confirm, lead: words.codeSent(remembered?.destination), body: [body, links] };
}

function forgot() {
  const body = form({
    fields: [username(), code(), password("new-password", words.newPassword, words.passwordHint, "new_password")],
    button: words.reset,
    submit: async ({ username, code, new_password }) => {
      await callPublic("POST", "/api/auth/password/reset", { body: { username, code: code.trim(), new_password } });
      notice(words.resetDone);
      location.hash = "#/login";
    },
    actions: [resend(() => null, "/api/auth/password/forgot", words.forgotSend, words.forgotSent)],
  });
  return { title: words.forgotTitle, body: [body, h("p", { class: "auth-links" }, h("a", { href: "#/login" }, words.toLogin))] };
}

/** Creates a button that makes the service send a code by e-mail. */
function resend(name, path, label, done) {
  const button = h("button", { type: "button", class: "button", onclick: async () => {
    const control = /** @type {HTMLInputElement | undefined} */ (button.form?.elements.namedItem("username") ?? undefined);
    const username = name() || control?.value;
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
  } }, label);
  return button;
}

function username() {
  return field(words.username, h("input", {
    name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true,
    maxlength: "128", value: remembered?.username ?? "",
  }));
}

function code() {
  return field(words.code, h("input", {
    name: "code", autocomplete: "one-time-code", inputmode: "numeric", required: true, maxlength: "16", class: "code",
  }));
}

function password(autocomplete, label, hint, name = "password") {
  const input = h("input", { name, type: "password", autocomplete, required: true, maxlength: "256" });
  const show = checkbox(words.showPassword, { onchange: (event) => {
    input.type = event.target.checked ? "text" : "password";
  } });
  return [field(label, input, hint), show];
}
