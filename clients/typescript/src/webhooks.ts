// Verification of webhooks (Standard Webhooks, https://www.standardwebhooks.com).

import { WebhookVerificationError } from "./errors.js";

export { WebhookVerificationError } from "./errors.js";

/** Headers of a request: a `Headers`, or the `headers` of a request in Node.js. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/** Options of `verifyWebhook`. */
export interface VerifyOptions {
  /** By how many seconds the time of the webhook and the clock may differ. The default is 300, five minutes. */
  tolerance?: number;
}

/**
 * Verifies that a webhook comes from Darkroom and is not older than five minutes, and returns its parsed body.
 *
 * @param body the body of the request, exactly as it arrived. A body that was parsed and written again has other bytes.
 * @param headers the headers of the request
 * @param secret the secret of the webhook (`whsec_…`), or several while it is rotated
 * @throws WebhookVerificationError if the webhook is not authentic, or too old
 * @throws TypeError if a secret is not the base64 of a secret
 */
export async function verifyWebhook<Event = unknown>(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string | readonly string[],
  { tolerance = 300 }: VerifyOptions = {},
): Promise<Event> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  const age = Date.now() / 1000 - Number(timestamp);
  if (!/^\d+$/.test(timestamp)) throw new WebhookVerificationError("webhook-timestamp is not a time");
  if (age > tolerance) throw new WebhookVerificationError("The webhook is too old");
  if (age < -tolerance) throw new WebhookVerificationError("The time of the webhook is in the future");

  const encoder = new TextEncoder();
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const prefix = encoder.encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(prefix.length + bytes.length);
  signed.set(prefix);
  signed.set(bytes, prefix.length);

  for (const one of typeof secret === "string" ? [secret] : secret) {
    const key = await importKey(one);
    // Each signature has a version. Version `v1a` is another algorithm, which Darkroom does not use.
    for (const [, signature] of signatures.matchAll(/(?:^| )v1,(\S+)/g)) {
      const expected = decode(signature as string);
      // WebCrypto compares in constant time.
      if (expected !== null && (await crypto.subtle.verify("HMAC", key, expected, signed))) {
        return JSON.parse(typeof body === "string" ? body : new TextDecoder().decode(body)) as Event;
      }
    }
  }
  throw new WebhookVerificationError("No signature of the webhook is valid");
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headerOf(headers, name);
  if (value === null || value === "") throw new WebhookVerificationError(`The header ${name} is missing`);
  return value;
}

/** A header of a plain object. The case of its name does not matter. */
function headerOf(headers: Record<string, string | string[] | undefined>, name: string): string | null {
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return (Array.isArray(found) ? found[0] : found) ?? null;
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = decode(secret.replace(/^whsec_/, ""));
  if (bytes === null || bytes.length === 0) throw new TypeError("The secret of a webhook is whsec_ and base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function decode(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
