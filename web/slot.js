// One of the three places of a set: its picture, and what can be done with it.

import { pictureAddress } from "./addresses.js";
import { call } from "./api.js";
import { busy, h, icon, iconButton } from "./dom.js";
import { chooseFiles, filesOf } from "./files.js";
import { commitDeferred, notice, showError } from "./notice.js";
import { openPicker } from "./picker.js";
import { picture, placeholder } from "./picture.js";
import { SLOTS } from "./set-form.js";
import { bestThumbnail, requestForTile } from "./sizes.js";
import { texts } from "./texts.js";
import { uploadOptions } from "./upload-options.js";
import { uploads } from "./uploads.js";

const words = texts.sets;
/** The size of a picture in a place in CSS pixels. */
const SLOT_PICTURE = 400;
const path = (set, slot) => `/api/imagesets/${set.id}/images/${slot}`;

/**
 * Puts an existing picture into a place. Two pictures of the set exchange their places. A picture from outside of the
 * set needs an empty place, unless it may `replace` the picture there.
 * @param {{id: string}} set
 * @param {string} slot
 * @param {string} image_id
 * @param {{replace?: boolean}} [options]
 */
export const putIntoSlot = (set, slot, image_id, options) =>
  call("PUT", path(set, slot), { body: { image_id, ...options } });

/**
 * Creates the item of a place.
 * @param {Api.Set} set
 * @param {string} slot
 * @param {import("./paged-list.js").PagedList} list the pictures of the set that are shown
 * @param {() => Promise<void>} reload loads the set again
 */
export function slotItem(set, slot, list, reload) {
  const image = list.at(list.indexOf(set.images[slot]?.id));
  if (image) requestForTile(image, SLOT_PICTURE, (made) => list.update(made));
  return h("li", { class: "slot" }, image ? filledSlot(set, slot, image, reload) : emptySlot(set, slot, reload));
}

/** @param {Api.Set} set @param {Api.Image} image */
function filledSlot(set, slot, image, reload) {
  const name = image.title ?? image.file_name;
  const best = bestThumbnail(image, SLOT_PICTURE);
  return [
    h("a", { href: pictureAddress(image.id, { set: set.id }) },
      h("span", { class: "visually-hidden" }, `${words.slot[slot]}: ${name}`),
      placeholder(image), best && picture(image, best, ""),
      image.status !== "ready" && h("span", { class: "badge" }, texts.photos.status[image.status])),
    h("div", { class: "slot-name" }, h("p", null, name), slotButtons(set, slot, name, reload)),
  ];
}

/** The buttons that move a picture to another place, replace it, and take it out. @param {Api.Set} set */
function slotButtons(set, slot, name, reload) {
  const index = SLOTS.indexOf(slot);
  const run = (work, done = "") => ({ currentTarget }) => busy(currentTarget, async () => {
    // A deleted picture of another place may still wait for its deletion.
    await commitDeferred();
    await work();
    await reload();
    if (done) notice(done);
  }).catch(async (error) => {
    showError(error);
    await reload().catch(() => {});
  });
  const move = (step) => run(() => putIntoSlot(set, SLOTS[index + step], set.images[slot].id));
  return h("span", { class: "slot-buttons" },
    index > 0 && iconButton("back", words.moveBack(name), move(-1)),
    index < SLOTS.length - 1 && iconButton("forward", words.moveOn(name), move(1)),
    iconButton("swap", words.replaceIn(name), () => openPicker(words.replaceIn(name), async ({ id }) => {
      await commitDeferred();
      await putIntoSlot(set, slot, id, { replace: true }).finally(reload);
    })),
    iconButton("close", words.takeOut(name), run(() => call("DELETE", path(set, slot)), words.takenOut(name))));
}

/** @param {Api.Set} set */
function emptySlot(set, slot, reload) {
  /** @param {File[]} files */
  const uploadInto = ([file]) => {
    if (!file) return;
    uploads.add([file], async (declared, key) => {
      // The previous picture of this place may still wait for its deletion.
      await commitDeferred();
      const made = await call("POST", `/api/imagesets/${set.id}/images`, { body: { image_type: slot, ...declared, ...uploadOptions() }, key });
      reload().catch(showError);
      return made;
    });
  };
  const pick = () => openPicker(words.pickFor(slot), async ({ id }) => {
    await commitDeferred();
    await putIntoSlot(set, slot, id);
    await reload();
  });
  return [
    h("button", {
      type: "button",
      class: "drop",
      onclick: async () => uploadInto(await chooseFiles({ multiple: false })),
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        event.stopPropagation();
        uploadInto(filesOf(event.dataTransfer));
      },
    }, icon("plus"), h("span", null, words.fillSlot(slot))),
    h("div", { class: "slot-name" }, h("p", { class: "quiet" }, words.slot[slot]),
      h("button", { type: "button", class: "text-button", "aria-label": words.pickFor(slot), onclick: pick }, words.pick)),
  ];
}
