// The caller's images.

import type { Darkroom } from "./client.js";
import { ProcessingError } from "./errors.js";
import type { List } from "./list.js";
import type { BodyOf, CallOptions, FileData, Image, PartialImage, QueryOf, Schemas } from "./types.js";
import { type DeclaredFile, type UploadOptions, type Uploader, unlessArrived } from "./upload.js";
import { poll, type WaitOptions } from "./wait.js";

type ListQuery = QueryOf<"GET /api/images">;
type Rendition = QueryOf<"GET /api/images/{id}/rendition">;

/** A page of images. */
export interface ImagePage<Item = Image> {
  images: Item[];
  next_cursor: string | null;
}

/** What an upload may say about the image. The file name and the media type are those of the file, if it has them. */
export type ImageFields = Partial<Omit<Schemas["NewImage"], "size" | "checksum_sha256">>;

/** The parameters of a rendition, and which formats `format: "auto"` may choose. */
export type RenditionOptions = Rendition &
  CallOptions & {
    /**
     * The formats that `format: "auto"` may choose besides JPEG and PNG. The default is both, which all current
     * browsers show.
     */
    formats?: ("avif" | "webp")[];
  };

/** Options of `srcset`. */
export type SrcsetOptions = Omit<RenditionOptions, "width" | "height" | "dpr"> & {
  /**
   * The width divided by the height. All renditions then have this shape, and `fit` is `cover` unless another one is
   * given.
   */
  ratio?: number;
};

/** The attributes of an `img`. */
export interface Srcset {
  /** The address of the largest rendition, for the attribute `src`. */
  src: string;
  /** The addresses of all renditions with their widths. */
  srcset: string;
  /** The width of the largest rendition in pixels. */
  width: number;
  /** The height of the largest rendition in pixels. */
  height: number;
  /** When the first address stops working. */
  expires_at: string;
}

/** The caller's images. */
export class Images {
  readonly #client: Darkroom;
  readonly #uploader: Uploader;

  /** @internal */
  constructor(client: Darkroom, uploader: Uploader) {
    this.#client = client;
    this.#uploader = uploader;
  }

  /** The images, newest first. With `fields`, the images have only these members. */
  list(query?: ListQuery & { fields?: undefined }): List<ImagePage, Image>;
  list(query: ListQuery): List<ImagePage<PartialImage>, PartialImage>;
  list(query?: ListQuery): List<ImagePage<PartialImage>, PartialImage> {
    return this.#client.list("GET /api/images", { query });
  }

  /** One image, with the addresses of its thumbnails. */
  get(id: string, options?: CallOptions): Promise<Image> {
    return this.#client.request("GET /api/images/{id}", { path: { id }, ...options });
  }

  /** The status of an image. */
  status(id: string, options?: CallOptions): Promise<Schemas["ImageStatus"]> {
    return this.#client.request("GET /api/images/{id}/status", { path: { id }, ...options });
  }

  /**
   * Uploads a picture: creates an image, sends the file to S3, and waits until the thumbnails exist. Failed attempts
   * are repeated. If the upload fails, or if you abort it, the image stays `pending` and expires within a day: see
   * `resumeUpload`.
   *
   * @throws QuotaExceededError, FileTooLargeError and other problems of the API
   * @throws UploadError if S3 does not take the file
   * @throws ProcessingError if the file is not a picture that Darkroom accepts
   */
  upload(file: FileData, fields: ImageFields = {}, options: UploadOptions = {}): Promise<Image> {
    const create = (declared: DeclaredFile, idempotencyKey: string) =>
      this.#client.request("POST /api/images", {
        body: { ...declared, file_name: fileName(file), ...fields },
        idempotencyKey,
        ...signalOf(options),
      });
    return this.uploadTo(create, file, options);
  }

  /** Sends the file of an image that is still `pending`, for example after the program was closed during the upload. */
  resumeUpload(
    id: string,
    file: FileData,
    options: Omit<UploadOptions, "idempotencyKey" | "checksum"> = {},
  ): Promise<Image> {
    const renew = () => this.#renew(id, options);
    return this.#uploader.upload(
      file,
      { create: async () => ({ upload: await renew() }), renew, ...this.#ends(id, options) },
      options,
    );
  }

  /**
   * Replaces the picture of an image. Clients see the earlier picture until the thumbnails of the new one exist.
   * @throws as `upload` does
   */
  replace(id: string, file: FileData, options: Omit<UploadOptions, "idempotencyKey"> = {}): Promise<Image> {
    let version = 0;
    const create = async (replace: DeclaredFile) => {
      // A second attempt begins another version. That does no harm, because the file is sent to the latest one.
      const request = { path: { id }, body: { replace }, isRepeatable: true, ...signalOf(options) };
      const created = (await this.#client.send("PATCH /api/images/{id}", request)) as Schemas["CreatedImage"];
      version = created.image.version;
      return created;
    };
    return this.#uploader.upload(
      file,
      {
        create,
        renew: () => this.#renew(id, options),
        ready: () => this.#waitUntilReady(id, { ...options, version }, true),
        stored: () => this.get(id, signalOf(options)),
      },
      options,
    );
  }

  /**
   * Waits until the thumbnails of an image exist.
   * @param options `version`: the version of the image to wait for. By default, the latest one.
   * @throws ProcessingError if the status is `failed`
   * @throws WaitTimeoutError
   */
  waitUntilReady(id: string, options: WaitOptions & { version?: number } = {}): Promise<Image> {
    return this.#waitUntilReady(id, options, false);
  }

  async #waitUntilReady(id: string, options: WaitOptions & { version?: number }, isJustBegun: boolean): Promise<Image> {
    const { version = 0 } = options;
    const ask = async () => {
      const status = await this.status(id, signalOf(options));
      if (status.version < version) return undefined;
      if (status.status === "failed") throw new ProcessingError(id, status.failure ?? { code: "processing-failed" });
      return status.status === "ready" ? status : undefined;
    };
    await poll(ask, `image ${id} to be ready`, options, isJustBegun);
    return this.get(id, signalOf(options));
  }

  /** Changes file name, title, description or focal point, or asks for an edit when the picture is ready. */
  async update(id: string, change: Omit<BodyOf<"PATCH /api/images/{id}">, "replace">): Promise<Image> {
    return (await this.#client.request("PATCH /api/images/{id}", { path: { id }, body: change })) as Image;
  }

  /** Deletes an image. */
  async delete(id: string): Promise<void> {
    await this.#client.request("DELETE /api/images/{id}", { path: { id } });
  }

  /**
   * The address of a thumbnail. Without `size`, of the smallest one. The address works without a token, for about an
   * hour.
   */
  thumbnail(id: string, size?: number, options?: CallOptions): Promise<Schemas["ThumbnailLink"]> {
    return this.#client.request("GET /api/images/{id}/thumbnail", { path: { id }, query: { size }, ...options });
  }

  /**
   * The address of the picture in another size, shape or format. The address works without a token, for about an hour.
   */
  async rendition(id: string, options: RenditionOptions): Promise<Schemas["RenditionLink"]> {
    const { formats = ["avif", "webp"], signal, ...query } = options;
    const accept = ["application/json", ...formats.map((format) => `image/${format}`)].join(", ");
    const request = { path: { id }, query, accept, ...signalOf({ signal }) };
    return (await this.#client.send("GET /api/images/{id}/rendition", request)) as Schemas["RenditionLink"];
  }

  /**
   * Makes renditions with these widths, for the attributes `src` and `srcset` of an `img`. No picture is enlarged, so
   * there can be fewer renditions than widths. The image's own `srcset` contains its thumbnails and needs no request.
   */
  async srcset(id: string, widths: readonly number[], options: SrcsetOptions = {}): Promise<Srcset> {
    const { ratio, ...rendition } = options;
    const shape = (width: number) =>
      ratio ? { fit: "cover" as const, height: Math.max(1, Math.round(width / ratio)) } : {};
    const links = await Promise.all(
      widths.map((width) => this.rendition(id, { ...shape(width), ...rendition, width })),
    );
    const byWidth = new Map(links.sort((a, b) => a.width - b.width).map((link) => [link.width, link]));
    const largest = links.at(-1);
    if (largest === undefined) throw new TypeError("srcset needs at least one width");
    return {
      src: largest.url,
      srcset: [...byWidth.values()].map((link) => `${link.url} ${link.width}w`).join(", "),
      width: largest.width,
      height: largest.height,
      expires_at: links.map((link) => link.expires_at).sort()[0] as string,
    };
  }

  /**
   * Lets an AI model describe a picture, and answer a question about it. Waits for the result, which is `analysis` of
   * the image.
   * @throws ProcessingError if the analysis failed
   */
  async analyze(id: string, prompt?: string, options: WaitOptions = {}): Promise<Image> {
    await this.#client.request("POST /api/images/{id}/analysis", {
      path: { id },
      body: { prompt },
      ...signalOf(options),
    });
    const ask = async () => {
      const image = await this.get(id, signalOf(options));
      const { analysis } = image;
      if (analysis?.status === "failed") throw new ProcessingError(id, analysis.failure ?? { code: "gave-up" });
      return analysis?.status === "queued" ? undefined : image;
    };
    return poll(ask, `the analysis of image ${id}`, options, true);
  }

  /**
   * Lets an AI model make a new image based on a picture. The new image is `pending`: pass its id to `waitUntilReady`.
   */
  async edit(id: string, prompt?: string, options?: CallOptions): Promise<Image> {
    return (await this.#client.request("POST /api/images/{id}/edits", { path: { id }, body: { prompt }, ...options }))
      .image;
  }

  /** Creates an expiring link, at which anybody can see the picture. */
  createLink(id: string, link: BodyOf<"POST /api/images/{id}/links">): Promise<Schemas["Link"]> {
    return this.#client.request("POST /api/images/{id}/links", { path: { id }, body: link });
  }

  /** The expiring links of an image, newest first. */
  async links(id: string): Promise<Schemas["Link"][]> {
    return (await this.#client.request("GET /api/images/{id}/links", { path: { id } })).links;
  }

  /** Revokes an expiring link. */
  async deleteLink(id: string, link_id: string): Promise<void> {
    await this.#client.request("DELETE /api/images/{id}/links/{link_id}", { path: { id, link_id } });
  }

  /** @internal Uploads a file to an image that `create` creates. */
  uploadTo(
    create: (file: DeclaredFile, key: string) => Promise<Schemas["CreatedImage"]>,
    file: FileData,
    options: UploadOptions,
  ): Promise<Image> {
    return this.#uploader.upload(
      file,
      {
        create,
        renew: ({ image }) => this.#renew(image.id, options),
        ready: ({ image }) => this.#ends(image.id, options).ready(),
        stored: ({ image }) => this.#ends(image.id, options).stored(),
      },
      options,
    );
  }

  #renew(id: string, options: CallOptions) {
    // Signing again changes nothing, so it may be repeated.
    const request = { path: { id }, isRepeatable: true, ...signalOf(options) };
    return unlessArrived(
      this.#client.send("POST /api/images/{id}/upload", request) as Promise<Schemas["PresignedUpload"]>,
    );
  }

  #ends(id: string, options: WaitOptions) {
    return { ready: () => this.#waitUntilReady(id, options, true), stored: () => this.get(id, signalOf(options)) };
  }
}

/** Only the signal of some options. */
export function signalOf({ signal }: { signal?: AbortSignal | undefined }): CallOptions {
  return signal ? { signal } : {};
}

/** The name of a file, or a usual one for data without a name. */
export function fileName(file: FileData): string {
  return file instanceof File && file.name !== "" ? file.name : "image";
}
