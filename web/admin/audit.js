// The admins' view of the audit trail.

import { call } from "../api.js";
import { form } from "../dialog.js";
import { field, h } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { query } from "../query.js";
import { texts } from "../texts.js";
import { nameOfUser, userNames } from "./names.js";
import { DataTable } from "./table.js";

const words = laterTexts.admin;
const PAGE_SIZE = 50;
/** Cognito lists at most 60 users at once. */
const USERS = 60;
/** The id of a user. Pictures, sets and tiers have ids of another form. */
const USER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Ids that an entry must have.
 * @typedef {{admin?: string, target?: string}} Filters
 */

/**
 * Creates the table.
 * @param {Filters} filters
 * @param {string} none the text of an empty table
 */
export function auditTable({ admin, target }, none = words.noAudit) {
  const table = new DataTable({
    label: words.tabs.audit,
    none,
    columns: columns(userNames()),
    load: async (cursor) => {
      const { entries, next_cursor } = await call("GET", `/api/admin/audit${query({ limit: PAGE_SIZE, admin, target, cursor })}`);
      return { rows: entries, next_cursor };
    },
  });
  return table.start();
}

/** Creates the view. @param {Filters} filters */
export async function audit({ admin, target }) {
  const isFiltered = Boolean(admin || target);
  const [table, filters] = await Promise.all([
    auditTable({ admin, target }, isFiltered ? words.noAuditMatch : words.noAudit),
    filterForm({ admin, target }),
  ]);
  return { parts: [h("p", { class: "lead" }, isFiltered ? words.auditFiltered : words.auditLead), filters, table.element] };
}

/** Creates the form for the filters. The address contains the ids of users, and the form shows their names. @param {Filters} filters */
async function filterForm({ admin = "", target = "" }) {
  const user = USER_ID.test(target) ? target : "";
  const [adminName, userName] = await Promise.all([admin, user].map((id) => (id ? nameOfUser(id) : "")));
  const input = (label, name, value, more = {}) =>
    field(label, h("input", { name, type: "search", autocapitalize: "none", maxlength: "128", value, ...more }));
  return form({
    className: "inline search",
    fields: [
      input(words.auditAdmin, "admin", adminName),
      input(words.auditUser, "user", userName),
      input(words.auditTarget, "target", user ? "" : target, { pattern: "\\s*[A-Za-z0-9\\-]*\\s*", maxlength: "64" }),
    ],
    button: words.search,
    submit: async (values, element) => {
      const id = values.target.trim();
      if (id && values.user.trim()) throw Object.assign(new Error(words.auditOneTarget), { field: "target" });
      const [admin, user] = await Promise.all(["admin", "user"].map((name) => idOfUser(values[name].trim(), name)));
      // The admin may have gone to another view meanwhile.
      if (element.isConnected) location.hash = `#/admin/audit${query({ admin, target: user || id })}`;
    },
    actions: [h("a", { class: "button", href: "#/admin/audit" }, words.reset)],
  });
}

/**
 * Returns the id of a user.
 * @param {string} name the name of the user, or already the id
 * @param {string} field the field that an error names
 * @returns {Promise<string>}
 */
async function idOfUser(name, field) {
  if (name === "" || USER_ID.test(name)) return name;
  let cursor = null;
  do {
    // The search finds all names that begin with this one.
    const { users, next_cursor } = await call("GET", `/api/admin/users${query({ limit: USERS, search: name, cursor })}`);
    const user = users.find(({ username }) => username === name);
    if (user) return user.id;
    cursor = next_cursor;
  } while (cursor !== null);
  throw Object.assign(new Error(words.noUserOfName), { field });
}

/** @param {(id: string) => HTMLElement} userName @returns {import("./table.js").Column<Api.AuditEntry>[]} */
function columns(userName) {
  const result = ({ outcome, code }) => (outcome === "failed" ? words.auditFailed(code) : words.auditDone);
  const action = (entry) => words.auditActions[entry.action] ?? entry.action;
  return [
    { label: words.auditTime, sort: ({ at }) => at, cell: ({ at }) => time(at) },
    { label: words.auditWho, isHeading: true, sort: ({ admin }) => admin.username,
      cell: ({ admin }) => h("a", { href: `#/admin/audit${query({ admin: admin.id })}` }, admin.username) },
    { label: words.auditAction, sort: action, cell: action },
    { label: words.auditWhat, kind: "wrap", sort: ({ target }) => target.kind, cell: ({ target: { id, kind, name } }) => [
      name && h("div", null, name),
      id && h("a", { href: `#/admin/audit${query({ target: id })}` }, kind === "user" ? userName(id) : kind === "queue" ? words.queues[id] ?? id : id)] },
    { label: words.user, kind: "wrap", cell: ({ target: { user_id } }) =>
      user_id && h("a", { href: `#/admin/users/${user_id}` }, userName(user_id)) },
    { label: words.auditDetails, kind: "wrap", cell: ({ details }) => changes(details) },
    { label: words.auditResult, sort: result, cell: (entry) => h("span", { class: entry.outcome === "failed" ? "dead" : "" }, result(entry)) },
  ];
}

/** Describes what was changed. @param {Api.AuditEntry["details"]} details */
function changes({ fields, tier, enabled, admin }) {
  const values = { tier, enabled, admin };
  return fields.map((name) => {
    const [label, value] = [words.auditFields[name] ?? name, values[name]];
    return value === null || value === undefined ? label : `${label}: ${typeof value === "boolean" ? yesNo(value) : value}`;
  }).join(", ");
}

const yesNo = (value) => (value ? texts.yes : texts.no);
