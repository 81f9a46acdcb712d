// The admins' view of users.

import { call, callPublic } from "../api.js";
import { form } from "../dialog.js";
import { field, h, icon } from "../dom.js";
import { bytes, number, time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { query } from "../query.js";
import { DataTable } from "./table.js";
import { deleteUsers, openNewUserDialog, openTierDialog, setEnabled, stateOf } from "./user-forms.js";
import { userPage } from "./user.js";

const words = laterTexts.admin;

/** Cognito lists at most 60 users at once. */
const PAGE_SIZE = 60;

/** Creates the view of all users, or of one. @param {{search?: string, user?: string}} parameters */
export async function users({ search, user }) {
  const { account_tiers: tiers } = await callPublic("GET", "/api/account-tiers");
  if (user) return userPage(user, tiers);
  const onChanged = (changed) => table.put(changed);
  const table = new DataTable({
    label: words.tabs.users,
    none: words.noUsers,
    load: async (cursor) => {
      const { users, next_cursor } = await call("GET", `/api/admin/users${query({ limit: PAGE_SIZE, search, cursor })}`);
      return { rows: users, next_cursor };
    },
    columns: columns(tiers),
    actions: [
      { name: words.moveTo, icon: "sets", run: (users) => openTierDialog(users, tiers, onChanged) },
      { name: words.disable, icon: "block", kind: "danger", run: (users) => setEnabled(users, false, onChanged) },
      { name: words.enable, icon: "check", run: (users) => setEnabled(users, true, onChanged) },
      { name: words.deleteUser, icon: "trash", kind: "danger", run: (users) => deleteUsers(users, ({ id }) => table.remove(id)) },
    ],
  });
  await table.start();
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
      h("button", { type: "button", class: "button primary", onclick: () => openNewUserDialog(tiers, onChanged) }, icon("plus"), words.newUser),
    ],
  });
  return { parts: [searchForm, table.element] };
}

/** @param {Api.Tier[]} tiers @returns {import("./table.js").Column<Api.User>[]} */
function columns(tiers) {
  const tierName = ({ tier }) => tiers.find(({ id }) => id === tier)?.name ?? tier;
  return [
    { label: words.user, isHeading: true, kind: "wrap", sort: ({ username }) => username, cell: (user) => [
      h("a", { href: `#/admin/users/${user.id}` }, user.username), user.admin && [" ", h("span", { class: "chip" }, words.isAdmin)]] },
    { label: words.email, kind: "wrap", sort: ({ email }) => email, cell: ({ email }) => email },
    { label: laterTexts.account.tier, sort: tierName, cell: tierName },
    { label: words.pictures, kind: "number", sort: ({ usage }) => usage.images, cell: ({ usage }) => number(usage.images) },
    { label: words.stored, kind: "number", sort: ({ usage }) => usage.bytes, cell: ({ usage }) => bytes(usage.bytes) },
    { label: words.since, sort: ({ created_at }) => created_at, cell: ({ created_at }) => time(created_at) },
    { label: words.state, sort: stateOf, cell: (user) => h("span", { class: user.enabled ? "status" : "status failed" }, stateOf(user)) },
  ];
}
