// The caller's upload links.

import type { Darkroom } from "./client.js";
import type { Schemas } from "./types.js";

/** The caller's upload links, at which guests without an account send pictures. */
export class UploadLinks {
  readonly #client: Darkroom;

  /** @internal */
  constructor(client: Darkroom) {
    this.#client = client;
  }

  /** Creates a link. Its `url` is the address of a page for guests. */
  create(link: Schemas["NewUploadLink"]): Promise<Schemas["UploadLink"]> {
    return this.#client.request("POST /api/upload-links", { body: link });
  }

  /** The links that have not expired, newest first. */
  async list(): Promise<Schemas["UploadLink"][]> {
    return (await this.#client.request("GET /api/upload-links")).upload_links;
  }

  /** Revokes a link. Images that guests have sent stay. */
  async delete(id: string): Promise<void> {
    await this.#client.request("DELETE /api/upload-links/{id}", { path: { id } });
  }
}
