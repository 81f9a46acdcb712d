// The caller's image sets.

import type { Darkroom } from "./client.js";
import { type ImageFields, type Images, fileName, signalOf } from "./images.js";
import type { List } from "./list.js";
import type { FileData, Image, ImageSet, QueryOf, Schemas } from "./types.js";
import type { UploadOptions } from "./upload.js";

type ListQuery = QueryOf<"GET /api/imagesets">;

/** A page of image sets. */
export interface ImageSetPage<Item = ImageSet> {
  imagesets: Item[];
  next_cursor: string | null;
}

/** The caller's image sets. */
export class ImageSets {
  readonly #client: Darkroom;
  readonly #images: Images;

  /** @internal */
  constructor(client: Darkroom, images: Images) {
    this.#client = client;
    this.#images = images;
  }

  /** The sets with their images, newest first. With `fields`, the images have only these members. */
  list(query?: ListQuery & { fields?: undefined }): List<ImageSetPage, ImageSet>;
  list(query: ListQuery): List<ImageSetPage<Schemas["PartialImageSet"]>, Schemas["PartialImageSet"]>;
  list(query?: ListQuery): List<ImageSetPage<Schemas["PartialImageSet"]>, Schemas["PartialImageSet"]> {
    return this.#client.list("GET /api/imagesets", { query });
  }

  /** One set. */
  get(id: string): Promise<ImageSet> {
    return this.#client.request("GET /api/imagesets/{id}", { path: { id } });
  }

  /** Creates a set with three empty slots. */
  create(texts: Schemas["ImageSetText"] = {}): Promise<ImageSet> {
    return this.#client.request("POST /api/imagesets", { body: texts });
  }

  /** Changes title and description. A field that is left out does not change, and null removes a text. */
  update(id: string, texts: Schemas["ImageSetText"]): Promise<ImageSet> {
    return this.#client.request("PATCH /api/imagesets/{id}", { path: { id }, body: texts });
  }

  /** Deletes a set and its images. */
  async delete(id: string): Promise<void> {
    await this.#client.request("DELETE /api/imagesets/{id}", { path: { id } });
  }

  /** Uploads a picture into a slot of a set, as `images.upload` does. */
  upload(
    id: string,
    slot: Schemas["Slot"],
    file: FileData,
    fields: ImageFields = {},
    options: UploadOptions = {},
  ): Promise<Image> {
    return this.#images.uploadTo(
      (declared, idempotencyKey) =>
        this.#client.request("POST /api/imagesets/{id}/images", {
          path: { id },
          body: { ...declared, file_name: fileName(file), ...fields, image_type: slot },
          idempotencyKey,
          ...signalOf(options),
        }),
      file,
      options,
    );
  }
}
