// The deliveries of a webhook, and the button that repeats one.

import { call } from "../api.js";
import { busy, fill, h } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { notice, showError } from "../notice.js";
import { query } from "../query.js";
import { texts } from "../texts.js";

const words = laterTexts.webhooks;
const PAGE_SIZE = 20;
const POLL_MS = 1500;
/** An attempt can wait in a queue, and takes up to ten seconds. */
const MAX_POLLS = 30;

/**
 * Creates the section. `follow` shows a delivery that was requested, and says how it has ended.
 * @param {string} path the path of the webhook
 */
export function deliveriesSection(path) {
  /** The elements of the deliveries, by what they show. @type {Map<string, HTMLElement>} */
  let shown = new Map();
  let pages = 1;
  /** Increases with each load, so that responses to earlier ones are ignored. */
  let loads = 0;
  const heading = h("h2", { tabindex: "-1" }, words.deliveries);
  const rows = h("ul", { class: "rows", "aria-label": words.deliveries });
  const empty = h("p", { class: "quiet", hidden: true }, words.noDeliveries);
  const problem = h("p", { class: "callout error", role: "alert", hidden: true });
  const button = (label, work) => {
    const onclick = ({ currentTarget }) => busy(currentTarget, work).catch(showError);
    return h("button", { type: "button", class: "button", onclick }, label);
  };
  const refresh = button(words.refresh, () => load(pages));
  const more = button(texts.more, () => load(pages + 1));
  more.hidden = true;

  /** Loads so many pages, and shows them. @param {number} count @returns {Promise<Api.Delivery[]>} */
  const load = async (count) => {
    const thisLoad = ++loads;
    pages = count;
    /** @type {Api.Delivery[]} */
    const found = [];
    /** @type {string | null} */
    let cursor = null;
    for (let page = 0; page < count && (page === 0 || cursor !== null); page++) {
      const { deliveries, next_cursor } = await call("GET", `${path}/deliveries${query({ limit: PAGE_SIZE, cursor })}`);
      found.push(...deliveries);
      cursor = next_cursor;
    }
    if (thisLoad === loads) show(found, cursor);
    return found;
  };
  const show = (found, cursor) => {
    // A row that shows the same stays, so that the focus stays on its button.
    shown = new Map(found.map((delivery) => {
      const content = JSON.stringify(delivery);
      return [content, shown.get(content) ?? deliveryRow(delivery, redeliver)];
    }));
    const focused = document.activeElement;
    fill(rows, [...shown.values()]);
    if (focused instanceof HTMLElement && focused !== document.activeElement) {
      (focused.isConnected ? focused : heading).focus({ preventScroll: true });
    }
    empty.hidden = found.length > 0;
    more.hidden = cursor === null;
    problem.hidden = true;
  };
  /** @param {Api.Delivery} delivery */
  const follow = async ({ id }) => {
    try {
      // The user may have gone to another view.
      for (let polls = 0; polls < MAX_POLLS && element.isConnected; polls++) {
        const delivery = (await load(pages)).find((one) => one.id === id);
        if (delivery && delivery.status !== "pending") return announce(delivery);
        await new Promise((wake) => setTimeout(wake, POLL_MS));
      }
    } catch (error) {
      if (element.isConnected) showError(error);
    }
  };
  /** @param {Api.Delivery} delivery */
  const redeliver = async ({ id }) => {
    const delivery = await call("POST", `${path}/deliveries/${id}/redeliver`);
    // The button disappears while the delivery is pending.
    heading.focus({ preventScroll: true });
    follow(delivery);
  };
  const element = h("section", { class: "links-section" },
    h("div", { class: "view-header" }, heading, h("span", { class: "space" }), refresh),
    h("p", { class: "quiet" }, words.deliveriesLead), problem, rows, empty, more);
  load(1).catch((error) => {
    problem.textContent = error.message;
    problem.hidden = false;
  });
  return { element, follow };
}

/** Says how a delivery has ended. @param {Api.Delivery} delivery */
function announce({ status, event, last_attempt: last }) {
  if (status === "delivered") notice(words.arrived(event.type));
  else notice(words.failed(event.type, last ? outcome(last) : ""), { kind: "error" });
}

/** What the receiver answered, or why there is no answer. @param {NonNullable<Api.Delivery["last_attempt"]>} attempt */
function outcome({ error, status, duration_ms }) {
  return error === null ? words.answered(status, duration_ms) : words.errors[error](status);
}

/** @param {Api.Delivery} delivery @param {(delivery: Api.Delivery) => Promise<void>} redeliver */
function deliveryRow(delivery, redeliver) {
  const { status, attempts, last_attempt: last, next_attempt_at: next, created_at, event } = delivery;
  const name = words.redeliverOf(event.type, time(created_at));
  const repeat = h("button", { type: "button", class: "button", "aria-label": name, onclick: () =>
    busy(repeat, () => redeliver(delivery)).catch(showError) }, words.redeliver);
  return h("li", { class: "row" },
    h("div", { class: "row-text" },
      h("strong", null, event.type), " ", h("span", { class: `status ${status}` }, words.statuses[status]),
      h("p", { class: "quiet" }, [time(created_at), words.attempts(attempts), event.subject].join(" · ")),
      last && h("p", { class: "quiet" }, words.lastAttempt(time(last.at), outcome(last))),
      status === "pending" && attempts > 0 && next && h("p", { class: "quiet" }, words.next(time(next)))),
    status !== "pending" && repeat);
}
