// Uploads of a guest who has no account.

import type { Darkroom } from "./client.js";
import { ProcessingError } from "./errors.js";
import { fileName, signalOf } from "./images.js";
import type { FileFields } from "./phones.js";
import type { FileData, GuestImage, Schemas } from "./types.js";
import type { DeclaredFile, UploadOptions, Uploader } from "./upload.js";
import { poll } from "./wait.js";

/** What a guest without an account does with an upload link. */
export class Guest {
  /** The id of the upload link. */
  readonly id: string;
  readonly #client: Darkroom;
  readonly #uploader: Uploader;

  /** @internal @param link the link's id, or an address that ends with it */
  constructor(client: Darkroom, uploader: Uploader, link: string) {
    this.#client = client;
    this.#uploader = uploader;
    this.id = link.slice(link.lastIndexOf("/") + 1);
  }

  /** What the link accepts, and the images that guests sent. */
  link(options?: { signal?: AbortSignal }): Promise<Schemas["GuestLink"]> {
    return this.#client.request("GET /api/upload-links/{id}/images", { path: { id: this.id }, ...options });
  }

  /**
   * Sends a picture to the owner of the link.
   * @throws UploadLinkFullError, UploadLinkNotFoundError and other problems of the API
   * @throws UploadError if S3 does not take the file
   * @throws ProcessingError if the file is not a picture that Darkroom accepts
   */
  upload(file: FileData, fields: FileFields = {}, options: UploadOptions = {}): Promise<GuestImage> {
    const create = async (declared: DeclaredFile, idempotencyKey: string) => {
      const { results } = await this.#client.request("POST /api/upload-links/{id}/images", {
        path: { id: this.id },
        body: { files: [{ ...declared, file_name: fileName(file), ...fields }] },
        idempotencyKey,
        ...signalOf(options),
      });
      return results[0] as Schemas["CreatedGuestImage"];
    };
    const find = async (id: string) => (await this.link(signalOf(options))).images.find((image) => image.id === id);
    return this.#uploader.upload(
      file,
      {
        create,
        // The same key returns the same image with a new signature.
        renew: async (_created, declared, key) => (await create(declared, key)).upload,
        ready: ({ image: { id } }) => {
          const ask = async () => {
            const image = await find(id);
            if (image === undefined)
              throw new ProcessingError(id, { code: "not-found", detail: "The owner deleted the image" });
            if (image.status === "failed") throw new ProcessingError(id, { code: image.code ?? "processing-failed" });
            return image.status === "ready" ? image : undefined;
          };
          return poll(ask, `image ${id} to be ready`, options, true);
        },
        stored: async ({ image }) => (await find(image.id)) ?? image,
      },
      options,
    );
  }
}
