// Types of requests and responses, derived from the contract.

import type { components, paths } from "./generated/schema.js";

/** The schemas of the contract, by name. */
export type Schemas = components["schemas"];

type Method = "get" | "put" | "post" | "patch" | "delete";

/** An operation of the API: method and path, such as `GET /api/images/{id}`. */
export type Route = {
  [P in keyof paths & string]: {
    [M in Method]: paths[P][M] extends { responses: unknown } ? `${Uppercase<M>} ${P}` : never;
  }[Method];
}[keyof paths & string];

type Operation<R extends Route> = R extends `${infer M} ${infer P}`
  ? P extends keyof paths
    ? Lowercase<M> extends keyof paths[P]
      ? paths[P][Lowercase<M>]
      : never
    : never
  : never;

type Parameters<R extends Route> = Operation<R> extends { parameters: infer P } ? P : never;

type Path<R extends Route> =
  Parameters<R> extends { path: infer P } ? { /** The values in the path. */ path: P } : unknown;

type Query<R extends Route> =
  Parameters<R> extends { query: infer Q }
    ? { /** The parameters in the query string. */ query: Q }
    : Parameters<R> extends { query?: infer Q }
      ? [Exclude<Q, undefined>] extends [never]
        ? unknown
        : { /** The parameters in the query string. */ query?: Q }
      : unknown;

type Body<R extends Route> =
  Operation<R> extends { requestBody: { content: { "application/json": infer B } } }
    ? { /** The body. */ body: B }
    : unknown;

type Key<R extends Route> =
  Parameters<R> extends { header?: infer H }
    ? "Idempotency-Key" extends keyof Exclude<H, undefined>
      ? {
          /**
           * The key under which a repeated request creates nothing a second time. Without it, the client chooses one.
           */
          idempotencyKey?: string;
        }
      : unknown
    : unknown;

/** Options of every request. */
export interface CallOptions {
  /** Ends the request. The promise is then rejected with the reason of the signal. */
  signal?: AbortSignal;
}

/** What a request to a route needs. */
export type RequestOptions<R extends Route> = Path<R> & Query<R> & Body<R> & Key<R> & CallOptions;

/** The parameters of the query string of a route. */
export type QueryOf<R extends Route> = Query<R> extends { query?: infer Q } ? Exclude<Q, undefined> : never;

/** The body of a request to a route. */
export type BodyOf<R extends Route> = Body<R> extends { body: infer B } ? B : never;

type Content<T> = T extends { content: { "application/json": infer J } }
  ? J extends Record<string, never>
    ? undefined
    : J
  : T extends { content: Record<string, unknown> }
    ? Blob
    : undefined;

type Successes<T> = { [S in keyof T & (200 | 201 | 202 | 204)]: Content<T[S]> }[keyof T & (200 | 201 | 202 | 204)];

/**
 * What a request to a route resolves to: the JSON of the response, `undefined` if the response is empty or `{}`, and a
 * `Blob` if it is not JSON.
 */
export type ResultOf<R extends Route> =
  Operation<R> extends { responses: infer T } ? ([Successes<T>] extends [never] ? Blob : Successes<T>) : never;

/** A route whose response is a page of a list. */
export type ListRoute = {
  [R in Route]: ResultOf<R> extends { next_cursor: string | null } ? R : never;
}[Route];

/** The items of a page. */
export type ItemOf<Page> = { [K in keyof Page]: Page[K] extends readonly (infer T)[] ? T : never }[keyof Page];

/** An image. */
export type Image = Schemas["Image"];
/** An image in a list with `fields`: only the members that the client asked for. */
export type PartialImage = Schemas["PartialImage"];
/** An image set with its images by slot. */
export type ImageSet = Schemas["ImageSet"];
/** An image as guests see it. */
export type GuestImage = Schemas["GuestImage"];
/** How to send a file to S3. */
export type PresignedUpload = Schemas["Upload"];
/** A file to upload. A `File` is a `Blob`. In Node.js, `openAsBlob` of `node:fs` makes one from a path. */
export type FileData = Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;
