// Sends requests to the API: builds them, parses responses, and repeats failed attempts.

import { ConnectionError, ProblemError, type ProblemDocument } from "./errors.js";
import { problems } from "./generated/problems.js";
import { repeatableWithKey } from "./generated/routes.js";
import { backoff, sleep } from "./wait.js";

/** A request as `Http` takes it, without the types of the contract. */
export interface RawRequest {
  path?: object;
  query?: object;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** The header `Accept`. */
  accept?: string;
  /** The access token or the API key. */
  token?: string;
  /** Whether a second attempt does no harm, if the outcome of the first one is unknown. */
  isRepeatable?: boolean;
}

/** Settings of `Http`. */
export interface HttpOptions {
  baseUrl: string;
  fetch: typeof fetch;
  maxRetries: number;
  timeout: number;
}

/** The longest pause that a response may ask for, in seconds. If it asks for a longer one, the client does not wait. */
const MAX_RETRY_AFTER = 60;

/** The codes of problems that a second attempt does not solve within a minute, although their status is 429 or 503. */
const LASTING = new Set(["daily-limit-reached", "too-many-attempts", "mail-limit-reached"]);

/** The codes of API Gateway's own responses, which contain only a message. */
const GATEWAY_CODES: Record<number, string> = {
  401: "unauthorized",
  404: "not-found",
  413: "body-too-large",
  429: "rate-limited",
  500: "internal",
  503: "unavailable",
};

/** Sends requests and parses responses. */
export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * Sends a request, and repeats it after a temporary failure if that does no harm.
   * @throws ProblemError if the API rejects the request
   * @throws ConnectionError if there is no response
   */
  async send(route: string, request: RawRequest): Promise<unknown> {
    const method = route.slice(0, route.indexOf(" "));
    const hasKey = repeatableWithKey.has(route);
    const isRepeatable = request.isRepeatable ?? (hasKey || ["GET", "PUT", "DELETE"].includes(method));
    // The same key for all attempts, so that they create one thing.
    const key = hasKey ? (request.idempotencyKey ?? crypto.randomUUID()) : undefined;
    let isOutcomeUnknown = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(method, this.#url(route, request), request, key);
      } catch (error) {
        // An earlier attempt deleted it, but its response was lost.
        if (isOutcomeUnknown && method === "DELETE" && isProblem(error) && error.status === 404) return undefined;
        const pause = pauseAfter(error, attempt, isRepeatable);
        if (pause === undefined || attempt > this.#options.maxRetries) throw error;
        isOutcomeUnknown ||= !isProblem(error) || error.status >= 500;
        await sleep(pause, request.signal);
      }
    }
  }

  #url(route: string, { path, query }: RawRequest): string {
    const values = path as Record<string, unknown> | undefined;
    const filled = route.slice(route.indexOf(" ") + 1).replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values?.[name];
      if (value === undefined || value === "") throw new TypeError(`${route} needs a value for ${name}`);
      return encodeURIComponent(String(value));
    });
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return this.#options.baseUrl + filled + (text && `?${text}`);
  }

  async #attempt(method: string, url: string, request: RawRequest, key: string | undefined): Promise<unknown> {
    const { body, signal, token, accept = "application/json" } = request;
    signal?.throwIfAborted();
    const headers: Record<string, string> = { accept };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (key !== undefined) headers["idempotency-key"] = key;
    const timeout = AbortSignal.timeout(this.#options.timeout);
    try {
      const response = await this.#options.fetch(url, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      if (!response.ok) throw problemOf(response, await response.text());
      if (response.status === 204) return undefined;
      const isJson = response.headers.get("content-type")?.startsWith("application/json");
      if (!isJson) return await response.blob();
      const value: object = await response.json();
      return Object.keys(value).length === 0 ? undefined : value;
    } catch (error) {
      if (isProblem(error)) throw error;
      signal?.throwIfAborted();
      throw new ConnectionError(error);
    }
  }
}

function isProblem(error: unknown): error is ProblemError {
  return error instanceof ProblemError;
}

/** The error of a response. */
function problemOf(response: Response, text: string): ProblemError {
  const { status } = response;
  const parsed = parse(text);
  const code = parsed.code ?? GATEWAY_CODES[status] ?? "unknown";
  const detail = parsed.detail ?? parsed.message ?? `The service responded with status ${status}`;
  const problem: ProblemDocument = { ...parsed, code, detail };
  const Class = Object.hasOwn(problems, code) ? problems[code as keyof typeof problems] : ProblemError;
  return new (Class as typeof ProblemError)(problem, status, retryAfterOf(response));
}

function parse(text: string): { code?: string; detail?: string; message?: string } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** The seconds in `Retry-After`, which contains seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterOf(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** The milliseconds to wait before the next attempt, or undefined if there should be none. */
function pauseAfter(error: unknown, attempt: number, isRepeatable: boolean): number | undefined {
  if (error instanceof ConnectionError) return isRepeatable ? backoff(attempt) : undefined;
  if (!isProblem(error) || LASTING.has(error.code)) return undefined;
  // After 429, nothing has happened, so every request may be repeated.
  const isTemporary = error.status === 429 || (isRepeatable && error.status >= 500 && error.status !== 501);
  if (!isTemporary || (error.retryAfter ?? 0) > MAX_RETRY_AFTER) return undefined;
  return Math.max(backoff(attempt), (error.retryAfter ?? 0) * 1000);
}
