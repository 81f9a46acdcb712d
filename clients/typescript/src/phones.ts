// The caller's images of phone numbers.

import type { Darkroom } from "./client.js";
import { type ImagePage, type Images, fileName, signalOf } from "./images.js";
import type { List } from "./list.js";
import type { FileData, Image, PartialImage, QueryOf, Schemas } from "./types.js";
import type { UploadOptions } from "./upload.js";

type ListQuery = QueryOf<"GET /api/phones/{phone_number}/images">;

/** A page of the images of a phone number. */
export interface PhoneImagePage<Item = Image> extends ImagePage<Item> {
  phone_number: string;
}

/** What an upload for a phone number may say about the file. */
export type FileFields = Partial<Pick<Schemas["NewFile"], "file_name" | "content_type">>;

/** The caller's images of phone numbers. A number can have any usual format. */
export class Phones {
  readonly #client: Darkroom;
  readonly #images: Images;

  /** @internal */
  constructor(client: Darkroom, images: Images) {
    this.#client = client;
    this.#images = images;
  }

  /** The images of a number, newest first. With `fields`, the images have only these members. */
  list(phone_number: string, query?: ListQuery & { fields?: undefined }): List<PhoneImagePage, Image>;
  list(phone_number: string, query: ListQuery): List<PhoneImagePage<PartialImage>, PartialImage>;
  list(phone_number: string, query?: ListQuery): List<PhoneImagePage<PartialImage>, PartialImage> {
    return this.#client.list("GET /api/phones/{phone_number}/images", { path: { phone_number }, query });
  }

  /** Uploads a picture for a number, as `images.upload` does. */
  upload(phone_number: string, file: FileData, fields: FileFields = {}, options: UploadOptions = {}): Promise<Image> {
    return this.#images.uploadTo(
      async (declared, idempotencyKey) => {
        const { results } = await this.#client.request("POST /api/phones/{phone_number}/images", {
          path: { phone_number },
          body: { files: [{ ...declared, file_name: fileName(file), ...fields }] },
          idempotencyKey,
          ...signalOf(options),
        });
        return results[0] as Schemas["CreatedImage"];
      },
      file,
      options,
    );
  }
}
