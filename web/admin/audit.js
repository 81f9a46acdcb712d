// The admins' view of the audit trail.

import { call, query } from "../api.js";
import { h } from "../dom.js";
import { time } from "../format.js";
import { texts } from "../texts.js";
import { pages, table, userNames } from "./table.js";

const words = texts.admin;

/** Creates the view. @param {{admin?: string, target?: string}} parameters ids that an entry must have */
export async function audit({ admin, target }) {
  const body = h("tbody");
  const userName = userNames();
  const below = await pages({
    load: (cursor) => call("GET", `/api/admin/audit${query({ limit: 50, admin, target, cursor })}`),
    rows: ({ entries }) => entries.map((entry) => entryRow(entry, userName)),
    place: body,
    none: words.noAudit,
  });
  const columns = [words.auditTime, words.auditWho, words.auditAction, words.auditWhat, words.auditDetails, words.auditResult];
  return { parts: [
    h("p", { class: "view-header" }, h("span", null, admin || target ? words.auditFiltered : words.auditLead), h("span", { class: "space" }),
      (admin || target) && h("a", { class: "button", href: "#/admin/audit" }, words.auditAll)),
    table(columns, body, words.tabs.audit), below,
  ] };
}

/** @param {Api.AuditEntry} entry @param {ReturnType<typeof userNames>} userName */
function entryRow({ at, admin, action, target, details, outcome, code }, userName) {
  const isFailed = outcome === "failed";
  return h("tr", null, h("td", null, time(at)),
    h("th", { scope: "row" }, h("a", { href: `#/admin/audit${query({ admin: admin.id })}` }, admin.username)),
    h("td", null, words.auditActions[action] ?? action),
    h("td", { class: "wrap" }, target.id && h("a", { href: `#/admin/audit${query({ target: target.id })}` }, target.kind === "user" ? userName(target.id) : target.id)),
    h("td", { class: "wrap" }, changes(details)),
    h("td", { class: isFailed ? "dead" : "" }, isFailed ? words.auditFailed(code) : words.auditDone));
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
