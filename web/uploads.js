// Uploads: creates images with the API, sends the files to S3, and follows the images until they are finished.

import { ApiError, call, callWhileLeaving } from "./api.js";
import { texts } from "./texts.js";
import { Upload } from "./upload.js";
import { watch } from "./watcher.js";

/** The media types that the API accepts. */
export const TYPES = new Set([
  "image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/heic", "image/tiff", "image/bmp",
  "image/jxl",
]);
/** The media type by the extension of a file name, for files to which the browser gives none. */
export const EXTENSIONS = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif", gif: "image/gif",
  heic: "image/heic", heif: "image/heic", hif: "image/heic", tif: "image/tiff", tiff: "image/tiff", bmp: "image/bmp",
  jxl: "image/jxl",
};

/** How many files are sent at the same time. Browsers allow six connections, and the page needs some for itself. */
const MAX_PARALLEL = 3;
/** A request without progress for this time is aborted and sent again. */
const STALL_MS = 30_000;
const MAX_DELAY_MS = 30_000;
/** An upload fails after more refusals by the storage than this. Network errors do not count. */
const MAX_REFUSALS = 3;
/** An upload fails after more network errors than this without progress, while the API can be reached. */
const MAX_NETWORK_ERRORS = 6;
const PREVIEW_WIDTH = 48;
const MAX_PREVIEWED_BYTES = 60e6;

/**
 * What uploads need from the API. The uploads of guests have another service.
 * @typedef {object} Service
 * @property {(item: Upload) => Promise<Api.Upload>} renew returns a new URL; fails with `not-pending` if the file is there
 * @property {(id: string) => Promise<unknown>} remove deletes an image
 * @property {(id: string) => void} removeWhileLeaving deletes an image while the user leaves the page
 * @property {(id: string, listener: (image: any) => void, signal: AbortSignal) => void} watch follows an image until it is finished
 */

/** @type {Service} */
const USER_SERVICE = {
  renew: async ({ image }) => (await call("POST", `/api/images/${image?.id}/upload`)).upload,
  remove: (id) => call("DELETE", `/api/images/${id}`),
  removeWhileLeaving: (id) => callWhileLeaving("DELETE", `/api/images/${id}`),
  watch,
};

/**
 * Uploads of this page. Events: `change`; `image` with a new or changed image as `detail`; `removed` with the id of
 * a deleted image.
 */
export class Uploads extends EventTarget {
  /** @type {Upload[]} */
  items = [];
  #running = 0;
  #changeScheduled = false;
  #previewQueue = Promise.resolve();

  /** Small previews of uploaded files by image id, until the thumbnail is loaded. */
  previews = new Map();

  #clearsOld;

  /** @param {Service} service @param {{clearsOld?: boolean}} [options] `clearsOld`: a new batch removes a finished one */
  constructor(service = USER_SERVICE, { clearsOld = false } = {}) {
    super();
    this.service = service;
    this.#clearsOld = clearsOld;
  }

  /**
   * Adds files, and starts to upload them.
   * @param {Iterable<File>} files
   * @param {(file: {file_name: string, content_type: string, size: number}, key: string) => Promise<{image: Api.Image, upload: Api.Upload}>} createImage
   * @param {{isReplacement?: boolean, refuse?: (file: File) => string | null}} [options] `refuse` returns why a file is not taken
   */
  add(files, createImage, { isReplacement = false, refuse = () => null } = {}) {
    if (this.#clearsOld && this.items.every((item) => item.isFinished)) {
      // The user may still want to try failed uploads again.
      this.items = this.items.filter((item) => item.state === "failed");
    }
    for (const file of files) {
      const type = TYPES.has(file.type) ? file.type : EXTENSIONS[file.name.split(".").pop()?.toLowerCase() ?? ""];
      const declared = { file_name: file.name, content_type: type, size: file.size };
      const item = new Upload(file, (key) => createImage(declared, key), isReplacement);
      const refusal = type === undefined ? texts.uploads.notPicture
        : file.size === 0 ? texts.uploads.empty : refuse(file);
      if (refusal) Object.assign(item, { state: "failed", error: refusal, hasPermanentError: true });
      this.items.push(item);
    }
    this.#emitChange();
    this.#startQueued();
  }

  cancel(item) {
    if (item.isFinished) return;
    this.#abort(item);
    this.#deleteImage(item);
    this.#emitChange();
  }

  /** Starts a failed or cancelled upload again. */
  retry(item) {
    if (!item.isFinished || item.hasPermanentError) return;
    if (item.state === "failed") this.#deleteImage(item);
    this.items = this.items.map((known) => (known === item ? new Upload(item.file, item.createImage, item.isReplacement) : known));
    this.#emitChange();
    this.#startQueued();
  }

  /** Removes all finished uploads, or one of them, from the list. */
  clear(only) {
    this.items = this.items.filter((item) => !item.isFinished || only && item !== only);
    this.#emitChange();
  }

  /** Cancels incomplete uploads when the user leaves the page. Otherwise their images would stay pending for a day. */
  cancelUnsent() {
    for (const item of this.items.filter((item) => item.isUnsent)) {
      this.#abort(item);
      if (item.image && !item.isReplacement) this.service.removeWhileLeaving(item.image.id);
    }
    this.#emitChange();
  }

  /** Cancels and removes everything, because another user may log in next. */
  reset() {
    this.cancelUnsent();
    this.items.filter((item) => !item.isFinished).forEach((item) => this.#abort(item));
    this.items = [];
    this.previews.clear();
    this.#emitChange();
  }

  get hasUnsent() {
    return this.items.some((item) => item.isUnsent);
  }

  /** Whether this page is uploading the file of an image. */
  isSending(id) {
    return this.items.some((item) => item.isUnsent && item.image?.id === id);
  }

  #abort(item) {
    item.state = "cancelled";
    item.abort.abort();
    item.request?.abort();
  }

  #startQueued() {
    for (const item of this.items) {
      if (this.#running >= MAX_PARALLEL) return;
      if (item.state !== "queued") continue;
      this.#running += 1;
      this.#setState(item, "creating");
      this.#upload(item).catch((error) => this.#fail(item, error)).finally(() => {
        this.#running -= 1;
        this.#startQueued();
      });
    }
  }

  async #upload(item) {
    const { abort } = item;
    Object.assign(item, await this.#callWithRetries(item, () => item.createImage(item.key)));
    if (abort.signal.aborted) return this.#deleteImage(item);
    if (item.isReplacement) this.#removeEarlier(item);
    this.#emit("image", item.image);
    this.#createPreview(item);
    while (!await this.#sendFile(item)) {
      if (abort.signal.aborted) return;
      // The URL may have expired, or the response to a complete upload was lost. In the second case the API answers
      // `not-pending`.
      try {
        item.upload = await this.#callWithRetries(item, () => this.service.renew(item));
      } catch (error) {
        if (error.code !== "not-pending") throw error;
        break;
      }
    }
    if (abort.signal.aborted) return;
    item.sent = item.size;
    item.image = { ...item.image, status: "processing" };
    this.#setState(item, "processing");
    this.#emit("image", item.image);
    this.service.watch(item.image.id, (image) => this.#onImageChange(item, image), abort.signal);
  }

  /** Removes finished uploads of the same image: a retry would replace the new version. */
  #removeEarlier(item) {
    this.items = this.items.filter((other) => other === item || !other.isFinished || other.image?.id !== item.image.id);
    this.#emitChange();
  }

  #onImageChange(item, image) {
    // The service has not noticed yet that the file is complete.
    if (image?.status === "pending") return;
    if (image) this.#emit("image", image);
    if (item.isFinished) return;
    if (image === null) return this.cancel(item);
    item.image = image;
    if (image.status === "ready") this.#setState(item, "ready");
    if (image.status === "failed") this.#fail(item, new Error(texts.failure(image.failure)));
  }

  /** Sends the file once. Resolves to whether the storage has it. */
  async #sendFile(item) {
    this.#setState(item, "sending");
    const status = await new Promise((resolve) => {
      const request = item.request = new XMLHttpRequest();
      let stallTimer;
      const onProgress = () => {
        clearTimeout(stallTimer);
        stallTimer = setTimeout(() => request.abort(), STALL_MS);
      };
      request.open(item.upload.method, item.upload.url);
      for (const [name, value] of Object.entries(item.upload.headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = ({ loaded }) => {
        onProgress();
        item.networkErrors = 0;
        item.sent = Math.min(loaded, item.size);
        this.#emitChange();
      };
      request.onloadend = () => {
        clearTimeout(stallTimer);
        resolve(request.status);
      };
      onProgress();
      request.send(item.file);
    });
    item.request = null;
    // Objects are never overwritten. So 412 means that an earlier attempt succeeded and its response was lost.
    if (status >= 200 && status < 300 || status === 412) return true;
    if (item.abort.signal.aborted) return false;
    item.sent = 0;
    if (status === 0) {
      // The request also fails if the file was moved or changed. Then waiting does not help.
      await item.file.slice(0, 1).arrayBuffer().catch(() => {
        throw new Error(texts.uploads.unreadable);
      });
      if (++item.networkErrors > MAX_NETWORK_ERRORS) throw new Error(texts.uploads.storageUnreachable);
    } else if (status < 500 && ++item.refusalCount > MAX_REFUSALS) {
      throw new Error(texts.uploads.refused);
    }
    await this.#delay(item, ++item.retryCount);
    return false;
  }

  /** Repeats a request until it succeeds or fails with a permanent error. */
  async #callWithRetries(item, request) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof ApiError) || !error.transient || item.abort.signal.aborted) throw error;
        await this.#delay(item, attempt, error.retryAfter);
        item.abort.signal.throwIfAborted();
      }
    }
  }

  /** Waits before the next attempt, longer each time. Ends early if the network is back. */
  #delay(item, attempt, seconds) {
    this.#setState(item, "waiting");
    const pause = seconds ? seconds * 1000 : Math.min(500 * 2 ** attempt, MAX_DELAY_MS);
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        removeEventListener("online", done);
        item.abort.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, pause);
      addEventListener("online", done);
      item.abort.signal.addEventListener("abort", done);
    }));
  }

  #fail(item, error) {
    if (item.state === "cancelled") return;
    item.error = error.message;
    this.#setState(item, "failed");
  }

  #deleteImage({ image, isReplacement }) {
    if (!image || isReplacement) return;
    this.previews.delete(image.id);
    this.#emit("removed", image.id);
    this.service.remove(image.id).catch(() => {
      // The service deletes a pending image within a day, so the user need not know.
    });
  }

  /** Creates previews one after the other: decoding many photos at once would need too much memory. */
  #createPreview(item) {
    if (item.size > MAX_PREVIEWED_BYTES) return;
    this.#previewQueue = this.#previewQueue.then(async () => {
      /** @type {ImageBitmapOptions} */
      const options = { resizeWidth: PREVIEW_WIDTH, resizeQuality: "medium" };
      const bitmap = await createImageBitmap(item.file, options).catch(() => null);
      if (bitmap === null || item.isFinished) return;
      this.previews.set(item.image.id, bitmap);
      this.#emit("image", item.image);
    });
  }

  #setState(item, state) {
    if (item.state === "cancelled") return;
    item.state = state;
    this.#emitChange();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Emits `change` at most every 30 ms. */
  #emitChange() {
    if (this.#changeScheduled) return;
    this.#changeScheduled = true;
    setTimeout(() => {
      this.#changeScheduled = false;
      this.#emit("change");
    }, 30);
  }
}

/** The uploads of the user. */
export const uploads = new Uploads(USER_SERVICE, { clearsOld: true });

addEventListener("pagehide", () => uploads.cancelUnsent());
addEventListener("beforeunload", (event) => {
  if (uploads.hasUnsent) event.preventDefault();
});
