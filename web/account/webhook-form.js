// The dialogs for a webhook: its form, and its secret.

import { call } from "../api.js";
import { changesOf } from "../changes.js";
import { form, openDialog } from "../dialog.js";
import { checkbox, checkboxGroup, field, h } from "../dom.js";
import { laterTexts } from "../later-texts.js";
import { texts } from "../texts.js";
import { showOnce } from "./shown-once.js";

const words = laterTexts.webhooks;

/** Opens the dialog for a new webhook. It then shows the secret. @param {() => void} onMade */
export function openNewWebhook(onMade) {
  const body = h("div", null, webhookForm({}, texts.create, async (values) => {
    const { secret } = await call("POST", "/api/webhooks", { body: values });
    showOnce(body, secret, words.made);
    onMade();
  }));
  openDialog({ title: words.make, className: "small", body });
}

/**
 * Opens the dialog that changes a webhook.
 * @param {Api.Webhook} webhook
 * @param {(changed: Api.Webhook) => void} onChanged
 */
export function openWebhookForm(webhook, onChanged) {
  const dialog = openDialog({
    title: words.editTitle,
    className: "small",
    body: webhookForm(webhook, texts.save, async (wanted) => {
      const changes = changesOf(webhook, wanted);
      const changed = changes ? await call("PATCH", `/api/webhooks/${webhook.id}`, { body: changes }) : webhook;
      dialog.close();
      onChanged(changed);
    }),
  });
}

/** Opens a dialog that shows a new secret. @param {string} secret @param {string} until when the old one ends */
export function openSecret(secret, until) {
  const body = h("div");
  openDialog({ title: words.rotate, className: "small", body });
  showOnce(body, secret, words.rotated(until));
}

/**
 * @param {Partial<Api.Webhook>} webhook
 * @param {string} button
 * @param {(body: {url: string, events: string[] | null, description: string | null}) => Promise<void>} submit
 */
function webhookForm({ url = "", events = null, description = null }, button, submit) {
  const group = checkboxGroup(words.events, "events", words.eventTypes, events ?? [], words.noEvent);
  const showGroup = (isAll) => {
    // Disabled fields are neither sent nor validated.
    group.hidden = group.disabled = isAll;
  };
  showGroup(events === null);
  const address = h("input", { name: "url", type: "url", autocomplete: "off", required: true, maxlength: "2000" });
  address.value = url;
  const note = h("textarea", { name: "description", maxlength: "5000", rows: "2", value: description ?? "" });
  return form({
    fields: [
      field(words.url, address, words.urlHint),
      field(words.description, note),
      checkbox(words.allEvents, { checked: events === null, onchange: ({ target }) => showGroup(target.checked) }),
      group,
    ],
    button,
    submit: (values, element) => {
      const chosen = new FormData(element).getAll("events").map(String);
      return submit({
        url: values.url.trim(),
        events: chosen.length > 0 ? chosen : null,
        description: values.description.trim() || null,
      });
    },
  });
}
