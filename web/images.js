// What the views of pictures have in common: the caller's list, uploading into it, and deleting with a way back.

import { call, callWhileLeaving, query } from "./api.js";
import { complain, notice, undoable } from "./notice.js";
import { PagedList } from "./paged-list.js";
import { state } from "./state.js";
import { texts } from "./texts.js";
import { uploads } from "./uploads.js";
import { unsettled, watch } from "./watcher.js";

/** @type {PagedList | null} the caller's pictures, newest first, as long as the page is open */
let all = null;

/** The caller's pictures. */
export function allImages() {
  all ??= new PagedList(
    async (cursor, limit) => follow(await call("GET", `/api/images${query({ cursor, limit })}`)),
    () => state.profile?.usage.images ?? 0,
  );
  return all;
}

/** The caller's pictures in one state. */
export const imagesWith = (status) =>
  new PagedList((cursor, limit) => call("GET", `/api/images${query({ cursor, limit, status })}`));

/** Forgets the list, for the next who logs in. */
export function forgetImages() {
  all = null;
}

/** @param {Api.Page} page */
function follow(page) {
  for (const image of page.images) {
    if (unsettled(image)) watchImage(image.id);
  }
  return page;
}

/** Keeps the list up to date with an image that is under way. */
export function watchImage(id) {
  watch(id, putImage);
}

function putImage(image) {
  if (image) all?.put(image);
}

uploads.addEventListener("image", ({ detail: image }) => {
  all?.put(image);
});
uploads.addEventListener("gone", ({ detail: id }) => {
  all?.hide(id);
});

/** How a file becomes an image of the caller's: see `Uploads.add`. */
export const announceImage = (more = {}) => (file, key) => call("POST", "/api/images", { body: { ...file, ...more }, key });

/** Uploads files as images of the caller's. */
export function uploadImages(files, more) {
  if (files.length > 0) uploads.add(files, announceImage(more));
}

/** Deletes an image a little later, so that it can be had back. `list` shows it no more at once. */
export function deleteImage(image, list, base = "/api/images") {
  const restore = list.hide(image.id);
  const elsewhere = all && list !== all ? all.hide(image.id) : () => {};
  const name = image.title ?? image.file_name;
  const back = () => {
    restore();
    elsewhere();
  };
  undoable(texts.image.deleted(name), {
    act: (leaving) => {
      const path = `${base}/${image.id}`;
      if (leaving) return callWhileLeaving("DELETE", path);
      return call("DELETE", path).then(() => {
        dispatchEvent(new CustomEvent("usage"));
      }, (error) => {
        if (error.status === 404) return;
        back();
        complain(error);
      });
    },
    undo: () => {
      back();
      notice(texts.image.restored(name));
    },
  });
}
