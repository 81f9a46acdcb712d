// The state of the upload of one file.

/**
 * The upload of one file. `state` is queued, creating, sending, waiting, processing, ready, failed or cancelled.
 * `error` is a sentence for the user. `createImage(key)` creates the image and resolves to `{image, upload}`. If
 * `isReplacement` is true, the file is a new version of an existing image. Then a failed or cancelled upload does not
 * delete the image.
 */
export class Upload {
  state = "queued";
  sent = 0;
  /** @type {Api.Image | null} */
  image = null;
  /** @type {Api.Upload | null} */
  upload = null;
  /** @type {string | null} */
  error = null;
  /** Whether another attempt cannot succeed. */
  hasPermanentError = false;
  /** @type {XMLHttpRequest | null} */
  request = null;
  retryCount = 0;
  refusalCount = 0;
  networkErrors = 0;

  /** @param {File} file @param {(key: string) => Promise<{image: Api.Image, upload: Api.Upload}>} createImage @param {boolean} isReplacement */
  constructor(file, createImage, isReplacement) {
    this.file = file;
    this.createImage = createImage;
    this.isReplacement = isReplacement;
    this.name = file.name;
    this.size = file.size;
    this.key = crypto.randomUUID();
    this.abort = new AbortController();
  }

  /** Whether it is ready, failed or cancelled. */
  get isFinished() {
    return ["ready", "failed", "cancelled"].includes(this.state);
  }

  /** Whether the storage does not have the whole file yet. */
  get isUnsent() {
    return ["queued", "creating", "sending", "waiting"].includes(this.state);
  }
}
