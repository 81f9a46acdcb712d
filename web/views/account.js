// The view of the user's account.

import { deletionSection } from "../account/deletion.js";
import { exportSection } from "../account/export.js";
import { profileSection } from "../account/profile.js";
import { securitySection } from "../account/security.js";
import { session } from "../api.js";
import { hasOperations, operationsEnd } from "../batch.js";
import { confirm, openDialog } from "../dialog.js";
import { busy, h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { showError, commitDeferred } from "../notice.js";
import { hasTrash, loadProfile, state } from "../state.js";
import { tierFacts } from "../tier-facts.js";
import { uploads } from "../uploads.js";

const words = laterTexts.account;

export async function accountView({ onLogout }) {
  const profile = await loadProfile();
  const { tier, tiers } = state;
  const onLogoutClick = (everywhere) => ({ currentTarget }) => busy(currentTarget, () => logOut(everywhere));
  const logOut = async (everywhere) => {
    // The user may drop files on the page while it waits.
    do {
      if (uploads.hasUnsent && !await confirm(words.confirmLogout, words.logout)) return;
      // These requests need the session, so the logout follows them.
      uploads.cancelUnsent();
      if (!await finishOperations()) return;
    } while (uploads.hasUnsent);
    try {
      await session.logout(everywhere);
    } catch (error) {
      return showError(error);
    }
    onLogout();
  };
  const data = exportSection();
  const maxImages = tier?.max_images ?? profile.usage.images;
  const element = h("div", { class: "narrow" },
    h("header", { class: "view-header" }, h("h1", { tabindex: "-1" }, words.title)),
    profileSection(),
    securitySection([
      h("button", { type: "button", class: "button", onclick: onLogoutClick(false) }, words.logout),
      h("button", { type: "button", class: "button", onclick: onLogoutClick(true) }, words.everywhere)]),
    h("section", { class: "card" },
      h("h2", null, words.usage),
      h("p", { id: "usage" }, words.pictures(profile.usage.images, maxImages), " · ", words.stored(profile.usage.bytes)),
      h("progress", { max: Math.max(maxImages, 1), value: Math.min(profile.usage.images, maxImages), "aria-labelledby": "usage" }),
      hasTrash() && h("p", { class: "quiet" }, words.trashCounts, " ", h("a", { href: "#/trash" }, words.toTrash)),
      tier && h("ul", { class: "quiet" }, otherUsage(profile.usage, tier).map((text) => h("li", null, text)))),
    h("section", { class: "card" },
      h("h2", null, words.tiers),
      h("p", { class: "quiet" }, contact(profile)),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.tiers }, tierTable(tiers, tier))),
    h("section", { class: "card" },
      h("h2", null, words.programs),
      h("p", { class: "quiet" }, words.programsLead),
      h("div", { class: "actions" },
        h("a", { class: "button", href: "#/account/webhooks" }, laterTexts.webhooks.title),
        h("a", { class: "button", href: "#/account/keys" }, laterTexts.keys.title))),
    data.element,
    deletionSection(async () => {
      // The access token works for up to an hour, but everything of the user goes.
      session.forget();
      onLogout();
    }),
    h("p", { class: "quiet" }, h("a", { href: "/api/docs" }, words.api)));
  return { title: words.title, element, dispose: data.cancel };
}

/**
 * Waits for the deletions and other operations, behind a dialog. Resolves to whether the user has left the dialog open.
 * @returns {Promise<boolean>}
 */
async function finishOperations() {
  commitDeferred();
  if (!hasOperations()) return true;
  return new Promise((resolve) => {
    const dialog = openDialog({
      title: words.finishing,
      className: "small",
      body: [h("p", { class: "dialog-lead" }, words.finishingLead), h("progress", { "aria-label": words.finishing })],
      onclose: () => resolve(false),
    });
    operationsEnd().then(() => {
      resolve(true);
      dialog.close();
    });
  });
}

/** Says how to get another tier: with a link, if the operator has set an address. @param {Api.Profile} profile */
function contact({ contact_url: url, username, tier }) {
  if (!url) return words.askForTier;
  // A mail program takes the subject from the address (RFC 6068, section 2).
  const subject = encodeURIComponent(words.askSubject(username, state.tier?.name ?? tier));
  return url.startsWith("mailto:")
    ? h("a", { href: `${url}?subject=${subject}` }, words.askForOtherTier)
    : h("a", { href: url, target: "_blank", rel: "noopener" }, words.askForOtherTier);
}

/**
 * What the user has used of the other limits. Without links or AI in the tier, their limits do not matter.
 * @param {Api.Profile["usage"]} usage @param {Api.Tier} tier
 */
function otherUsage(usage, tier) {
  return [
    words.sets(usage.sets, tier.max_sets),
    words.pendingUploads(usage.pending_uploads, tier.max_pending_uploads),
    tier.expiring_links && words.links(usage.links, tier.max_links),
    tier.ai && words.aiCalls(usage.ai_calls_today, tier.max_ai_calls_per_day),
  ].filter(Boolean);
}

/**
 * Creates the table with all tiers. The user's own tier is the first one, so that it is visible beside the labels on every
 * screen.
 * @param {Api.Tier[]} tiers @param {Api.Tier | null} own
 */
function tierTable(tiers, own) {
  const ordered = own ? [own, ...tiers.filter((tier) => tier !== own)] : tiers;
  const columns = ordered.map((tier) => ({ tier, kind: tier === own ? "own" : "", facts: tierFacts(tier) }));
  const labels = columns[0]?.facts.map(([label]) => label) ?? [];
  return h("table", { class: "compare" },
    h("thead", null, h("tr", null, h("td"), columns.map(({ tier, kind }) =>
      h("th", { scope: "col", class: kind }, tier.name, tier === own && h("span", { class: "chip" }, words.own))))),
    h("tbody", null, labels.map((label, row) =>
      h("tr", null, h("th", { scope: "row" }, label), columns.map(({ kind, facts }) => h("td", { class: kind }, facts[row][1]))))));
}
