// The view of deleted pictures, which can be restored for some days.

import { call } from "../api.js";
import { deleteAll, guard, holdLogout, restoreAll } from "../batch.js";
import { confirm } from "../dialog.js";
import { busy, h, icon } from "../dom.js";
import { Grid } from "../grid.js";
import { forgetImages, trashedImages } from "../images.js";
import { notice, showError } from "../notice.js";
import { selectBar } from "../select-bar.js";
import { Selection } from "../selection.js";
import { hasTrash, renewUsage, state } from "../state.js";
import { texts } from "../texts.js";

const words = texts.trash;

export function trashView() {
  const list = trashedImages();
  const selection = new Selection(list);
  /** Removes from the list what an operation has changed. */
  const finish = async (operation, ids, done) => {
    const { failed, error } = await operation;
    const changed = ids.filter((id) => !failed.includes(id));
    const { neighbour } = selection;
    for (const id of changed) list.hide(id);
    selection.clear();
    grid.reveal(neighbour);
    if (error) showError(error);
    if (changed.length > 0) notice(done(texts.photos.count(changed.length)));
    forgetImages();
    await renewUsage();
  };
  const restore = () => {
    const { ids } = selection;
    return holdLogout(finish(restoreAll(ids), ids, words.restored));
  };
  const remove = async () => {
    const { ids } = selection;
    if (!await confirm(words.confirmDelete(texts.photos.count(ids.length)), words.deleteForGood)) return;
    await holdLogout(finish(deleteAll(ids, { isPermanent: true }), ids, words.deleted));
  };
  const bar = selectBar(selection, [
    { name: words.restore, icon: "retry", run: restore },
    { name: words.deleteForGood, icon: "trash", keys: "Delete", run: remove },
  ]);
  const grid = new Grid({ list, label: words.grid, href: () => "#/trash", selection, isTrash: true, onDelete: ({ id }) => selection.toggle(id) });
  const empty = h("p", { class: "empty", hidden: true }, words.empty);
  const loading = h("p", { class: "quiet", role: "status" }, words.loading);
  const emptyIt = h("button", { type: "button", class: "button danger", hidden: true, onclick: () =>
    busy(emptyIt, () => emptyTrash(list)).catch(showError).finally(() => emptyIt.hidden && grid.reveal(null)) },
  icon("trash"), words.emptyIt);
  const show = () => {
    loading.hidden = list.started || list.failure !== null;
    empty.hidden = !(list.complete && list.length === 0);
    emptyIt.hidden = list.knownCount === 0;
  };
  list.addEventListener("change", show);
  list.addEventListener("error", show);
  return {
    title: words.title,
    element: h("div", null,
      h("header", { class: "view-header" },
        h("a", { class: "icon-button", href: "#/", "aria-label": texts.photos.title }, icon("back")),
        h("h1", { tabindex: "-1" }, words.title), h("span", { class: "space" }), emptyIt),
      h("p", { class: "quiet lead" }, hasTrash() ? words.lead(state.tier?.trash_days ?? 0) : words.off, " ", words.hidden),
      bar.element, grid.errorBox, grid.element, loading, empty),
    shown: () => grid.render(),
    dispose: () => {
      bar.dispose();
      grid.dispose();
      selection.dispose();
      list.removeEventListener("change", show);
      list.removeEventListener("error", show);
    },
  };
}

/** Deletes everything in the trash. The service deletes a part with each request. */
async function deleteEverything(list) {
  for (let isEmpty = false; !isEmpty;) {
    ({ is_empty: isEmpty } = await guard(call("DELETE", "/api/trash")));
  }
  for (const id of list.ids()) list.hide(id);
  notice(words.emptied);
  await renewUsage();
}

/** Deletes everything in the trash, after a question. */
async function emptyTrash(list) {
  if (!await confirm(words.confirmEmpty, words.emptyIt)) return;
  await holdLogout(deleteEverything(list));
}
