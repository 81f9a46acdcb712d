// The views for admins, with the bar of tabs. Each tab has a file of its own in `admin/`.

import { audit } from "../admin/audit.js";
import { images } from "../admin/images.js";
import { queues } from "../admin/queues.js";
import { sets } from "../admin/sets.js";
import { tiers } from "../admin/tiers.js";
import { users } from "../admin/users.js";
import { h } from "../dom.js";
import { laterTexts } from "../later-texts.js";

const words = laterTexts.admin;

/** Creates the view of one tab, with the tab bar. */
export async function adminView(tab, parameters) {
  const views = { images, sets, users, tiers, queues, audit };
  /** @type {{parts: unknown[], shown?: () => void}} */
  const { parts, ...more } = await views[tab](parameters);
  const tabs = h("nav", { class: "tabs", "aria-label": words.title }, Object.keys(views).map((name) =>
    h("a", { href: `#/admin/${name}`, "aria-current": name === tab ? "page" : null }, words.tabs[name])));
  const title = `${words.title}: ${words.tabs[tab]}`;
  // On a phone, the tab bar is wider than the screen.
  const shown = () => tabs.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return { title, ...more, shown, element: h("div", null, h("h1", { class: "visually-hidden", tabindex: "-1" }, title), tabs, parts) };
}
