// Upload links: addresses at which guests send pictures to the user.

import { call } from "./api.js";
import { copyButton } from "./copy.js";
import { form, openDialog } from "./dialog.js";
import { field, fill, h, icon } from "./dom.js";
import { time } from "./format.js";
import { showError } from "./notice.js";
import { revocableList, revokeButton } from "./revocable.js";
import { texts } from "./texts.js";

const words = texts.uploadLinks;
const MEGABYTE = 1_000_000;
const DAY = 86_400;
/** Choices for the lifetime of a link, in seconds. */
const LIFETIMES = [3600, DAY, 7 * DAY, 30 * DAY];
/** So many characters of an id tell the links of a user apart. All ids end with the id of the user. */
const START = 6;

/** Creates the section with all upload links of the user. */
export function uploadLinksSection() {
  const problem = h("p", { class: "callout error", role: "alert", hidden: true });
  const heading = h("h2", { tabindex: "-1" }, words.title);
  const list = revocableList({ none: words.none, heading, row: linkRow });
  const load = async () => list.show((await call("GET", "/api/upload-links")).upload_links);
  load().catch((error) => {
    problem.textContent = error.message;
    problem.hidden = false;
  });
  return h("section", { class: "links-section" },
    h("div", { class: "view-header" }, heading, h("span", { class: "space" }),
      h("button", { type: "button", class: "button", onclick: () => openNewLinkDialog("", () => load().catch(showError)) }, icon("plus"), words.make)),
    h("p", { class: "quiet" }, words.lead), problem, list.elements);
}

/** @param {Api.UploadLink} link */
function facts(link) {
  return [words.used(link.remaining, link.max_images), words.upTo(link.max_image_bytes), words.until(time(link.expires_at))].join(" · ");
}

/** @param {Api.UploadLink} link @param {() => void} onRevoked */
function linkRow(link, onRevoked) {
  const name = words.name(link.id.slice(0, START), link.phone_number);
  return h("li", { class: "row" },
    h("div", { class: "row-text" }, h("strong", null, name),
      h("p", { class: "quiet" }, `${facts(link)} · ${words.createdAt(time(link.created_at))}`)),
    copyButton(link.url, words.copyOf(name), words.copied),
    revokeButton({
      path: `/api/upload-links/${encodeURIComponent(link.id)}`, label: words.revoke(name),
      question: words.confirmRevoke, yes: words.revokeButton, done: words.revoked, onRevoked,
    }));
}

/** Opens the dialog for a new link. @param {string} phoneNumber fills its field @param {() => void} onMade */
export function openNewLinkDialog(phoneNumber, onMade = () => {}) {
  const number = (label, name, more) => field(label, h("input", { name, type: "number", step: "any", ...more }));
  const lifetime = h("select", { name: "expires_in" }, LIFETIMES.map((seconds) =>
    h("option", { value: seconds, selected: seconds === DAY }, words.lifetime(seconds))));
  const body = h("div", null, form({
    fields: [
      field(words.phone, h("input", { name: "phone_number", type: "tel", autocomplete: "off", maxlength: "64", value: phoneNumber }), words.phoneHint),
      number(words.maxImages, "max_images", { value: "10", min: "1", max: "100", step: "1", required: true }),
      number(words.maxBytes, "max_image_bytes", { min: "0.001" }),
      field(words.expiresIn, lifetime),
    ],
    button: texts.create,
    submit: async (values, _form, key) => {
      const link = await call("POST", "/api/upload-links", { key, body: {
        phone_number: values.phone_number.trim() || null,
        max_images: Number(values.max_images),
        max_image_bytes: values.max_image_bytes ? Math.round(Number(values.max_image_bytes) * MEGABYTE) : null,
        expires_in: Number(values.expires_in),
      } });
      fill(body, madeLink(link));
      body.querySelector("input")?.focus();
      onMade();
    },
  }));
  openDialog({ title: words.make, className: "small", body });
}

/** Shows the address of a new link. @param {Api.UploadLink} link */
function madeLink(link) {
  const address = h("input", { readonly: true, value: link.url, class: "address", onfocus: () => address.select() });
  const shareButton = "share" in navigator && h("button", { type: "button", class: "button", onclick: () => {
    // The promise is rejected if the user closes the dialog.
    navigator.share({ url: link.url }).catch(() => {});
  } }, words.share);
  return h("div", { class: "made" }, h("p", null, words.made),
    h("div", { class: "link-made" }, field(words.url, address), copyButton(link.url, words.copy, words.copied)),
    h("p", { class: "quiet" }, facts(link)),
    h("div", { class: "actions" }, shareButton));
}
