// Shared by the views of pictures: the user's list of pictures, uploads into it, and deletion with Undo.

import { call, callWhileLeaving, query } from "./api.js";
import { showError, notice, deferWithUndo } from "./notice.js";
import { PagedList } from "./paged-list.js";
import { state } from "./state.js";
import { texts } from "./texts.js";
import { uploads } from "./uploads.js";
import { isUnfinished, watch } from "./watcher.js";

/** @type {PagedList | null} the user's pictures, newest first; kept while the page is open */
let all = null;

/** Returns the list of all pictures of the user. */
export function allImages() {
  all ??= new PagedList(
    async (cursor, limit) => watchUnfinished(await call("GET", `/api/images${query({ cursor, limit })}`)),
    () => state.profile?.usage.images ?? 0,
  );
  return all;
}

/** Creates a list of the user's pictures with one status. */
export const imagesByStatus = (status) =>
  new PagedList((cursor, limit) => call("GET", `/api/images${query({ cursor, limit, status })}`));

/** Drops the list, because another user may log in next. */
export function resetImages() {
  all = null;
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
const imageCreator = (more = {}) => (file, key) => call("POST", "/api/images", { body: { ...file, ...more }, key });

/** Uploads files as images of the user. `more` holds further fields for each new image. */
export function uploadImages(files, more) {
  if (files.length > 0) uploads.add(files, imageCreator(more));
}

/** Hides an image from `list` at once, and deletes it after some seconds in which the user can undo the deletion. */
export function deleteImage(image, list, base = "/api/images") {
  const restore = list.hide(image.id);
  const restoreInAll = all && list !== all ? all.hide(image.id) : () => {};
  const name = image.title ?? image.file_name;
  const restoreAll = () => {
    restore();
    restoreInAll();
  };
  deferWithUndo(texts.image.deleted(name), {
    commit: (leaving) => {
      const path = `${base}/${image.id}`;
      if (leaving) return callWhileLeaving("DELETE", path);
      return call("DELETE", path).then(() => {
        dispatchEvent(new CustomEvent("usage"));
      }, (error) => {
        if (error.status === 404) return;
        restoreAll();
        showError(error);
      });
    },
    undo: () => {
      restoreAll();
      notice(texts.image.restored(name));
    },
  });
}
