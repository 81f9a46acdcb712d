// Uploads one file: creates the image, sends the file to S3, and repeats what fails.

import { ProblemError, UploadError } from "./errors.js";
import { sendFile } from "./send-file.js";
import type { FileData, PresignedUpload, Schemas } from "./types.js";
import { backoff, sleep, type WaitOptions } from "./wait.js";

/** The progress of an upload. */
export interface UploadProgress {
  /**
   * `creating`: the API creates the image, or the file waits for its turn. `sending`: the file is on its way.
   * `waiting`: an attempt failed, and another one follows. `processing`: the file has arrived, and thumbnails are being
   * made. `ready`: they exist.
   */
  phase: "creating" | "sending" | "waiting" | "processing" | "ready";
  /**
   * The number of bytes that were sent. Without XMLHttpRequest (in Node.js), it becomes `total` when the file has
   * arrived.
   */
  loaded: number;
  /** The size of the file in bytes. */
  total: number;
}

/** Options of an upload. */
export interface UploadOptions extends WaitOptions {
  /** Receives the progress. */
  onProgress?: (progress: UploadProgress) => void;
  /** When the promise is resolved: when the thumbnails exist (the default), or already when S3 has stored the file. */
  waitUntil?: "ready" | "stored";
  /** Whether S3 compares the file with a SHA-256 digest. The client reads the whole file into memory to compute it. */
  checksum?: boolean;
  /**
   * The key of the upload. An upload that was interrupted continues if it is started again with the same key within 24
   * hours and with the same file and fields: it creates no second image. By default, each upload has a new key.
   */
  idempotencyKey?: string;
}

/** What the API must know about a file. */
export type DeclaredFile = Schemas["Replacement"];

/** An image that waits for its file. `upload` is null if the file has already arrived. */
export interface Pending {
  upload: PresignedUpload | null;
}

/** The steps that differ between kinds of uploads. */
export interface UploadSteps<Created extends Pending, Result> {
  /** Creates the image. A second call with the same key returns the same image. */
  create(file: DeclaredFile, key: string): Promise<Created>;
  /** Signs the upload again. Resolves to null if the file has already arrived. */
  renew(created: Created, file: DeclaredFile, key: string): Promise<PresignedUpload | null>;
  /** Resolves when the thumbnails exist. */
  ready(created: Created): Promise<Result>;
  /** The result if the caller does not wait for the thumbnails. */
  stored(created: Created): Promise<Result>;
}

/** An upload fails after so many rejections by S3. Expired URLs and failed connections are among the causes. */
const MAX_REJECTIONS = 3;
/** An upload fails after so many failed connections in succession, or after so many statuses from 500 in succession. */
const MAX_ERRORS = 6;

/** Uploads files, a few at the same time. */
export class Uploader {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #fetch: typeof fetch | undefined;

  constructor(maxParallel: number, fetch: typeof globalThis.fetch | undefined) {
    this.#free = maxParallel;
    this.#fetch = fetch;
  }

  /**
   * Uploads a file.
   * @throws ProblemError if the API rejects a request
   * @throws UploadError if S3 does not take the file
   * @throws ProcessingError if no thumbnails can be made from the file
   */
  async upload<Created extends Pending, Result>(
    data: FileData,
    steps: UploadSteps<Created, Result>,
    options: UploadOptions,
  ): Promise<Result> {
    const { signal, onProgress, waitUntil = "ready", checksum = false, idempotencyKey = crypto.randomUUID() } = options;
    const file = data instanceof Blob ? data : new Blob([data]);
    const report = (phase: UploadProgress["phase"], loaded: number) =>
      onProgress?.({ phase, loaded, total: file.size });
    report("creating", 0);
    const created = await this.#inTurn(signal, async () => {
      const declared: DeclaredFile = {
        // The API accepts an empty type, and rejects the types of files that are no pictures.
        content_type: file.type as DeclaredFile["content_type"],
        size: file.size,
        ...(checksum && { checksum_sha256: await sha256(file) }),
      };
      const created = await steps.create(declared, idempotencyKey);
      const renew = () => steps.renew(created, declared, idempotencyKey);
      await this.#send(created.upload, renew, file, report, signal);
      return created;
    });
    report("processing", file.size);
    if (waitUntil === "stored") return steps.stored(created);
    const result = await steps.ready(created);
    report("ready", file.size);
    return result;
  }

  /** Sends the file until S3 has it. */
  async #send(
    upload: PresignedUpload | null,
    renew: () => Promise<PresignedUpload | null>,
    file: Blob,
    report: (phase: "sending" | "waiting", loaded: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let next = upload;
    let rejections = 0;
    let connectionErrors = 0;
    let serverErrors = 0;
    for (let attempt = 1; next !== null; attempt++) {
      report("sending", 0);
      const onBytes = (loaded: number) => {
        connectionErrors = 0;
        report("sending", loaded);
      };
      const status = await sendFile(next, file, onBytes, signal, this.#fetch);
      // S3 overwrites no file. So 412 means that an earlier attempt succeeded and its response was lost.
      if ((status >= 200 && status < 300) || status === 412) return;
      serverErrors = status >= 500 ? serverErrors + 1 : 0;
      if (status === 0) {
        // The request also fails if the file was moved or changed. Then another attempt does not help.
        await file.slice(0, 1).arrayBuffer();
        connectionErrors += 1;
      } else if (status < 500) {
        rejections += 1;
      }
      const errors = Math.max(connectionErrors, serverErrors);
      if (rejections >= MAX_REJECTIONS || errors >= MAX_ERRORS) throw new UploadError(status);
      report("waiting", 0);
      await sleep(backoff(attempt), signal);
      next = await renew();
    }
  }

  /** Runs `work` when fewer than `maxParallelUploads` others run. */
  async #inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(start);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
}

/** Resolves to null if a request to sign again is rejected because the file has already arrived. */
export async function unlessArrived(renewed: Promise<{ upload: PresignedUpload }>): Promise<PresignedUpload | null> {
  try {
    return (await renewed).upload;
  } catch (error) {
    if (error instanceof ProblemError && error.code === "not-pending") return null;
    throw error;
  }
}

async function sha256(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
