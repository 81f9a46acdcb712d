// The admins' view of background work that waits or has failed.

import { call } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { number, time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { showError } from "../notice.js";
import { openDeadLetters } from "./dead-letters.js";

const words = laterTexts.admin;

/** Creates the view. */
export async function queues() {
  const body = h("tbody");
  const refresh = h("button", { type: "button", class: "button", onclick: () => load().catch(showError) }, icon("retry"), words.refresh);
  const refreshedAt = h("p", { class: "quiet", role: "status" });
  const load = async () => {
    const { queues } = await call("GET", "/api/admin/queues");
    const count = (value) => h("td", { class: "number" }, value);
    fill(body, queues.map(({ name, waiting, in_flight, dead }) => h("tr", { "data-queue": name },
      h("th", { scope: "row" }, words.queues[name] ?? name), count(number(waiting)), count(number(in_flight)),
      count(dead > 0 ? deadButton(name, dead, () => reload(name)) : number(dead)))));
    refreshedAt.textContent = words.refreshed(time(new Date().toISOString()));
  };
  /** Loads the numbers again after the dialog of a queue. Its button is a new one then, or gone. @param {string} name */
  const reload = async (name) => {
    await load();
    if (document.activeElement !== document.body) return;
    const button = /** @type {HTMLElement | null} */ (body.querySelector(`[data-queue="${CSS.escape(name)}"] button`));
    (button ?? refresh).focus({ preventScroll: true });
  };
  await load();
  const heading = (label, kind = "") => h("th", { scope: "col", class: kind }, label);
  const head = h("tr", null, heading(words.queue), [words.waiting, words.inFlight, words.dead].map((label) => heading(label, "number")));
  return { parts: [
    h("p", { class: "view-header" }, h("span", null, words.queuesLead), h("span", { class: "space" }), refresh),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.tabs.queues }, h("table", null, h("thead", null, head), body)),
    refreshedAt,
  ] };
}

/** The number of dead letters, as a button that shows them. @param {() => Promise<void>} reload */
function deadButton(name, dead, reload) {
  const label = words.showLetters(dead, words.queues[name] ?? name);
  return h("button", { type: "button", class: "text-button dead", "aria-label": label, onclick: () => openDeadLetters(name, () => reload().catch(showError)) },
    icon("alert"), number(dead));
}
