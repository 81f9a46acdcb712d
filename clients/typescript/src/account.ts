// Registration, login and the caller's account.

import type { Darkroom } from "./client.js";
import { ProblemError } from "./errors.js";
import type { Session, Sessions } from "./session.js";
import type { BodyOf, Schemas } from "./types.js";

/** The next step that a login needs. */
export type Challenge = Schemas["Challenge"];

/** Registration, login and the caller's account. */
export class Account {
  readonly #client: Darkroom;
  readonly #sessions: Sessions;

  /** @internal */
  constructor(client: Darkroom, sessions: Sessions) {
    this.#client = client;
    this.#sessions = sessions;
  }

  /**
   * Logs in with a user name or an e-mail address. The client then sends the token with each request and keeps it
   * fresh. Resolves to null, or to a challenge if the login needs another step: pass it to `answerChallenge`.
   * @throws WrongCredentialsError
   */
  async login(
    credentials: { username: string; password: string } | { email: string; password: string },
  ): Promise<Challenge | null> {
    const body = { ...credentials, ...this.#refreshTokenIn() };
    return this.#begin(await this.#client.request("POST /api/auth/login", { body }));
  }

  /**
   * Takes the next step of a login, with the code of the authenticator app or with a new password. Resolves as `login`
   * does.
   */
  async answerChallenge(
    challenge: Challenge,
    answer: { code: string } | { new_password: string },
  ): Promise<Challenge | null> {
    const { username, session } = challenge;
    const body = { username, session, ...answer, ...this.#refreshTokenIn() };
    return this.#begin(await this.#client.request("POST /api/auth/challenge", { body }));
  }

  /** The session of the user who is logged in, or null. */
  session(): Promise<Session | null> {
    return this.#sessions.load();
  }

  /**
   * Gets new tokens now. Usually that is not necessary, because the client does it in time. A page whose refresh token
   * is in a cookie can find out in this way whether somebody is logged in.
   * @throws BadRefreshTokenError or NoRefreshTokenError if nobody is
   */
  refresh(): Promise<Session> {
    return this.#sessions.refresh();
  }

  /**
   * Logs out: revokes the refresh token, and removes the session from the store. With `everywhere`, all sessions of the
   * user end. If the API cannot be reached, the promise is rejected and the session stays.
   */
  async logout({ everywhere = false }: { everywhere?: boolean } = {}): Promise<void> {
    const session = await this.#sessions.load();
    if (session !== null || this.#sessions.usesCookie) {
      const token = session?.refreshToken;
      const body = everywhere ? { everywhere } : token === undefined ? {} : { refresh_token: token };
      try {
        await this.#client.send("POST /api/auth/logout", { body, isRepeatable: true });
      } catch (error) {
        // The session has already ended.
        if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      }
    }
    await this.#sessions.end();
  }

  /** Registers a user, who then receives a code by e-mail. */
  register(user: Schemas["Registration"]): Promise<Schemas["Registered"]> {
    return this.#client.request("POST /api/auth/register", { body: user });
  }

  /** Confirms a registration with the code from the e-mail. */
  async confirm(username: string, code: string): Promise<void> {
    await this.#client.request("POST /api/auth/confirm", { body: { username, code } });
  }

  /** Sends the code of a registration again. */
  async resendCode(username: string): Promise<void> {
    await this.#client.request("POST /api/auth/confirm/resend", { body: { username } });
  }

  /** Sends a code by e-mail, with which `resetPassword` sets a new password. */
  async forgotPassword(username: string): Promise<void> {
    await this.#client.request("POST /api/auth/password/forgot", { body: { username } });
  }

  /** Sets a new password with the code from the e-mail. */
  async resetPassword(reset: Schemas["Reset"]): Promise<void> {
    await this.#client.request("POST /api/auth/password/reset", { body: reset });
  }

  /** Changes the password. All other sessions end. Resolves as `login` does. */
  async changePassword(current_password: string, new_password: string): Promise<Challenge | null> {
    return this.#begin(
      await this.#client.request("POST /api/auth/password", { body: { current_password, new_password } }),
    );
  }

  /** The caller's names, groups, tier and usage. */
  profile(): Promise<Schemas["Profile"]> {
    return this.#client.request("GET /api/auth/profile");
  }

  /** Changes names, or requests a new e-mail address, which `confirmEmail` then confirms. */
  updateProfile(change: BodyOf<"PATCH /api/auth/profile">): Promise<Schemas["Profile"]> {
    return this.#client.request("PATCH /api/auth/profile", { body: change });
  }

  /** Confirms a new e-mail address with the code from the e-mail. */
  async confirmEmail(code: string): Promise<void> {
    await this.#client.request("POST /api/auth/email/confirm", { body: { code } });
  }

  /** Begins to set up a second factor. `confirmTotp` ends the setup. */
  createTotp(password: string): Promise<Schemas["TotpSecret"]> {
    return this.#client.request("POST /api/auth/totp", { body: { password } });
  }

  /**
   * Ends the setup of a second factor with a code of the authenticator app. With the password, all other sessions end.
   * Admins must send the password.
   */
  async confirmTotp(code: string, password?: string): Promise<void> {
    const body = password === undefined ? { code } : { code, password };
    const tokens = await this.#client.request("POST /api/auth/totp/confirm", { body });
    if (tokens !== undefined) await this.#begin(tokens);
  }

  /** Removes the second factor. */
  async deleteTotp(password: string): Promise<void> {
    await this.#client.request("DELETE /api/auth/totp", { body: { password } });
  }

  /** Deletes the account and everything that belongs to it. It cannot be undone. */
  async delete(proof: Schemas["AccountDeletion"]): Promise<void> {
    await this.#client.request("DELETE /api/auth/account", { body: proof });
    await this.#sessions.end();
  }

  #refreshTokenIn(): { refresh_token_in?: "cookie" } {
    return this.#sessions.usesCookie ? { refresh_token_in: "cookie" } : {};
  }

  async #begin(step: Schemas["LoginStep"]): Promise<Challenge | null> {
    if ("challenge" in step) return step;
    await this.#sessions.begin(step);
    return null;
  }
}
