// The view of API keys, with which programs act for the user.

import { withPassword, withTotpCode } from "../account/explain.js";
import { showOnce } from "../account/shown-once.js";
import { call } from "../api.js";
import { codeField, form, openDialog, passwordField, usernameField } from "../dialog.js";
import { checkboxGroup, field, h, icon } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { showError } from "../notice.js";
import { revocableList, revokeButton } from "../revocable.js";
import { state } from "../state.js";
import { texts } from "../texts.js";

const words = laterTexts.keys;
const DAY = 86_400;
/** Choices for the lifetime of a key, in seconds. Null stands for a key that does not expire. */
const LIFETIMES = [7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, null];

/** Creates the view. */
export async function keysView() {
  const heading = h("h1", { tabindex: "-1" }, words.title);
  const list = revocableList({ label: words.list, none: words.none, heading, row: keyRow });
  const load = async () => list.show((await call("GET", "/api/keys")).keys);
  await load();
  const make = h("button", { type: "button", class: "button primary", onclick: () =>
    openNewKey(() => load().catch(showError)) }, icon("plus"), words.make);
  const element = h("div", { class: "narrow" },
    h("header", { class: "view-header" },
      h("a", { class: "icon-button", href: "#/account", "aria-label": laterTexts.account.title }, icon("back")),
      heading, h("span", { class: "space" }), make),
    h("p", { class: "quiet" }, words.lead), list.elements);
  return { title: words.title, element };
}

/** @param {Api.ApiKey} key @param {() => void} onRevoked */
function keyRow(key, onRevoked) {
  const { created_at, expires_at, last_used_at } = key;
  const times = [words.created(time(created_at)), words.expires(time(expires_at)), words.used(time(last_used_at))];
  return h("li", { class: "row" },
    h("div", { class: "row-text" }, h("strong", null, key.name),
      h("p", null, key.scopes.join(", ")), h("p", { class: "quiet" }, times.join(" · "))),
    revokeButton({
      path: `/api/keys/${encodeURIComponent(key.id)}`, label: words.revoke(key.name),
      question: words.confirmRevoke(key.name), yes: words.revokeButton, done: words.revoked, onRevoked,
    }));
}

/** Opens the dialog for a new key. It then shows the key. @param {() => void} onMade */
function openNewKey(onMade) {
  const lifetimes = LIFETIMES.map((seconds) =>
    h("option", { value: seconds ?? "", selected: seconds === 90 * DAY }, words.lifetime(seconds)));
  const name = h("input", { name: "name", autocomplete: "off", required: true, maxlength: "100" });
  const body = h("div", null, form({
    fields: [
      field(words.name, name, words.nameHint),
      checkboxGroup(words.scopes, "scopes", words.scopeNames, ["images:read"], words.noScope),
      field(words.expiresIn, h("select", { name: "expires_in" }, lifetimes)),
      // Otherwise password managers would take the name of the key for the name of the user.
      usernameField(state.profile?.username),
      passwordField("current-password", laterTexts.account.currentPassword, words.passwordHint),
      state.profile?.totp && codeField(texts.auth.totpCode),
    ],
    button: texts.create,
    submit: async ({ name, expires_in, password, code }, element) => {
      const request = { body: {
        name: name.trim(),
        scopes: new FormData(element).getAll("scopes"),
        expires_in: expires_in === "" ? null : Number(expires_in),
        password,
        ...(code && { code: code.trim() }),
      } };
      const { key } = await withTotpCode(() => withPassword("password", () => call("POST", "/api/keys", request)));
      showOnce(body, key, words.made);
      onMade();
    },
  }));
  openDialog({ title: words.make, className: "small", body });
}
