// The client: settings, requests, and the groups of operations.

import { Account } from "./account.js";
import { ProblemError } from "./errors.js";
import { publicRoutes } from "./generated/routes.js";
import { Guest } from "./guest.js";
import { Http, type RawRequest } from "./http.js";
import { ImageSets } from "./image-sets.js";
import { Images } from "./images.js";
import { List } from "./list.js";
import { Phones } from "./phones.js";
import { type SessionStore, Sessions, memoryStore } from "./session.js";
import type { ItemOf, ListRoute, RequestOptions, ResultOf, Route, Schemas } from "./types.js";
import { UploadLinks } from "./upload-links.js";
import { Uploader } from "./upload.js";

/** Settings of a client. */
export interface DarkroomOptions {
  /**
   * The address of the deployment without `/api`, such as `https://photos.example.com`. Empty for a page of the same
   * origin.
   */
  baseUrl: string | URL;
  /** An API key of a user (`dk_…`). It can use the operations of its scopes. With a key, there is no login. */
  apiKey?: string;
  /** Where the tokens are stored. By default, they are lost when the program ends. */
  sessions?: SessionStore;
  /**
   * Where the refresh token is: in the store, or in a cookie that scripts cannot read. A cookie works only for a page
   * of the API's own origin. The default is `body`.
   */
  refreshTokenIn?: Schemas["RefreshTokenIn"];
  /** How often a failed request is repeated. The default is 4. */
  maxRetries?: number;
  /** The longest time for one attempt of a request to the API, in milliseconds. The default is 35 seconds. */
  timeout?: number;
  /** How many files are sent at the same time. Others wait for their turn. The default is 3. */
  maxParallelUploads?: number;
  /** A replacement for `fetch`, for example to add headers. */
  fetch?: typeof fetch;
}

type OptionsOf<R extends Route> =
  object extends RequestOptions<R> ? [options?: RequestOptions<R>] : [options: RequestOptions<R>];

/** A client of a deployment of Darkroom. */
export class Darkroom {
  /** The caller's images: uploads, renditions, links, analyses and edits. */
  readonly images: Images;
  /** The caller's image sets. */
  readonly imageSets: ImageSets;
  /** The caller's images of phone numbers. */
  readonly phones: Phones;
  /** The caller's upload links. `guest` uses one. */
  readonly uploadLinks: UploadLinks;
  /** Registration, login and the caller's account. */
  readonly account: Account;

  readonly #http: Http;
  readonly #sessions: Sessions;
  readonly #apiKey: string | undefined;
  readonly #uploader: Uploader;

  constructor(options: DarkroomOptions) {
    const {
      baseUrl,
      apiKey,
      sessions,
      refreshTokenIn,
      maxRetries = 4,
      timeout = 35_000,
      maxParallelUploads = 3,
    } = options;
    if (apiKey !== undefined && sessions !== undefined) throw new TypeError("Give either apiKey or sessions");
    this.#http = new Http({
      baseUrl: String(baseUrl).replace(/\/+$/, ""),
      // `fetch` of browsers works only as a function of the window.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      maxRetries,
      timeout,
    });
    this.#apiKey = apiKey;
    this.#sessions = new Sessions(this.#http, sessions ?? memoryStore(), refreshTokenIn === "cookie");
    this.#uploader = new Uploader(maxParallelUploads, options.fetch);
    this.images = new Images(this, this.#uploader);
    this.imageSets = new ImageSets(this, this.images);
    this.phones = new Phones(this, this.images);
    this.uploadLinks = new UploadLinks(this);
    this.account = new Account(this, this.#sessions);
  }

  /**
   * Sends a request to any operation of the API. The types of its options and of the result are those of the contract.
   *
   * ```ts
   * const user = await darkroom.request("PATCH /api/admin/users/{id}", { path: { id }, body: { enabled: false } });
   * ```
   *
   * @throws ProblemError if the API rejects the request: a subclass for each problem code
   * @throws ConnectionError if there is no response
   */
  request<R extends Route>(route: R, ...[options]: OptionsOf<R>): Promise<ResultOf<R>> {
    return this.send(route, options as RawRequest | undefined) as Promise<ResultOf<R>>;
  }

  /**
   * Lists the items of any operation whose response is a page.
   *
   * ```ts
   * for await (const { username } of darkroom.list("GET /api/admin/users")) console.log(username);
   * ```
   */
  list<R extends ListRoute>(
    route: R,
    ...[options]: OptionsOf<R>
  ): List<ResultOf<R> & { next_cursor: string | null }, ItemOf<ResultOf<R>>> {
    const { query, ...others } = (options ?? {}) as RawRequest;
    return new List((cursor) => {
      const page = cursor === undefined ? query : { ...query, cursor };
      return this.send(route, { ...others, query: page } as RawRequest) as Promise<
        ResultOf<R> & { next_cursor: string | null }
      >;
    });
  }

  /** All tiers, or one of them. A tier defines what its users may do. */
  readonly tiers = {
    /** All tiers. The tier with the fewest images comes first. */
    list: async (): Promise<Schemas["Tier"][]> => (await this.request("GET /api/account-tiers")).account_tiers,
    /** One tier. */
    get: (id: string): Promise<Schemas["Tier"]> => this.request("GET /api/account-tiers/{id}", { path: { id } }),
  };

  /**
   * What a guest without an account does with an upload link.
   * @param link the link's id, or the address of its page
   */
  guest(link: string): Guest {
    return new Guest(this, this.#uploader, link);
  }

  /** @internal Sends a request as the caller, and once more with a new token if the API rejects the present one. */
  async send(route: string, request: RawRequest = {}): Promise<unknown> {
    if (publicRoutes.has(route)) return this.#http.send(route, request);
    if (this.#apiKey !== undefined) return this.#http.send(route, { ...request, token: this.#apiKey });
    const token = await this.#sessions.token();
    if (token === undefined) return this.#http.send(route, request);
    try {
      return await this.#http.send(route, { ...request, token });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      const next = await this.#sessions.tokenAfter(token);
      if (next === undefined) throw error;
      return this.#http.send(route, { ...request, token: next });
    }
  }
}
