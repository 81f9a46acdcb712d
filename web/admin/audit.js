// The admins' view of the audit trail.

import { call } from "../api.js";
import { h } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { query } from "../query.js";
import { texts } from "../texts.js";
import { userNames } from "./names.js";
import { DataTable } from "./table.js";

const words = laterTexts.admin;
const PAGE_SIZE = 50;

/**
 * Creates the table.
 * @param {{admin?: string, target?: string}} filters ids that an entry must have
 */
export function auditTable({ admin, target }) {
  const table = new DataTable({
    label: words.tabs.audit,
    none: words.noAudit,
    columns: columns(userNames()),
    load: async (cursor) => {
      const { entries, next_cursor } = await call("GET", `/api/admin/audit${query({ limit: PAGE_SIZE, admin, target, cursor })}`);
      return { rows: entries, next_cursor };
    },
  });
  return table.start();
}

/** Creates the view. @param {{admin?: string, target?: string}} parameters ids that an entry must have */
export async function audit({ admin, target }) {
  const table = await auditTable({ admin, target });
  return { parts: [
    h("p", { class: "view-header" }, h("span", null, admin || target ? words.auditFiltered : words.auditLead), h("span", { class: "space" }),
      (admin || target) && h("a", { class: "button", href: "#/admin/audit" }, words.auditAll)),
    table.element,
  ] };
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
    { label: words.auditWhat, kind: "wrap", sort: ({ target }) => target.kind, cell: ({ target: { id, kind } }) => id &&
      h("a", { href: `#/admin/audit${query({ target: id })}` }, kind === "user" ? userName(id) : kind === "queue" ? words.queues[id] ?? id : id) },
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
