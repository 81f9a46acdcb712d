// The session of a user: keeps the tokens fresh. Where they are stored is the caller's choice.

import { ProblemError } from "./errors.js";
import type { Http } from "./http.js";
import type { Schemas } from "./types.js";

/** The tokens of a session. */
export interface Session {
  /** The token that the client sends with requests. */
  accessToken: string;
  /** Information about the user, for the application. */
  idToken: string;
  /** The token with which the client gets new tokens. It is missing if the refresh token is in a cookie. */
  refreshToken?: string;
  /** When the access token expires, in milliseconds since 1970 (as `Date.now()`). */
  expiresAt: number;
}

/** Stores the session. A store in `localStorage` or in a database keeps it when the program ends. */
export interface SessionStore {
  /** Returns the stored session, or null. The client calls it before each request. */
  load(): Session | null | Promise<Session | null>;
  /** Stores a session that has begun or has new tokens. Removes the stored one if `session` is null. */
  save(session: Session | null): void | Promise<void>;
}

/** A store that keeps the session until the program ends. */
export function memoryStore(): SessionStore {
  let stored: Session | null = null;
  return {
    load: () => stored,
    save: (session) => {
      stored = session;
    },
  };
}

/** An access token is refreshed so long before it expires. A clock can be wrong by a few seconds. */
const MARGIN_MS = 30_000;

/** Knows the token of the next request. */
export class Sessions {
  readonly #http: Http;
  readonly #store: SessionStore;
  /** Whether the refresh token is in a cookie. */
  readonly usesCookie: boolean;
  /** The refresh that is in progress. All requests wait for the same one. */
  #refreshing: Promise<Session> | null = null;
  /** Whether the session of the cookie has ended. Then only a login begins a new one. */
  #isCookieUsed = false;

  constructor(http: Http, store: SessionStore, usesCookie: boolean) {
    this.#http = http;
    this.#store = store;
    this.usesCookie = usesCookie;
  }

  /** The stored session. */
  async load(): Promise<Session | null> {
    return await this.#store.load();
  }

  /** Begins a session with the tokens of a response. */
  async begin(tokens: Schemas["Tokens"]): Promise<Session> {
    const session = sessionOf(tokens, undefined);
    this.#isCookieUsed = false;
    await this.#store.save(session);
    return session;
  }

  /** Removes the session from the store. */
  async end(): Promise<void> {
    this.#isCookieUsed = true;
    await this.#store.save(null);
  }

  /** The access token for a request. Undefined if nobody is logged in. */
  async token(): Promise<string | undefined> {
    const session = await this.load();
    if (session === null) {
      return this.usesCookie && !this.#isCookieUsed ? (await this.refresh()).accessToken : undefined;
    }
    const isFresh = Date.now() < session.expiresAt - MARGIN_MS;
    return isFresh || !this.#canRefresh(session) ? session.accessToken : (await this.refresh()).accessToken;
  }

  /** The access token for the next attempt, after the API rejected `rejected`. Undefined if there is no other one. */
  async tokenAfter(rejected: string): Promise<string | undefined> {
    const session = await this.load();
    if (session === null) return undefined;
    // Meanwhile another request, or another tab with the same store, has refreshed it.
    if (session.accessToken !== rejected) return session.accessToken;
    return this.#canRefresh(session) ? (await this.refresh()).accessToken : undefined;
  }

  /**
   * Gets new tokens.
   * @throws ProblemError `bad-refresh-token` or `no-refresh-token` if the session has ended
   */
  refresh(): Promise<Session> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  #canRefresh(session: Session): boolean {
    return this.usesCookie || session.refreshToken !== undefined;
  }

  async #refresh(): Promise<Session> {
    const before = await this.load();
    const body = before?.refreshToken === undefined ? {} : { refresh_token: before.refreshToken };
    try {
      const answer = await this.#http.send("POST /api/auth/token/refresh", { body, isRepeatable: true });
      const session = sessionOf(answer as Schemas["Tokens"], before?.refreshToken);
      const current = await this.load();
      if (current?.accessToken === before?.accessToken) await this.#store.save(session);
      // After a logout or another login, requests must not go on with the tokens of the earlier user.
      else if (current === null) throw loggedOut();
      return current !== null && current.accessToken !== before?.accessToken ? current : session;
    } catch (error) {
      if (!(error instanceof ProblemError) || ![401, 403].includes(error.status)) throw error;
      const current = await this.load();
      if (current !== null && current.accessToken !== before?.accessToken) return current;
      await this.end();
      throw error;
    }
  }
}

function loggedOut(): ProblemError {
  return new ProblemError({ code: "unauthorized", detail: "The session has ended" }, 401);
}

function sessionOf(tokens: Schemas["Tokens"], refreshToken: string | undefined): Session {
  const refresh = tokens.refresh_token ?? refreshToken;
  return {
    accessToken: tokens.access_token,
    idToken: tokens.id_token,
    ...(refresh !== undefined && { refreshToken: refresh }),
    expiresAt: Date.now() + tokens.expires_in * 1000,
  };
}
