// The view of the user's account.

import { session } from "../api.js";
import { confirm } from "../dialog.js";
import { busy, h } from "../dom.js";
import { bytes, number } from "../format.js";
import { showError, commitDeferred } from "../notice.js";
import { isAdmin, loadProfile, state } from "../state.js";
import { texts } from "../texts.js";
import { uploads } from "../uploads.js";

const words = texts.account;

export async function accountView({ onLogout }) {
  const profile = await loadProfile();
  const { tier, tiers } = state;
  const onLogoutClick = (everywhere) => ({ currentTarget }) => busy(currentTarget, () => logOut(everywhere));
  const logOut = async (everywhere) => {
    if (uploads.hasUnsent && !await confirm(words.confirmLogout, words.logout)) return;
    // These requests need the token, so they are sent before the logout.
    uploads.cancelUnsent();
    commitDeferred(true);
    try {
      await session.logout(everywhere);
    } catch (error) {
      return showError(error);
    }
    onLogout();
  };
  const maxImages = tier?.max_images ?? profile.usage.images;
  const element = h("div", { class: "narrow" },
    h("header", { class: "view-header" }, h("h1", { tabindex: "-1" }, words.title)),
    h("section", { class: "card" },
      h("h2", null, profile.username),
      h("p", { class: "quiet" }, profile.email),
      isAdmin() && h("p", null, h("a", { href: "#/admin" }, words.admin)),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", onclick: onLogoutClick(false) }, words.logout),
        h("button", { type: "button", class: "button", onclick: onLogoutClick(true) }, words.everywhere))),
    h("section", { class: "card" },
      h("h2", null, words.usage),
      h("p", { id: "usage" }, words.pictures(profile.usage.images, maxImages), " · ", words.stored(profile.usage.bytes)),
      h("progress", { max: Math.max(maxImages, 1), value: Math.min(profile.usage.images, maxImages), "aria-labelledby": "usage" })),
    h("section", { class: "card" },
      h("h2", null, words.tiers),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.tiers }, tierTable(tiers, tier))),
    h("p", { class: "quiet" }, h("a", { href: "/api/docs" }, words.api)));
  return { title: words.title, element };
}

/** @param {Api.Tier[]} tiers @param {Api.Tier | null} own */
function tierTable(tiers, own) {
  const rows = {
    [texts.tier.sizes]: (tier) => texts.tier.px(tier.thumbnail_sizes),
    [texts.tier.maxImages]: (tier) => number(tier.max_images),
    [texts.tier.maxBytes]: (tier) => bytes(tier.max_image_bytes),
    [texts.tier.original]: (tier) => yesNo(tier.original_link),
    [texts.tier.expiring]: (tier) => yesNo(tier.expiring_links),
    [texts.tier.ai]: (tier) => yesNo(tier.ai),
  };
  return h("table", { class: "compare" },
    h("thead", null, h("tr", null, h("td"), tiers.map((tier) =>
      h("th", { scope: "col", class: tier === own ? "own" : "" }, tier.name, tier === own && h("span", { class: "chip" }, words.own))))),
    h("tbody", null, Object.entries(rows).map(([label, value]) =>
      h("tr", null, h("th", { scope: "row" }, label), tiers.map((tier) => h("td", { class: tier === own ? "own" : "" }, value(tier)))))));
}

const yesNo = (value) => (value ? texts.yes : texts.no);
