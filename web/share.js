// Expiring links: addresses at which anybody can see a picture, until the link expires or its owner revokes it.

import { call } from "./api.js";
import { copy, copyButton } from "./copy.js";
import { form } from "./dialog.js";
import { checkbox, field, fill, h } from "./dom.js";
import { time } from "./format.js";
import { revocableList, revokeButton } from "./revocable.js";
import { state } from "./state.js";
import { texts } from "./texts.js";

const words = texts.share;
const DAY = 86_400;
/** Choices for the lifetime of a link, in seconds. */
const LIFETIMES = [3600, DAY, 7 * DAY, 30 * DAY];
/** The longer side of a smaller picture, in pixels. */
const SMALLER = 1600;

/** What a link can show, each with the fields of the request. */
const CHOICES = {
  stripped: {},
  unchanged: { strip_metadata: false },
  smaller: { rendition: { width: SMALLER, height: SMALLER } },
};

/** Creates the section in which a user makes, copies and revokes links to a picture. @param {Api.Image} image */
export function shareSection(image) {
  if (!state.tier?.expiring_links) return h("p", { class: "quiet" }, words.notInTier);
  const path = `/api/images/${image.id}/links`;
  const heading = h("h2", { tabindex: "-1" }, words.title);
  const problem = h("p", { class: "callout error", role: "alert", hidden: true });
  const made = h("div", { role: "status" });
  const list = revocableList({
    label: words.list, none: words.none, heading,
    row: (link, onRevoked) => linkRow(path, link, onRevoked),
    onRevoked: () => made.replaceChildren(),
  });
  const load = async () => list.show((await call("GET", path)).links);
  load().catch((error) => {
    problem.textContent = error.message;
    problem.hidden = false;
  });
  const onMade = (link) => {
    fill(made, madeLink(link));
    list.add(link);
    made.scrollIntoView({ block: "center" });
    made.querySelector("input")?.focus({ preventScroll: true });
    // The button is there for a browser that does not allow this.
    copy(link.url, words.copied).catch(() => {});
  };
  return h("section", { class: "section" }, heading, h("p", { class: "quiet" }, words.lead),
    newLinkForm(path, onMade), made, problem, list.elements);
}

/** @param {(link: Api.Link) => void} onMade */
function newLinkForm(path, onMade) {
  const lifetime = h("select", { name: "expires_in" }, LIFETIMES.map((seconds) =>
    h("option", { value: seconds, selected: seconds === DAY }, words.lifetime(seconds))));
  const choices = Object.keys(CHOICES).filter((name) => name !== "smaller" || state.tier?.renditions);
  const what = h("select", { name: "what" }, choices.map((name) => h("option", { value: name }, words.what[name])));
  return form({
    kind: "",
    fields: [
      field(words.shows, what, words.whatHint),
      field(words.expiresIn, lifetime),
      checkbox(words.download, { name: "download" }),
    ],
    button: words.make,
    submit: async ({ what, expires_in, download }, _element, key) => {
      const body = { expires_in: Number(expires_in), download: download === "on", ...CHOICES[what] };
      onMade(await call("POST", path, { body, key }));
    },
  });
}

/** Shows the address of a new link. @param {Api.Link} link */
function madeLink(link) {
  const address = h("input", { readonly: true, value: link.url, class: "address", onfocus: () => address.select() });
  return h("div", { class: "made" }, h("div", { class: "link-made" }, field(words.made, address), copyButton(link.url, words.copy, words.copied)));
}

/** What a link shows. @param {Api.Link} link */
function shown({ rendition, strip_metadata }) {
  if (rendition) return words.pictureOf(rendition.width ?? null, rendition.height ?? null);
  return strip_metadata ? words.what.stripped : words.what.unchanged;
}

/** @param {string} path @param {Api.Link} link @param {() => void} onRevoked */
function linkRow(path, link, onRevoked) {
  const name = shown(link);
  const until = time(link.expires_at);
  return h("li", { class: "row" },
    h("div", { class: "row-text" }, h("strong", null, name), h("p", { class: "quiet" }, `${words.until(until)} · ${words.views(link.views)}`)),
    copyButton(link.url, words.copyOf(name, until), words.copied),
    revokeButton({
      path: `${path}/${encodeURIComponent(link.id)}`, label: words.revoke(name, until),
      question: words.confirmRevoke, yes: words.revokeButton, done: words.revoked, onRevoked,
    }));
}
