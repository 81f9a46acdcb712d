// The admins' view of account tiers.

import { call, callPublic } from "../api.js";
import { changesOf } from "../changes.js";
import { confirm, form, openDialog } from "../dialog.js";
import { checkbox, field, fill, focusAgain, h, icon, iconButton } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { notice, showError } from "../notice.js";
import { texts } from "../texts.js";
import { tierFacts } from "../tier-facts.js";

const words = laterTexts.admin;
const MEGABYTE = 1_000_000;
/** New users start in this tier, so it cannot be deleted. */
const DEFAULT_TIER = "basic";

/** Creates the view. */
export async function tiers() {
  const { account_tiers } = await callPublic("GET", "/api/account-tiers");
  const cards = h("ul", { class: "cards tiers" });
  const tiersById = new Map(account_tiers.map((tier) => [tier.id, tier]));
  const show = () => fill(cards, [...tiersById.values()].map((tier) => tierCard(tier, edit, remove)));
  const edit = (tier) => {
    const dialog = openDialog({
      title: tier ? words.editTier(tier.name) : words.newTier,
      body: tierForm(tier, tier ? [] : [...tiersById.keys()], (saved) => {
        tiersById.set(saved.id, saved);
        dialog.close();
        show();
        focusAgain(words.editTier(saved.name));
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
      focusAgain(words.deleteTier(tier.name));
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
  return h("li", { class: "card" },
    h("div", { class: "card-header" }, h("h2", null, tier.name), h("span", { class: "space" }),
      tier.id !== DEFAULT_TIER && iconButton("trash", words.deleteTier(tier.name), () => remove(tier))),
    h("dl", { class: "facts" }, tierFacts(tier).map(([label, value]) => [h("dt", null, label), h("dd", null, value)])),
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
      checkbox(texts.tier.renditions, { name: "renditions", checked: tier?.renditions }),
      checkbox(texts.tier.ai, { name: "ai", checked: tier?.ai }),
      count(texts.tier.maxAiCalls, "max_ai_calls_per_day", 10),
      input(texts.tier.trashDays, "trash_days", tier?.trash_days ?? 30, { type: "number", min: "0", max: "365", step: "1" },
        texts.tier.trashDaysHint),
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
        renditions: "renditions" in values,
        ai: "ai" in values,
        trash_days: Number(values.trash_days),
      };
      const isChanged = tier === null || changesOf(tier, body) !== null;
      onSaved(isChanged ? await call("PUT", `/api/admin/account-tiers/${values.id}`, { body }) : tier);
    },
  });
}
