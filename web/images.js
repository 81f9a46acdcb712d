// Shared by the views of pictures: the user's list of pictures, uploads into it, and deletion with Undo.

import { call } from "./api.js";
import { deleteAll, deleteWhileLeaving, holdLogout, operationsEnd, shareOfLimits } from "./batch.js";
import { listParameters } from "./chosen-order.js";
import { deleting } from "./deleting.js";
import { confirm } from "./dialog.js";
import { commitDeferred, showError, notice, deferWithUndo } from "./notice.js";
import { groupOf, listOrder } from "./order.js";
import { PagedList } from "./paged-list.js";
import { query } from "./query.js";
import { resetSizes } from "./sizes.js";
import { hasTrash, renewUsage, state } from "./state.js";
import { texts } from "./texts.js";
import { uploads } from "./uploads.js";
import { isUnfinished, watch } from "./watcher.js";

/** @type {PagedList | null} the user's pictures in the order that was shown last; kept while the page is open */
let all = null;
/** The order of `all`, as a text. */
let orderOfAll = "";

/** @returns {Promise<Api.Page>} */
const loadPage = (parameters) => call("GET", `/api/images${query(parameters)}`);

/** Returns the list of all pictures of the user. @param {import("./chosen-order.js").Order} order */
export function allImages(order) {
  const name = JSON.stringify(order);
  if (!all || orderOfAll !== name) {
    all = new PagedList(
      async (cursor, limit) => watchUnfinished(await loadPage({ cursor, limit, ...listParameters(order) })),
      () => state.profile?.usage.images ?? 0,
      listOrder(order),
      groupOf(order),
    );
    orderOfAll = name;
  }
  return all;
}

/**
 * Creates a list of some of the user's pictures.
 * @param {{status?: string, q?: string, taken_after?: string, taken_before?: string}} filters
 * @param {import("./chosen-order.js").Order} order
 */
export function someImages(filters, order) {
  return new PagedList((cursor, limit) => loadPage({ cursor, limit, ...filters, ...listParameters(order) }),
    undefined, listOrder(order), groupOf(order));
}

/** Creates a list of the pictures in the trash. */
export function trashedImages() {
  // A deletion that the user can still undo, or that is under way, has not reached the trash.
  commitDeferred();
  const committed = operationsEnd();
  const fields = ["file_name", "title", "status", "created_at", "placeholder", "trash"].join();
  return new PagedList(async (cursor, limit) => {
    await committed;
    const page = await loadPage({ cursor, limit, trashed: true, fields });
    return { ...page, images: page.images.map((image) => ({ ...image, thumbnails: [] })) };
  });
}

/** Drops the list, because another user may log in next. */
export function resetImages() {
  all = null;
  deleting.clear();
  resetSizes();
}

/** @param {Api.Page} page */
function watchUnfinished(page) {
  for (const image of page.images) {
    if (isUnfinished(image)) watchImage(image.id);
  }
  return page;
}

/** Updates the list whenever the image changes, until the image is finished. */
export function watchImage(id) {
  watch(id, updateImage);
}

function updateImage(image) {
  if (image) all?.put(image);
}

uploads.addEventListener("image", ({ detail: image }) => {
  all?.put(image);
});
uploads.addEventListener("removed", ({ detail: id }) => {
  all?.hide(id);
});

/** Returns the function that creates the image for an uploaded file: see `Uploads.add`. */
const imageCreator = (more = {}) => async (file, key) => {
  const created = await call("POST", "/api/images", { body: { ...file, ...more }, key });
  // The profile is not loaded again for this.
  if (state.profile) state.profile.usage.images += 1;
  return created;
};

/** Uploads files as images of the user. `more` holds further fields for each new image. */
export function uploadImages(files, more) {
  if (files.length > 0) uploads.add(files, imageCreator(more));
}

/** Calls `listener` when the user has undone a deletion. @param {() => void} listener @param {AbortSignal} signal */
export function onRestored(listener, signal) {
  addEventListener("restored", listener, { signal });
}

/**
 * Hides images from `list` at once, and deletes them after some seconds in which the user can undo the deletion.
 * @param {string[]} ids
 * @param {import("./paged-list.js").PagedList} list
 * @param {{name?: string, base?: string}} [options] `name`: what the notice calls a single image
 */
export function deleteImages(ids, list, { name = "", base = "/api/images" } = {}) {
  const lists = all && list !== all ? [list, all] : [list];
  // The last image that was hidden is restored first, so that each finds its place.
  const shows = new Map(ids.map((id) => [id, lists.map((one) => one.hide(id))]));
  for (const id of ids) deleting.add(id);
  const restore = (some) => {
    for (const id of some) deleting.delete(id);
    for (const id of [...some].reverse()) shows.get(id)?.forEach((show) => show());
    dispatchEvent(new CustomEvent("restored"));
  };
  const what = name || texts.photos.count(ids.length);
  // The trash shows the images at once.
  const isToTrash = hasTrash() && base === "/api/images";
  const remove = async () => {
    const { failed, error } = await deleteAll(ids, { base });
    for (const id of ids) deleting.delete(id);
    if (failed.length > 0) restore(failed);
    if (error) showError(error);
    else if (!isToTrash) notice(texts.image.deleted(what));
    await renewUsage();
  };
  deferWithUndo(isToTrash ? texts.trash.moved(what) : texts.image.deleting(what), {
    commit: (leaving) => (leaving ? deleteWhileLeaving(ids, base) : holdLogout(remove())),
    undo: () => {
      restore(ids);
      notice(texts.image.restored(what));
    },
    share: shareOfLimits(ids, base),
  });
}

/** Deletes one image, as `deleteImages` does. @param {Api.Image} image @param {import("./paged-list.js").PagedList} list */
export function deleteImage(image, list) {
  deleteImages([image.id], list, { name: image.title ?? image.file_name });
}

/**
 * Deletes images of other users, as `deleteImages` does, after a question. Resolves to whether the admin agreed.
 * @param {Api.Image[]} images
 * @param {import("./paged-list.js").PagedList} list
 */
export async function deleteAsAdmin(images, list) {
  const name = images.length === 1 ? images[0].title ?? images[0].file_name : texts.photos.count(images.length);
  if (!await confirm(texts.image.confirmDeleteAsAdmin(name), texts.image.delete)) return false;
  deleteImages(images.map(({ id }) => id), list, { name, base: "/api/admin/images" });
  return true;
}

/** Has the list loaded anew when it is shown next, because pictures came back from the trash. */
export function forgetImages() {
  all = null;
}

let isRenewing = false;

/**
 * Compares the user's list and the one that is shown with the service, for example when the user returns to this tab.
 * @param {PagedList | null} shown
 */
export function renewImages(shown) {
  if (isRenewing) return;
  isRenewing = true;
  Promise.allSettled([...new Set([all, shown])].map((list) => list?.renew())).finally(() => {
    isRenewing = false;
  });
}
