// Uploads: creates images with the API, sends the files to S3, and follows the images until they are finished.

import { ApiError, call, callWhileLeaving } from "./api.js";
import { imageType, isHeic } from "./files.js";
import { texts } from "./texts.js";
import { watch } from "./watcher.js";

/** How many files are sent at the same time. Browsers allow six connections, and the page needs some for itself. */
const PARALLEL = 3;
/** A request without progress for this time is aborted and sent again. */
const STALL_MS = 30_000;
const LONGEST_PAUSE_MS = 30_000;
/** An upload fails after more refusals by the storage than this. Network errors do not count. */
const REFUSALS = 3;
/** An upload fails after more network errors than this without progress, while the API can be reached. */
const UNREACHED = 6;
const PREVIEW_WIDTH = 48;
const PREVIEW_BYTES = 60e6;

/**
 * The upload of one file. `state` is queued, creating, sending, waiting, processing, ready, failed or cancelled.
 * `error` is a sentence for the user. `announce(key)` creates the image and resolves to `{image, upload}`. If `replaces`
 * is true, the file is a new version of an existing image, so a failed or cancelled upload does not delete the image.
 */
class Upload {
  state = "queued";
  sent = 0;
  /** @type {Api.Image | null} */
  image = null;
  /** @type {Api.Upload | null} */
  upload = null;
  /** @type {string | null} */
  error = null;
  /** Whether another attempt cannot succeed. */
  hopeless = false;
  /** @type {XMLHttpRequest | null} */
  request = null;
  tries = 0;
  refusals = 0;
  unreached = 0;

  /** @param {File} file @param {(key: string) => Promise<{image: Api.Image, upload: Api.Upload}>} announce @param {boolean} replaces */
  constructor(file, announce, replaces) {
    this.file = file;
    this.announce = announce;
    this.replaces = replaces;
    this.name = file.name;
    this.size = file.size;
    this.key = crypto.randomUUID();
    this.abort = new AbortController();
  }

  /** Whether it is ready, failed or cancelled. */
  get over() {
    return ["ready", "failed", "cancelled"].includes(this.state);
  }

  /** Whether the storage does not have the whole file yet. */
  get unsent() {
    return ["queued", "creating", "sending", "waiting"].includes(this.state);
  }
}

/**
 * All uploads of this page. Events: `change`; `image` with a new or changed image as `detail`; `gone` with the id of a
 * deleted image.
 */
class Uploads extends EventTarget {
  /** @type {Upload[]} */
  items = [];
  #running = 0;
  #changed = false;
  #previews = Promise.resolve();

  /** Small previews of uploaded files by image id, until the thumbnail is loaded. */
  previews = new Map();

  /**
   * Adds files, and starts to upload them.
   * @param {Iterable<File>} files
   * @param {(file: {file_name: string, content_type: string, size: number}, key: string) => Promise<{image: Api.Image, upload: Api.Upload}>} announce
   * @param {{replaces?: boolean}} [options]
   */
  add(files, announce, { replaces = false } = {}) {
    for (const file of files) {
      const type = imageType(file);
      const declared = { file_name: file.name, content_type: type ?? "", size: file.size };
      const item = new Upload(file, (key) => announce(declared, key), replaces);
      const refusal = isHeic(file) ? texts.problem({ code: "heic-not-supported" })
        : type === undefined ? texts.uploads.notPicture
        : file.size === 0 ? texts.uploads.empty : null;
      if (refusal) Object.assign(item, { state: "failed", error: refusal, hopeless: true });
      this.items.push(item);
    }
    this.#change();
    this.#pump();
  }

  cancel(item) {
    if (item.over) return;
    this.#stop(item);
    this.#discard(item);
    this.#change();
  }

  /** Starts a failed or cancelled upload again. */
  retry(item) {
    if (!item.over || item.hopeless) return;
    if (item.state === "failed") this.#discard(item);
    this.items = this.items.map((known) => (known === item ? new Upload(item.file, item.announce, item.replaces) : known));
    this.#change();
    this.#pump();
  }

  /** Removes all finished uploads, or one of them, from the list. */
  clear(only) {
    this.items = this.items.filter((item) => !item.over || only && item !== only);
    this.#change();
  }

  /** Cancels incomplete uploads when the user leaves the page. Otherwise their images would stay pending for a day. */
  leave() {
    for (const item of this.items.filter((item) => item.unsent)) {
      this.#stop(item);
      if (item.image && !item.replaces) callWhileLeaving("DELETE", `/api/images/${item.image.id}`);
    }
    this.#change();
  }

  /** Cancels and removes everything, because another user may log in next. */
  forget() {
    this.leave();
    this.items.filter((item) => !item.over).forEach((item) => this.#stop(item));
    this.items = [];
    this.previews.clear();
    this.#change();
  }

  get unsent() {
    return this.items.some((item) => item.unsent);
  }

  /** Whether this page is uploading the file of an image. */
  sends(id) {
    return this.items.some((item) => item.unsent && item.image?.id === id);
  }

  #stop(item) {
    item.state = "cancelled";
    item.abort.abort();
    item.request?.abort();
  }

  #pump() {
    for (const item of this.items) {
      if (this.#running >= PARALLEL) return;
      if (item.state !== "queued") continue;
      this.#running += 1;
      this.#set(item, "creating");
      this.#send(item).catch((error) => this.#fail(item, error)).finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }

  async #send(item) {
    const { abort } = item;
    Object.assign(item, await this.#insist(item, () => item.announce(item.key)));
    if (abort.signal.aborted) return this.#discard(item);
    if (item.replaces) this.#forgetEarlier(item);
    this.#tell("image", item.image);
    this.#preview(item);
    while (!await this.#put(item)) {
      if (abort.signal.aborted) return;
      // The URL may have expired, or the response to a complete upload was lost. In the second case the API answers
      // `not-pending`.
      try {
        item.upload = (await this.#insist(item, () => call("POST", `/api/images/${item.image.id}/upload`))).upload;
      } catch (error) {
        if (error.code !== "not-pending") throw error;
        break;
      }
    }
    if (abort.signal.aborted) return;
    item.sent = item.size;
    item.image = { ...item.image, status: "processing" };
    this.#set(item, "processing");
    this.#tell("image", item.image);
    watch(item.image.id, (image) => this.#settle(item, image), abort.signal);
  }

  /** Removes finished uploads of the same image: a retry would replace the new version. */
  #forgetEarlier(item) {
    this.items = this.items.filter((other) => other === item || !other.over || other.image?.id !== item.image.id);
    this.#change();
  }

  #settle(item, image) {
    // The service has not noticed yet that the file is complete.
    if (image?.status === "pending") return;
    if (image) this.#tell("image", image);
    if (item.over) return;
    if (image === null) return this.cancel(item);
    item.image = image;
    if (image.status === "ready") this.#set(item, "ready");
    if (image.status === "failed") this.#fail(item, new Error(texts.failure(image.failure)));
  }

  /** Sends the file once. Resolves to whether the storage has it. */
  async #put(item) {
    this.#set(item, "sending");
    const status = await new Promise((resolve) => {
      const request = item.request = new XMLHttpRequest();
      let stall;
      const moved = () => {
        clearTimeout(stall);
        stall = setTimeout(() => request.abort(), STALL_MS);
      };
      request.open(item.upload.method, item.upload.url);
      for (const [name, value] of Object.entries(item.upload.headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = ({ loaded }) => {
        moved();
        item.unreached = 0;
        item.sent = Math.min(loaded, item.size);
        this.#change();
      };
      request.onloadend = () => {
        clearTimeout(stall);
        resolve(request.status);
      };
      moved();
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
      if (++item.unreached > UNREACHED) throw new Error(texts.uploads.storageUnreachable);
    } else if (status < 500 && ++item.refusals > REFUSALS) {
      throw new Error(texts.uploads.refused);
    }
    await this.#pause(item, ++item.tries);
    return false;
  }

  /** Repeats a request until it succeeds or fails with a permanent error. */
  async #insist(item, request) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof ApiError) || !error.transient || item.abort.signal.aborted) throw error;
        await this.#pause(item, attempt, error.retryAfter);
        item.abort.signal.throwIfAborted();
      }
    }
  }

  /** Waits before the next attempt, longer each time. Ends early if the network is back. */
  #pause(item, attempt, seconds) {
    this.#set(item, "waiting");
    const pause = seconds ? seconds * 1000 : Math.min(500 * 2 ** attempt, LONGEST_PAUSE_MS);
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        removeEventListener("online", go);
        item.abort.signal.removeEventListener("abort", go);
        resolve();
      };
      const timer = setTimeout(go, pause);
      addEventListener("online", go);
      item.abort.signal.addEventListener("abort", go);
    }));
  }

  #fail(item, error) {
    if (item.state === "cancelled") return;
    item.error = error.message;
    this.#set(item, "failed");
  }

  #discard({ image, replaces }) {
    if (!image || replaces) return;
    this.previews.delete(image.id);
    this.#tell("gone", image.id);
    call("DELETE", `/api/images/${image.id}`).catch(() => {
      // The service deletes a pending image within a day, so the user need not know.
    });
  }

  /** Creates previews one after the other: decoding many photos at once would need too much memory. */
  #preview(item) {
    if (item.size > PREVIEW_BYTES) return;
    this.#previews = this.#previews.then(async () => {
      /** @type {ImageBitmapOptions} */
      const options = { resizeWidth: PREVIEW_WIDTH, resizeQuality: "medium" };
      const bitmap = await createImageBitmap(item.file, options).catch(() => null);
      if (bitmap === null || item.over) return;
      this.previews.set(item.image.id, bitmap);
      this.#tell("image", item.image);
    });
  }

  #set(item, state) {
    if (item.state === "cancelled") return;
    item.state = state;
    this.#change();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Emits `change` at most every 30 ms. */
  #change() {
    if (this.#changed) return;
    this.#changed = true;
    setTimeout(() => {
      this.#changed = false;
      this.#tell("change");
    }, 30);
  }
}

export const uploads = new Uploads();

addEventListener("pagehide", () => uploads.leave());
addEventListener("beforeunload", (event) => {
  if (uploads.unsent) event.preventDefault();
});
