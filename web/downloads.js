// Saves pictures as files, and hands them to other apps of a phone.

import { call } from "./api.js";
import { h } from "./dom.js";
import { texts } from "./texts.js";

/** Whether the browser can hand files to other apps. Phones can. */
export function mayShareFiles() {
  const probe = new File([new Uint8Array(1)], "picture.jpg", { type: "image/jpeg" });
  return navigator.canShare?.({ files: [probe] }) === true;
}

/** The file extension by media type, for pictures that are not the original. */
const EXTENSIONS = { "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif", "image/png": "png" };

/**
 * Returns the best file that the user may have: the original, or else the largest thumbnail. Null if there is none.
 * @param {Api.Image} image
 */
function findSource(image) {
  const { original_url, thumbnails, file_name } = image;
  if (original_url) return { url: original_url, name: file_name };
  const thumbnail = thumbnails.at(-1);
  return thumbnail ? { url: thumbnail.url, name: nameOf(image, thumbnail) } : null;
}

/** Returns the best file that the user may have. @param {Api.Image} image */
function bestSource(image) {
  const source = findSource(image);
  if (!source) throw new Error(texts.image.noFile);
  return source;
}

/** The name of a thumbnail's file. @param {Api.Image} image @param {Api.Thumbnail} thumbnail */
function nameOf({ file_name }, { size, content_type }) {
  const stem = file_name.replace(/\.[^.]*$/, "");
  return `${stem}-${size}.${EXTENSIONS[content_type] ?? "jpg"}`;
}

/** @param {{url: string, name: string}} source @returns {Promise<File>} */
async function load({ url, name }) {
  // The browser may have the picture from an `img` element, without the headers that allow a script to read it.
  const response = await fetch(url, { cache: "no-store" }).catch(() => null);
  if (!response?.ok) throw new Error(texts.image.downloadFailed);
  const blob = await response.blob();
  return new File([blob], name, { type: blob.type });
}

/** Saves a file. @param {File} file */
export function save(file) {
  const url = URL.createObjectURL(file);
  const link = h("a", { href: url, download: file.name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Saves a picture, or one of its thumbnails. @param {Api.Image} image @param {Api.Thumbnail} [thumbnail] */
export async function downloadImage(image, thumbnail) {
  const source = thumbnail ? { url: thumbnail.url, name: nameOf(image, thumbnail) } : bestSource(image);
  save(await load(source));
}

/**
 * Saves pictures one after the other. Calls `onProgress` with the number of saved ones. Returns the number of pictures that
 * are gone or have no file.
 * @param {string[]} ids
 * @param {(done: number) => void} onProgress
 */
export async function downloadAll(ids, onProgress) {
  let done = 0;
  for (const id of ids) {
    const image = await call("GET", `/api/images/${id}`).catch((error) => {
      if (error.status !== 404) throw error;
      return null;
    });
    const source = image && findSource(image);
    if (!source) continue;
    save(await load(source));
    done += 1;
    onProgress(done);
  }
  if (done === 0) throw new Error(ids.length === 1 ? texts.image.noFile : texts.select.noneReady);
  return ids.length - done;
}

/** Hands pictures to another app. @param {Api.Image[]} images */
export async function shareImages(images) {
  const files = await Promise.all(images.map((image) => load(bestSource(image))));
  // The promise is rejected if the user closes the dialog.
  await navigator.share({ files }).catch((error) => {
    if (error.name !== "AbortError") throw new Error(texts.image.shareFailed);
  });
}
