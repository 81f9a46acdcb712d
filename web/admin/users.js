// The admins' view of users.

import { call, callPublic, query } from "../api.js";
import { confirm, form, openDialog } from "../dialog.js";
import { checkbox, field, h, icon } from "../dom.js";
import { bytes, number, time } from "../format.js";
import { notice, showError } from "../notice.js";
import { texts } from "../texts.js";
import { pages, table } from "./table.js";

const words = texts.admin;
const path = (user, end = "") => `/api/admin/users/${encodeURIComponent(user.id)}${end}`;

/** Creates the view. @param {{search?: string}} parameters */
export async function users({ search }) {
  const { account_tiers: tiers } = await callPublic("GET", "/api/account-tiers");
  const body = h("tbody");
  const below = await pages({
    load: (cursor) => call("GET", `/api/admin/users${query({ limit: 60, search, cursor })}`),
    rows: ({ users }) => users.map((user) => userRow(user, tiers)),
    place: body,
    none: words.noUsers,
  });
  const onCreated = (user) => body.prepend(userRow(user, tiers));
  const searchForm = form({
    className: "inline",
    fields: [field(words.searchUsers, h("input", { name: "search", type: "search", autocapitalize: "none", maxlength: "128", value: search ?? "" }))],
    button: words.search,
    kind: "",
    submit: async ({ search }) => {
      location.hash = `#/admin/users${query({ search: search.trim() })}`;
    },
    actions: [
      h("a", { class: "button", href: "#/admin/users" }, words.reset),
      h("button", { type: "button", class: "button primary", onclick: () => openNewUserDialog(tiers, onCreated) }, icon("plus"), words.newUser),
    ],
  });
  const columns = [words.user, words.email, texts.account.tier, words.usage, words.since, words.state, words.actions];
  return { parts: [searchForm, table(columns, body, words.tabs.users), below] };
}

/** @param {Api.User} user @param {Api.Tier[]} tiers */
function userRow(user, tiers) {
  const select = tierSelect(tiers, user.tier, { "aria-label": words.tierOf(user.username) });
  select.addEventListener("change", async () => {
    select.disabled = true;
    try {
      await call("PUT", path(user, "/tier"), { body: { tier: select.value } });
      user.tier = select.value;
      notice(words.tierSet(user.username, select.selectedOptions[0].textContent));
    } catch (error) {
      select.value = user.tier;
      showError(error);
    } finally {
      select.disabled = false;
    }
  });
  const manage = h("button", { type: "button", class: "button", "aria-label": words.manageUser(user.username), onclick: () => openUserDialog(user, {
    onchange: (changed) => {
      const next = userRow({ ...user, ...changed }, tiers);
      row.replaceWith(next);
      next.querySelector("button")?.focus();
    },
    ondelete: () => row.remove(),
  }) }, words.manage);
  const state = user.enabled ? words.statuses[user.status] ?? user.status : words.disabled;
  const row = h("tr", null,
    h("th", { scope: "row", class: "wrap" }, user.username, user.admin && [" ", h("span", { class: "chip" }, words.isAdmin)]),
    h("td", { class: "wrap" }, user.email), h("td", null, select),
    h("td", null, `${number(user.usage.images)} · ${bytes(user.usage.bytes)}`), h("td", null, time(user.created_at)), h("td", null, state),
    h("td", null, manage));
  return row;
}

const tierSelect = (tiers, chosen, props) => h("select", props, tiers.map(({ id, name }) => h("option", { value: id, selected: id === chosen }, name)));

/** @param {Api.Tier[]} tiers @param {(user: Api.User) => void} onCreated */
function openNewUserDialog(tiers, onCreated) {
  const text = (label, name, props) => field(label, h("input", { name, required: true, autocomplete: "off", ...props }));
  const dialog = openDialog({
    title: words.newUser,
    className: "small",
    body: [h("p", { class: "dialog-lead" }, words.newUserHint), form({
      fields: [
        text(texts.auth.username, "username", { maxlength: "128", autocapitalize: "none", spellcheck: "false" }),
        text(words.email, "email", { type: "email", maxlength: "254" }),
        field(texts.account.tier, tierSelect(tiers, tiers[0]?.id, { name: "tier" })),
        checkbox(words.admin, { name: "admin" }),
      ],
      button: words.newUser,
      submit: async ({ username, email, tier, admin }) => {
        const user = await call("POST", "/api/admin/users", { body: { username: username.trim(), email: email.trim(), tier, admin: admin !== undefined } });
        dialog.close();
        onCreated(user);
        notice(words.userCreated(user.username));
      },
    })],
  });
}

/**
 * Opens the dialog in which an admin changes a user.
 * @param {Api.User} user
 * @param {{onchange: (user: Api.User) => void, ondelete: () => void}} listeners
 */
async function openUserDialog(user, { onchange, ondelete }) {
  let known;
  try {
    known = await call("GET", path(user));
  } catch (error) {
    return showError(error);
  }
  const text = (label, name, props) => field(label, h("input", { name, autocomplete: "off", maxlength: "100", value: known[name] ?? "", ...props }));
  const ask = async (question, button, work) => {
    if (!await confirm(question, button)) return;
    try {
      await work();
    } catch (error) {
      showError(error);
    }
  };
  const sendPassword = () => ask(words.confirmTemporaryPassword(user.username), words.temporaryPassword, async () => {
    await call("POST", path(user, "/password"));
    notice(words.passwordSent(user.username));
  });
  const remove = () => ask(words.confirmDeleteUser(user.username), words.deleteUser, async () => {
    await call("DELETE", path(user));
    dialog.close();
    ondelete();
    notice(words.userDeleted(user.username));
  });
  const dialog = openDialog({
    title: user.username,
    className: "small",
    body: [form({
      fields: [
        text(words.email, "email", { type: "email", maxlength: "254", required: true }),
        text(texts.account.firstName, "first_name"),
        text(texts.account.lastName, "last_name"),
        checkbox(words.enabled, { name: "enabled", checked: known.enabled }),
        checkbox(words.admin, { name: "admin", checked: known.admin }),
      ],
      button: texts.save,
      submit: async (values) => {
        const wanted = {
          email: values.email.trim(),
          first_name: values.first_name.trim() || null,
          last_name: values.last_name.trim() || null,
          enabled: values.enabled !== undefined,
          admin: values.admin !== undefined,
        };
        const changes = Object.entries(wanted).filter(([name, value]) => value !== (known[name] ?? null));
        const saved = changes.length === 0 ? known : await call("PATCH", path(user), { body: Object.fromEntries(changes) });
        dialog.close();
        onchange(saved);
        notice(words.userSaved(user.username));
      },
    }), h("div", { class: "section more-actions" }, h("p", null, h("a", { href: `#/admin/audit${query({ target: user.id })}` }, words.auditOfUser)), h("div", { class: "actions" },
      h("button", { type: "button", class: "button", onclick: sendPassword }, words.temporaryPassword),
      h("button", { type: "button", class: "button danger", onclick: remove }, words.deleteUser)))],
  });
}
