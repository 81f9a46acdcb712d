// The dialogs in which an admin creates and changes a user, and the actions on users.

import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { confirm, form, openDialog } from "../dialog.js";
import { checkbox, field, h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { notice } from "../notice.js";
import { texts } from "../texts.js";
import { forEachRow } from "./table.js";

const words = laterTexts.admin;

/** The address of a user. @param {{id: string}} user */
export const userPath = (user, end = "") => `/api/admin/users/${encodeURIComponent(user.id)}${end}`;

/** What Cognito says about a user, in words. @param {Api.User} user */
export const stateOf = (user) => (user.enabled ? words.statuses[user.status] ?? user.status : words.disabled);

/** Creates a select element with all tiers. @param {Api.Tier[]} tiers @param {string | undefined} chosen */
const tierSelect = (tiers, chosen, props) =>
  h("select", props, tiers.map(({ id, name }) => h("option", { value: id, selected: id === chosen }, name)));

/** @param {Api.Tier[]} tiers @param {(user: Api.User) => void} onCreated */
export function openNewUserDialog(tiers, onCreated) {
  const text = (label, name, props) => field(label, h("input", { name, required: true, autocomplete: "off", ...props }));
  const dialog = openDialog({
    title: words.newUser,
    className: "small",
    body: [h("p", { class: "dialog-lead" }, words.newUserHint), form({
      fields: [
        text(texts.auth.username, "username", { maxlength: "128", autocapitalize: "none", spellcheck: "false" }),
        text(words.email, "email", { type: "email", maxlength: "254" }),
        field(laterTexts.account.tier, tierSelect(tiers, tiers[0]?.id, { name: "tier" })),
        checkbox(words.admin, { name: "admin" }),
      ],
      button: words.newUser,
      submit: async ({ username, email, tier, admin }) => {
        const body = { username: username.trim(), email: email.trim(), tier, admin: admin !== undefined };
        const user = await call("POST", "/api/admin/users", { body });
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
 * @param {(user: Api.User) => void} onChanged
 */
export function openUserDialog(user, onChanged) {
  const text = (label, name, props) =>
    field(label, h("input", { name, autocomplete: "off", maxlength: "100", value: user[name] ?? "", ...props }));
  const dialog = openDialog({
    title: words.editUser(user.username),
    className: "small",
    body: form({
      fields: [
        text(words.email, "email", { type: "email", maxlength: "254", required: true }),
        text(laterTexts.account.firstName, "first_name"),
        text(laterTexts.account.lastName, "last_name"),
        checkbox(words.enabled, { name: "enabled", checked: user.enabled }),
        checkbox(words.admin, { name: "admin", checked: user.admin }),
      ],
      button: texts.save,
      submit: async (values) => {
        const changes = changesOf(user, {
          email: values.email.trim(),
          first_name: values.first_name.trim() || null,
          last_name: values.last_name.trim() || null,
          enabled: values.enabled !== undefined,
          admin: values.admin !== undefined,
        });
        const saved = changes && await call("PATCH", userPath(user), { body: changes });
        dialog.close();
        onChanged({ ...user, ...saved });
        notice(words.userSaved(user.username));
      },
    }),
  });
}

/** Names one user, or says how many there are. @param {Api.User[]} users */
const nameOf = (users) => (users.length === 1 ? users[0].username : words.userCount(users.length));

/**
 * Allows or forbids users to log in.
 * @param {Api.User[]} users
 * @param {boolean} enabled
 * @param {(user: Api.User) => void} onChanged
 */
export async function setEnabled(users, enabled, onChanged) {
  const question = enabled ? words.confirmEnable(nameOf(users)) : words.confirmDisable(nameOf(users));
  if (!await confirm(question, enabled ? words.enable : words.disable, enabled ? "primary" : "danger")) return;
  await forEachRow(users, async (user) => onChanged({ ...user, ...await call("PATCH", userPath(user), { body: { enabled } }) }));
  notice(enabled ? words.enabledDone(nameOf(users)) : words.disabledDone(nameOf(users)));
}

/** Moves a user to a tier. @param {Api.User} user @param {string} tier */
async function moveToTier(user, tier) {
  await call("PUT", userPath(user, "/tier"), { body: { tier } });
  return { ...user, tier };
}

/**
 * Asks for a tier, and moves users to it.
 * @param {Api.User[]} users
 * @param {Api.Tier[]} tiers
 * @param {(user: Api.User) => void} onChanged
 */
export function openTierDialog(users, tiers, onChanged) {
  const dialog = openDialog({
    title: words.moveToTier(nameOf(users)),
    className: "small",
    body: form({
      fields: [field(laterTexts.account.tier, tierSelect(tiers, users[0]?.tier, { name: "tier" }))],
      button: words.move,
      submit: async ({ tier }) => {
        const moved = [];
        try {
          await forEachRow(users, async (user) => void moved.push(await moveToTier(user, tier)));
          dialog.close();
        } finally {
          // After the dialog is closed, because the changed view takes the focus.
          moved.forEach(onChanged);
        }
        notice(words.tierSet(nameOf(users), tiers.find(({ id }) => id === tier)?.name ?? tier));
      },
    }),
  });
}

/** Sends a user a temporary password, after a question. @param {Api.User} user @param {() => void} onSent */
export async function sendPassword(user, onSent) {
  if (!await confirm(words.confirmTemporaryPassword(user.username), words.temporaryPassword)) return;
  await call("POST", userPath(user, "/password"));
  onSent();
  notice(words.passwordSent(user.username));
}

/**
 * Deletes users, after a question.
 * @param {Api.User[]} users
 * @param {(user: Api.User) => void} onDeleted
 */
export async function deleteUsers(users, onDeleted) {
  if (!await confirm(words.confirmDeleteUser(nameOf(users)), words.deleteUser)) return;
  await forEachRow(users, async (user) => {
    await call("DELETE", userPath(user));
    onDeleted(user);
  });
  notice(users.length === 1 ? words.userDeleted(users[0].username) : words.usersDeleted(users.length));
}
