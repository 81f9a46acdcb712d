// The views of webhooks: addresses to which the service delivers the user's events.

import { card } from "../account/card.js";
import { deliveriesSection } from "../account/deliveries.js";
import { openNewWebhook, openSecret, openWebhookForm } from "../account/webhook-form.js";
import { call } from "../api.js";
import { confirm } from "../dialog.js";
import { busy, fill, h, icon } from "../dom.js";
import { time } from "../format.js";
import { laterTexts } from "../later-texts.js";
import { notice, showError } from "../notice.js";
import { texts } from "../texts.js";

const words = laterTexts.webhooks;

/** Creates the view of all webhooks of the user. */
export async function webhooksView() {
  const rows = h("ul", { class: "rows", "aria-label": words.list });
  const empty = h("p", { class: "quiet", hidden: true }, words.none);
  const load = async () => {
    const { webhooks } = await call("GET", "/api/webhooks");
    fill(rows, webhooks.map(webhookRow));
    empty.hidden = webhooks.length > 0;
  };
  await load();
  const make = h("button", { type: "button", class: "button primary", onclick: () =>
    openNewWebhook(() => load().catch(showError)) }, icon("plus"), words.make);
  const element = h("div", { class: "narrow" },
    h("header", { class: "view-header" }, back("#/account", laterTexts.account.title),
      h("h1", { tabindex: "-1" }, words.title), h("span", { class: "space" }), make),
    h("p", { class: "quiet" }, words.lead), rows, empty);
  return { title: words.title, element };
}

/** @param {string} href @param {string} label */
const back = (href, label) => h("a", { class: "icon-button", href, "aria-label": label }, icon("back"));

/** @param {Api.Webhook} webhook */
const stateOf = ({ enabled, disabled }) => words.states[enabled ? "on" : disabled ? "stopped" : "paused"];

/** @param {Api.Webhook} webhook */
const eventsOf = ({ events }) => events?.join(", ") ?? words.all;

/** Why the service stopped the deliveries. @param {Api.Webhook} webhook */
const whyDisabled = ({ disabled }) => disabled && words.disabled[disabled.reason](time(disabled.at));

/** @param {Api.Webhook} webhook */
function webhookRow(webhook) {
  const why = whyDisabled(webhook);
  return h("li", { class: "row" }, h("div", { class: "row-text" },
    h("strong", null, h("a", { href: `#/account/webhooks/${webhook.id}` }, webhook.url)),
    webhook.description && h("p", { class: "lines" }, webhook.description),
    h("p", { class: "quiet" }, `${stateOf(webhook)} · ${eventsOf(webhook)}`),
    why && h("p", { class: "field-error" }, why)));
}

/** Creates the view of one webhook with its deliveries. @param {{id: string}} options */
export async function webhookView({ id }) {
  const path = `/api/webhooks/${encodeURIComponent(id)}`;
  /** @type {Api.Webhook} */
  let webhook = await call("GET", path);
  const deliveries = deliveriesSection(path);
  const show = (changed, text) => {
    webhook = changed;
    settings.update();
    notice(text);
  };
  const turn = async (enabled) => {
    show(await call("PATCH", path, { body: { enabled } }), enabled ? words.enabled : words.paused);
  };
  const edit = () => openWebhookForm(webhook, (changed) => show(changed, texts.saved));
  const test = async () => {
    deliveries.follow(await call("POST", `${path}/test`));
  };
  const rotate = async () => {
    if (!await confirm(words.confirmRotate, words.rotate)) return;
    const { secret, previous_valid_until: until } = await call("POST", `${path}/rotate`);
    openSecret(secret, time(until));
  };
  const remove = async () => {
    if (!await confirm(words.confirmDelete, words.delete)) return;
    try {
      await call("DELETE", path);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    notice(words.deleted);
    location.hash = "#/account/webhooks";
  };
  const button = (label, onclick, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick }, label);
  const send = (work) => ({ currentTarget }) => busy(currentTarget, work).catch(showError);
  // A button that asks a question stays enabled, so that the dialog can give the focus back to it.
  const ask = (work) => () => work().catch(showError);
  const settings = card(words.settings, () => {
    const why = whyDisabled(webhook);
    const fact = (label, value) => [h("dt", null, label), h("dd", null, value)];
    return [
      why && h("p", { class: "callout error" }, why),
      h("dl", { class: "facts" },
        fact(words.url, webhook.url),
        webhook.description && fact(words.describedAs, h("span", { class: "lines" }, webhook.description)),
        fact(words.events, eventsOf(webhook)),
        fact(words.state, stateOf(webhook)),
        fact(words.lastSuccess, time(webhook.last_success_at) || words.never),
        fact(words.created, time(webhook.created_at))),
      h("div", { class: "actions" },
        button(texts.edit, edit),
        webhook.enabled
          ? button(words.pause, send(() => turn(false)))
          : button(words.enable, send(() => turn(true))),
        button(words.test, send(test)),
        button(words.rotate, ask(rotate)),
        button(words.delete, ask(remove), "danger")),
    ];
  });
  const element = h("div", { class: "narrow" },
    h("header", { class: "view-header" },
      back("#/account/webhooks", words.title), h("h1", { tabindex: "-1" }, words.one)),
    settings.element, deliveries.element);
  return { title: words.one, element };
}
