// The sizes of a picture: links to open, copy, download and share them.

import { copyButton } from "../copy.js";
import { busy, h, icon, iconButton } from "../dom.js";
import { downloadImage, mayShareFiles, shareImages } from "../downloads.js";
import { showError } from "../notice.js";
import { missingSizes, requestSize, withThumbnail } from "../sizes.js";
import { texts } from "../texts.js";

const words = texts.image;

/**
 * Creates the section. Nothing if the picture has no file.
 * @param {Api.Image} image
 * @param {{isAdmin: boolean, onImage: (image: Api.Image) => void}} options `onImage` is called with an image that has gained
 *   a size
 */
export function sizesSection(image, { isAdmin, onImage }) {
  const missing = isAdmin ? [] : missingSizes(image);
  if (image.thumbnails.length === 0 && !image.original_url && missing.length === 0) return null;
  const row = (label, url, what, ...buttons) => h("li", { class: "link-row" }, h("span", null, label),
    h("a", { class: "text-button", href: url, target: "_blank", rel: "noopener" }, words.open),
    buttons, copyButton(url, words.copy(what), words.copied));
  const make = (size) => h("li", { class: "link-row" }, h("span", null, words.sizeMissing(size)),
    h("button", { type: "button", class: "text-button", "aria-label": words.makeSizeOf(size), onclick: ({ currentTarget }) =>
      busy(currentTarget, async () => onImage(withThumbnail(image, await requestSize(image.id, size)))).catch(showError) }, words.makeSize));
  return h("section", { class: "section" }, h("h2", null, words.links),
    h("div", { class: "actions" },
      h("button", { type: "button", class: "button", "aria-keyshortcuts": "d", onclick: ({ currentTarget }) =>
        busy(currentTarget, () => downloadImage(image)).catch(showError) }, icon("download"), words.download),
      mayShareFiles() && h("button", { type: "button", class: "button", onclick: () => shareImages([image]).catch(showError) },
        icon("share"), words.share)),
    h("ul", { class: "links" },
      image.thumbnails.map((thumbnail) => row(words.thumbnail(thumbnail.size, thumbnail.width, thumbnail.height), thumbnail.url,
        `${thumbnail.size} px`, iconButton("download", words.downloadOf(`${thumbnail.size} px`), ({ currentTarget }) =>
          busy(currentTarget, () => downloadImage(image, thumbnail)).catch(showError)))),
      missing.map(make),
      // The address of the original downloads the file. In this tab, it would ask whether to leave the page.
      image.original_url && h("li", { class: "link-row" }, h("span", null, words.original),
        h("a", { class: "text-button", href: image.original_url, target: "_blank", rel: "noopener" }, words.download),
        copyButton(image.original_url, words.copy(words.original), words.copied))),
    h("p", { class: "quiet" }, words.signed, " ", !image.original_url && !isAdmin && words.noOriginal));
}
