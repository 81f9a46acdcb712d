// Files on their way: announced to the API, sent straight to S3, and waited for until they are developed.

import { ApiError, call, callWhileLeaving } from "./api.js";
import { texts } from "./texts.js";
import { watch } from "./watcher.js";

const TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif"]);
const EXTENSIONS = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif", gif: "image/gif",
};
const HEIC = /\.hei[cf]$/i;

/** How many files are sent at the same time: browsers allow six connections, and the page needs some itself. */
const PARALLEL = 3;
/** A connection on which nothing moves for so long is given up and begun anew. */
const STALL_MS = 30_000;
const LONGEST_PAUSE_MS = 30_000;
/** How often the storage may refuse a file before it counts as failed; a missing network does not count. */
const REFUSALS = 3;
/** How often it may not be reached, although the API is each time, and nothing of the file be sent. */
const UNREACHED = 6;
const PREVIEW_WIDTH = 48;
const PREVIEW_BYTES = 60e6;

/**
 * One file. `state` is queued, creating, sending, waiting, processing, ready, failed or cancelled.
 * `announce(key)` makes its image and gives `{image, upload}`; `error` is a sentence. With `replaces` it is a new version
 * of an image, which stays whatever becomes of the upload.
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
  /** Whether trying again is of no use. */
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

  /** Whether it is over, well or badly. */
  get over() {
    return ["ready", "failed", "cancelled"].includes(this.state);
  }

  /** Whether its bytes are still here. */
  get unsent() {
    return ["queued", "creating", "sending", "waiting"].includes(this.state);
  }
}

/** All uploads of this page. Events: `change`, and `image` and `gone` with an image or its id as `detail`. */
class Uploads extends EventTarget {
  /** @type {Upload[]} */
  items = [];
  #running = 0;
  #changed = false;
  #previews = Promise.resolve();

  /** Small pictures of what is on its way, by image id, until its thumbnail is there. */
  previews = new Map();

  /**
   * Takes files in.
   * @param {Iterable<File>} files
   * @param {(file: {file_name: string, content_type: string, size: number}, key: string) => Promise<{image: Api.Image, upload: Api.Upload}>} announce
   * @param {{replaces?: boolean}} [options]
   */
  add(files, announce, { replaces = false } = {}) {
    for (const file of files) {
      const type = TYPES.has(file.type) ? file.type : EXTENSIONS[file.name.split(".").pop()?.toLowerCase() ?? ""];
      const declared = { file_name: file.name, content_type: type, size: file.size };
      const item = new Upload(file, (key) => announce(declared, key), replaces);
      const refusal = HEIC.test(file.name) || /^image\/hei[cf]/.test(file.type) ? texts.problem({ code: "heic-not-supported" })
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

  /** Begins anew what has failed or was cancelled. */
  retry(item) {
    if (!item.over || item.hopeless) return;
    if (item.state === "failed") this.#discard(item);
    this.items = this.items.map((known) => (known === item ? new Upload(item.file, item.announce, item.replaces) : known));
    this.#change();
    this.#pump();
  }

  /** Takes what is over off the list, or one item of it. */
  clear(only) {
    this.items = this.items.filter((item) => !item.over || only && item !== only);
    this.#change();
  }

  /** What has been announced and not sent goes with the page; otherwise it would stay pending for a day. */
  leave() {
    for (const item of this.items.filter((item) => item.unsent)) {
      this.#stop(item);
      if (item.image && !item.replaces) callWhileLeaving("DELETE", `/api/images/${item.image.id}`);
    }
    this.#change();
  }

  /** Forgets everything, for the next who logs in. */
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

  /** Whether an image's bytes are on their way from here. */
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
      // The address may be too old, or the answer to a complete upload was lost: the API knows.
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

  /** An earlier upload of an image that has another version now: trying it again would discard that. */
  #forgetEarlier(item) {
    this.items = this.items.filter((other) => other === item || !other.over || other.image?.id !== item.image.id);
    this.#change();
  }

  #settle(item, image) {
    // The service has not noticed yet that the bytes are there.
    if (image?.status === "pending") return;
    if (image) this.#tell("image", image);
    if (item.over) return;
    if (image === null) return this.cancel(item);
    item.image = image;
    if (image.status === "ready") this.#set(item, "ready");
    if (image.status === "failed") this.#fail(item, new Error(texts.failure(image.failure)));
  }

  /** Sends the bytes once, and tells whether they have arrived. */
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
    // What lies there is never overwritten, so 412 says that an earlier try arrived although its answer did not.
    if (status >= 200 && status < 300 || status === 412) return true;
    if (item.abort.signal.aborted) return false;
    item.sent = 0;
    if (status === 0) {
      // A file that was moved or changed cannot be read either, and no waiting helps.
      await item.file.slice(0, 1).arrayBuffer().catch(() => {
        throw new Error(texts.uploads.unreadable);
      });
      if (++item.unreached > UNREACHED) throw new Error(texts.uploads.unreached);
    } else if (status < 500 && ++item.refusals > REFUSALS) {
      throw new Error(texts.uploads.refused);
    }
    await this.#pause(item, ++item.tries);
    return false;
  }

  /** Calls until there is an answer that more calls would not change. */
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

  /** Waits longer each time, or until the network is back. */
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
      // A pending image goes by itself within a day; nobody has to be told.
    });
  }

  /** One after the other: decoding many photographs at once would take all memory. */
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

  /** At most once for each frame, however fast progress comes. */
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

/** Files out of a drop or a paste. */
export function filesOf(transfer) {
  return [...transfer?.files ?? []];
}

/** Lets the person choose files. @returns {Promise<File[]>} */
export function chooseFiles({ multiple = true } = {}) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = multiple;
    input.accept = [...TYPES, ...Object.keys(EXTENSIONS).map((extension) => `.${extension}`)].join(",");
    input.className = "visually-hidden";
    input.tabIndex = -1;
    input.setAttribute("aria-hidden", "true");
    const done = () => {
      input.remove();
      resolve([...input.files ?? []]);
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    document.body.append(input);
    input.click();
  });
}
