// The views for admins. Those of sets, users and the audit trail are in files of their own.

import { audit } from "../admin/audit.js";
import { sets } from "../admin/sets.js";
import { table } from "../admin/table.js";
import { users } from "../admin/users.js";
import { call, callPublic, query } from "../api.js";
import { confirm, form, openDialog } from "../dialog.js";
import { checkbox, field, fill, h, icon, iconButton } from "../dom.js";
import { bytes, number, time } from "../format.js";
import { Grid } from "../grid.js";
import { deleteImage } from "../images.js";
import { showError, notice } from "../notice.js";
import { PagedList } from "../paged-list.js";
import { texts } from "../texts.js";

const words = texts.admin;
const MEGABYTE = 1_000_000;

/** Creates the view of one tab, with the tab bar. */
export async function adminView(tab, parameters) {
  const views = { images, sets, users, tiers, queues, audit };
  /** @type {{parts: unknown[], shown?: () => void}} */
  const { parts, ...more } = await views[tab](parameters);
  const tabs = h("nav", { class: "tabs", "aria-label": words.title }, Object.keys(views).map((name) =>
    h("a", { href: `#/admin/${name}`, "aria-current": name === tab ? "page" : null }, words.tabs[name])));
  const title = `${words.title}: ${words.tabs[tab]}`;
  const shown = () => {
    more.shown?.();
    // On a phone, the tab bar is wider than the screen.
    tabs.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  return { title, ...more, shown, element: h("div", null, h("h1", { class: "visually-hidden", tabindex: "-1" }, title), tabs, parts) };
}

// ------------------------------------------------------------ pictures

function images(search) {
  const { file_name, phone_number, from, to, status } = search;
  const list = new PagedList((cursor, limit) => call("GET", `/api/admin/images${query({
    file_name, phone_number, status, cursor, limit,
    uploaded_after: from && new Date(`${from}T00:00`).toISOString(),
    uploaded_before: to && dayAfter(to),
  })}`));
  const empty = h("p", { class: "empty", hidden: true }, words.noImages);
  list.addEventListener("change", () => {
    empty.hidden = !(list.complete && list.length === 0);
  });
  const grid = new Grid({
    list,
    label: words.imagesGrid,
    href: (image) => `#/admin/images/${image.id}`,
    onDelete: (image) => deleteImage(image, list, "/api/admin/images"),
    caption: (image) => image.phone_number ?? image.file_name,
  });
  const input = (label, name, type, value) => field(label, h("input", { name, type, value: value ?? "" }));
  const states = h("select", { name: "status" }, h("option", { value: "" }, words.any),
    Object.entries(texts.photos.status).map(([value, label]) => h("option", { value, selected: value === status }, label)));
  const element = form({
    className: "inline search",
    fields: [
      input(words.fileName, "file_name", "search", file_name),
      input(words.phone, "phone_number", "tel", phone_number),
      input(words.after, "from", "date", from),
      input(words.before, "to", "date", to),
      field(words.status, states),
    ],
    button: words.search,
    submit: async (values) => {
      location.hash = `#/admin/images${query(values)}`;
    },
    actions: [h("a", { class: "button", href: "#/admin/images" }, words.reset)],
  });
  return { parts: [element, grid.errorBox, grid.element, empty], list, shown: () => grid.render(), dispose: () => grid.dispose() };
}

/** Returns the start of the next day in the user's time zone, so that the search includes the whole day. */
function dayAfter(day) {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + 1);
  return date.toISOString();
}

// ------------------------------------------------------------ tiers

async function tiers() {
  const { account_tiers } = await callPublic("GET", "/api/account-tiers");
  const cards = h("ul", { class: "cards" });
  const tiersById = new Map(account_tiers.map((tier) => [tier.id, tier]));
  const show = () => fill(cards, [...tiersById.values()].map((tier) => tierCard(tier, edit, remove)));
  const edit = (tier) => {
    const dialog = openDialog({
      title: tier ? words.editTier(tier.name) : words.newTier,
      body: tierForm(tier, tier ? [] : [...tiersById.keys()], (saved) => {
        tiersById.set(saved.id, saved);
        dialog.close();
        show();
        notice(words.tierSaved(saved.name));
      }),
    });
  };
  const remove = async (tier) => {
    if (!await confirm(words.confirmDeleteTier(tier.name), texts.image.delete)) return;
    try {
      await call("DELETE", `/api/admin/account-tiers/${tier.id}`);
      tiersById.delete(tier.id);
      show();
      notice(words.tierDeleted(tier.name));
    } catch (error) {
      showError(error);
    }
  };
  show();
  return { parts: [
    h("p", { class: "view-header" }, h("span", { class: "space" }),
      h("button", { type: "button", class: "button primary", onclick: () => edit(null) }, icon("plus"), words.newTier)),
    cards,
  ] };
}

/** @param {Api.Tier} tier */
function tierCard(tier, edit, remove) {
  const rows = [
    [texts.tier.sizes, texts.tier.px(tier.thumbnail_sizes)],
    [texts.tier.maxImages, number(tier.max_images)],
    [texts.tier.maxSets, number(tier.max_sets)],
    [texts.tier.maxPendingUploads, number(tier.max_pending_uploads)],
    [texts.tier.maxBytes, bytes(tier.max_image_bytes)],
    [texts.tier.original, tier.original_link ? texts.yes : texts.no],
    [texts.tier.expiring, tier.expiring_links ? texts.yes : texts.no],
    [texts.tier.maxLinks, number(tier.max_links)],
    [texts.tier.ai, tier.ai ? texts.yes : texts.no],
    [texts.tier.maxAiCalls, number(tier.max_ai_calls_per_day)],
  ];
  return h("li", { class: "card" },
    h("div", { class: "card-header" }, h("h2", null, tier.name), h("span", { class: "space" }),
      iconButton("trash", words.deleteTier(tier.name), () => remove(tier))),
    h("dl", { class: "facts" }, rows.map(([label, value]) => [h("dt", null, label), h("dd", null, value)])),
    h("button", { type: "button", class: "button", onclick: () => edit(tier), "aria-label": words.editTier(tier.name) }, texts.edit));
}

/** Creates the form for a tier, or for a new one if `tier` is null. Refuses a new id that is in `takenIds`. */
function tierForm(tier, takenIds, onSaved) {
  const id = h("input", { name: "id", required: true, maxlength: "32", pattern: "[a-z0-9\\-]+", value: tier?.id ?? "", readonly: tier !== null });
  const input = (label, name, value, more, hint) => field(label, h("input", { name, value, required: true, ...more }), hint);
  const count = (label, name, initial) => input(label, name, tier?.[name] ?? initial, { type: "number", min: "0", step: "1" });
  return form({
    fields: [
      field(texts.tier.id, id, texts.tier.idHint),
      input(texts.tier.name, "name", tier?.name ?? "", { maxlength: "64" }),
      input(texts.tier.sizes, "thumbnail_sizes", tier?.thumbnail_sizes.join(", ") ?? "200", { pattern: "\\s*\\d+(\\s*,\\s*\\d+)*\\s*" }, texts.tier.sizesHint),
      count(texts.tier.maxImages, "max_images", 100),
      count(texts.tier.maxSets, "max_sets", 100),
      count(texts.tier.maxPendingUploads, "max_pending_uploads", 100),
      input(texts.tier.maxBytesMb, "max_image_bytes", (tier?.max_image_bytes ?? 10 * MEGABYTE) / MEGABYTE, { type: "number", min: "0.001", max: "5368", step: "any" }),
      checkbox(texts.tier.original, { name: "original_link", checked: tier?.original_link }),
      checkbox(texts.tier.expiring, { name: "expiring_links", checked: tier?.expiring_links }),
      count(texts.tier.maxLinks, "max_links", 100),
      checkbox(texts.tier.ai, { name: "ai", checked: tier?.ai }),
      count(texts.tier.maxAiCalls, "max_ai_calls_per_day", 10),
    ],
    button: texts.save,
    submit: async (values) => {
      if (takenIds.includes(values.id)) throw Object.assign(new Error(words.idTaken), { field: "id" });
      const body = {
        name: values.name,
        thumbnail_sizes: values.thumbnail_sizes.split(",").map(Number),
        max_images: Number(values.max_images),
        max_sets: Number(values.max_sets),
        max_pending_uploads: Number(values.max_pending_uploads),
        max_links: Number(values.max_links),
        max_ai_calls_per_day: Number(values.max_ai_calls_per_day),
        max_image_bytes: Math.round(Number(values.max_image_bytes) * MEGABYTE),
        original_link: "original_link" in values,
        expiring_links: "expiring_links" in values,
        ai: "ai" in values,
      };
      onSaved(await call("PUT", `/api/admin/account-tiers/${values.id}`, { body }));
    },
  });
}

// ------------------------------------------------------------ queues

async function queues() {
  const body = h("tbody");
  const refreshedAt = h("p", { class: "quiet", role: "status" });
  const load = async () => {
    const { queues } = await call("GET", "/api/admin/queues");
    const count = (value) => h("td", null, number(value));
    fill(body, queues.map(({ name, waiting, in_flight, dead }) => h("tr", null,
      h("th", { scope: "row" }, words.queues[name] ?? name), count(waiting), count(in_flight),
      h("td", { class: dead > 0 ? "dead" : "" }, dead > 0 && icon("alert"), number(dead)))));
    refreshedAt.textContent = words.refreshed(time(new Date().toISOString()));
  };
  await load();
  return { parts: [
    h("p", { class: "view-header" }, h("span", null, words.queuesLead), h("span", { class: "space" }),
      h("button", { type: "button", class: "button", onclick: () => load().catch(showError) }, icon("retry"), words.refresh)),
    table([words.queue, words.waiting, words.inFlight, words.dead], body, words.tabs.queues), refreshedAt,
  ] };
}
