// A grid of the user's own pictures with selecting: the views of photos and of phone numbers show it.

import { pictureAddress } from "./addresses.js";
import { call } from "./api.js";
import { downloadArchives } from "./archives.js";
import { confirm, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { downloadAll } from "./downloads.js";
import { Grid } from "./grid.js";
import { deleteImage, deleteImages, onRestored } from "./images.js";
import { notice } from "./notice.js";
import { selectBar } from "./select-bar.js";
import { Selection } from "./selection.js";
import { setForm, SLOTS } from "./set-form.js";
import { putIntoSlot } from "./slot.js";
import { hasTrash, state } from "./state.js";
import { texts } from "./texts.js";

const words = texts.select;

/** Makes a set of the selected pictures. Fails if there are more than the places of a set. @param {string[]} ids */
function makeSet(ids) {
  if (ids.length > SLOTS.length) throw new Error(words.tooManyForSet);
  const dialog = openDialog({
    title: texts.sets.make,
    className: "small",
    body: setForm({}, texts.sets.create, async (body, key) => {
      const set = await call("POST", "/api/imagesets", { body, key });
      for (const [index, id] of ids.entries()) await putIntoSlot(set, SLOTS[index], id);
      dialog.close();
      location.hash = `#/sets/${set.id}`;
    }),
  });
}

/**
 * Creates the grid and its bar.
 * @param {import("./paged-list.js").PagedList} list
 * @param {{label: string, listName: Record<string, string | null>, heading?: (group: string) => string}} options
 * `listName`: the parameters that name the list in the addresses of its pictures
 */
export function gallery(list, { label, listName, heading }) {
  const ended = new AbortController();
  const selection = new Selection(list);
  const remove = async () => {
    const { ids } = selection;
    const question = hasTrash() ? words.confirmTrash(ids.length) : words.confirmDelete(ids.length);
    if (ids.length > 1 && !await confirm(question, texts.image.delete)) return;
    const { neighbour } = selection;
    selection.clear();
    deleteImages(ids, list);
    grid.reveal(neighbour);
  };
  const download = async (say) => {
    const { ids } = selection;
    if (ids.length > 1 && state.tier?.original_link) return downloadArchives(ids, say);
    const leftOut = await downloadAll(ids, (done) => say(words.downloading(done, ids.length)));
    if (leftOut > 0) notice(words.leftOut(leftOut, ids.length));
  };
  const bar = selectBar(selection, [
    { name: texts.image.download, icon: "download", keys: "d", run: download },
    { name: words.makeSet, icon: "sets", run: () => makeSet(selection.ids) },
    { name: texts.image.delete, icon: "trash", keys: "Delete", run: remove },
  ]);
  const grid = new Grid({
    list,
    label,
    heading,
    selection,
    href: (image) => pictureAddress(image.id, listName),
    onDelete: (image) => deleteImage(image, list),
  });
  // A list that was loaded during the seconds of Undo lacks the restored pictures.
  onRestored(() => list.renew().catch(() => {}), ended.signal);
  return {
    element: h("div", null, bar.element, grid.errorBox, grid.element),
    shown: () => grid.render(),
    reveal: (id) => grid.reveal(id),
    dispose: () => {
      ended.abort();
      bar.dispose();
      grid.dispose();
      selection.dispose();
    },
  };
}
