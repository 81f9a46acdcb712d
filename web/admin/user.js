// The admins' page of one user: usage, actions, pictures, sets, and what admins changed.

import { call } from "../api.js";
import { busy, fill, h, icon } from "../dom.js";
import { bytes, number, time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { showError } from "../notice.js";
import { state } from "../state.js";
import { texts } from "../texts.js";
import { auditTable } from "./audit.js";
import { imageTable } from "./images.js";
import { setTable } from "./sets.js";
import { deleteUsers, openTierDialog, openUserDialog, sendPassword, setEnabled, stateOf, userPath } from "./user-forms.js";

const words = laterTexts.admin;

/** @param {string} id @param {Api.Tier[]} tiers */
export async function userPage(id, tiers) {
  /** @type {Api.User} */
  let user = await call("GET", userPath({ id }));
  const about = h("section", { class: "card user-card" });
  const onChanged = (changed) => {
    user = { ...user, ...changed };
    show();
    onDone();
  };
  // Each change has an entry.
  const onDone = () => void audit.reload().catch(showError);
  const show = () => {
    fill(about, heading(user), userFacts(user, tiers), userActions(user, tiers, { onChanged, onDone }));
    // The button that had the focus was replaced.
    if (about.isConnected && document.activeElement === document.body) about.querySelector("h2")?.focus({ preventScroll: true });
  };
  show();
  const [images, sets, audit] = await Promise.all([
    imageTable({ username: user.username }, { listName: { user: id }, hasUser: false }),
    setTable({ username: user.username }, { hasUser: false }),
    auditTable({ target: id }),
  ]);
  const part = (title, table) => h("section", { class: "links-section" }, h("h2", null, title), table.element);
  return {
    list: images.list,
    parts: [
      h("p", { class: "view-header" }, h("a", { class: "button", href: "#/admin/users" }, icon("back"), words.allUsers)),
      about,
      part(words.tabs.images, images.table),
      part(words.tabs.sets, sets.table),
      part(words.auditOfUser, audit),
    ],
  };
}

/** @param {Api.User} user */
const heading = (user) => h("h2", { tabindex: "-1" }, user.username, user.admin && [" ", h("span", { class: "chip" }, words.isAdmin)]);

/** @param {Api.User} user @param {Api.Tier[]} tiers */
function userFacts(user, tiers) {
  const tier = tiers.find((one) => one.id === user.tier);
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  const rows = [
    name && [laterTexts.account.name, name],
    [words.email, [user.email, !user.email_verified && [" ", h("span", { class: "chip" }, laterTexts.account.unconfirmed)]]],
    [words.state, stateOf(user)],
    [laterTexts.account.tier, tier?.name ?? user.tier],
    [words.since, time(user.created_at)],
    [laterTexts.account.usage, h("span", null,
      tier ? laterTexts.account.pictures(user.usage.images, tier.max_images) : number(user.usage.images), " · ", bytes(user.usage.bytes),
      tier && h("progress", { max: Math.max(tier.max_images, 1), value: Math.min(user.usage.images, tier.max_images), "aria-label": laterTexts.account.usage }))],
    [words.userId, h("code", null, user.id)],
  ];
  return h("dl", { class: "facts" },
    rows.filter(Array.isArray).map(([label, value]) => [h("dt", null, label), h("dd", null, value)]));
}

/**
 * Creates the buttons. `onDone` is called after an action that does not change the user.
 * @param {Api.User} user
 * @param {Api.Tier[]} tiers
 * @param {{onChanged: (user: Api.User) => void, onDone: () => void}} listeners
 */
function userActions(user, tiers, { onChanged, onDone }) {
  const button = (label, work, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick: ({ currentTarget }) =>
    busy(currentTarget, async () => work()).catch(showError) }, label);
  return h("div", { class: "actions" },
    button(texts.edit, () => openUserDialog(user, onChanged)),
    button(words.moveTo, () => openTierDialog([user], tiers, onChanged)),
    button(user.enabled ? words.disable : words.enable, () => setEnabled([user], !user.enabled, onChanged), user.enabled ? "danger" : ""),
    // Admins change their own password in the account.
    user.id !== state.profile?.id && button(words.temporaryPassword, () => sendPassword(user, onDone)),
    button(words.deleteUser, () => deleteUsers([user], () => {
      location.hash = "#/admin/users";
    }), "danger"));
}
