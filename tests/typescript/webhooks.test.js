// Verification of webhooks, compared with the official package of Standard Webhooks.

import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { WebhookVerificationError, verifyWebhook } from "../client/dist/esm/webhooks.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY = JSON.stringify({
  type: "image.ready",
  timestamp: "2026-03-12T19:03:58Z",
  data: { file_name: "Kätzchen.jpg" },
});

/** Headers with signatures by the official package. @param {{id?: string, at?: Date, secrets?: string[]}} [options] */
function headers({ id = "msg_1", at = new Date(), secrets = [SECRET] } = {}) {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, at, BODY)).join(" "),
  };
}

const refused = { name: "WebhookVerificationError" };
const ago = (/** @type {number} */ seconds) => new Date(Date.now() - seconds * 1000);

test("a webhook with a valid signature is returned", async () => {
  const event = await verifyWebhook(BODY, headers(), SECRET);
  assert.deepEqual(event, JSON.parse(BODY));
  assert.deepEqual(await verifyWebhook(new TextEncoder().encode(BODY), new Headers(headers()), SECRET), event);
  const shouting = Object.fromEntries(Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), [value]]));
  assert.deepEqual(await verifyWebhook(BODY, shouting, SECRET.replace("whsec_", "")), event);
});

test("the official package and this one agree", async () => {
  for (const body of [BODY, BODY.replace("ready", "gone"), `${BODY} `]) {
    const official = () => new Webhook(SECRET).verify(body, headers());
    const own = await verifyWebhook(body, headers(), SECRET).then(
      () => true,
      () => false,
    );
    assert.equal(own, body === BODY);
    if (own) assert.doesNotThrow(official);
    else assert.throws(official);
  }
});

test("each changed part is refused", async () => {
  const valid = headers();
  await assert.rejects(verifyWebhook(BODY.replace("ready", "reaby"), valid, SECRET), refused);
  await assert.rejects(verifyWebhook(BODY, { ...valid, "webhook-id": "msg_2" }, SECRET), refused);
  await assert.rejects(
    verifyWebhook(BODY, { ...valid, "webhook-timestamp": String(Number(valid["webhook-timestamp"]) + 1) }, SECRET),
    refused,
  );
  await assert.rejects(verifyWebhook(BODY, valid, OTHER), (error) => error instanceof WebhookVerificationError);
});

test("while a secret is rotated, both are valid", async () => {
  // The sender signs with both secrets.
  await verifyWebhook(BODY, headers({ secrets: [OTHER, SECRET] }), SECRET);
  await verifyWebhook(BODY, headers({ secrets: [OTHER, SECRET] }), OTHER);
  // The receiver knows both secrets.
  await verifyWebhook(BODY, headers(), [OTHER, SECRET]);
  await assert.rejects(verifyWebhook(BODY, headers(), []), refused);
});

test("an old webhook is refused, and one from the future", async () => {
  await verifyWebhook(BODY, headers({ at: ago(290) }), SECRET);
  await assert.rejects(verifyWebhook(BODY, headers({ at: ago(310) }), SECRET), { message: "The webhook is too old" });
  await assert.rejects(verifyWebhook(BODY, headers({ at: ago(-310) }), SECRET), {
    message: "The time of the webhook is in the future",
  });
  await verifyWebhook(BODY, headers({ at: ago(310) }), SECRET, { tolerance: 600 });
  for (const text of ["", "soon", "1e9", "-1"]) {
    await assert.rejects(verifyWebhook(BODY, { ...headers(), "webhook-timestamp": text }, SECRET), refused);
  }
});

test("missing headers and other versions of signatures are refused", async () => {
  for (const name of Object.keys(headers())) {
    const { [name]: _, ...others } = /** @type {Record<string, string>} */ (headers());
    await assert.rejects(verifyWebhook(BODY, others, SECRET), { message: `The header ${name} is missing` });
  }
  const valid = headers();
  for (const signature of [
    valid["webhook-signature"].replace("v1,", "v1a,"),
    valid["webhook-signature"].replace("v1,", ""),
    "v1,",
    "v1,???",
    "v1,AAAA",
  ]) {
    await assert.rejects(verifyWebhook(BODY, { ...valid, "webhook-signature": signature }, SECRET), refused);
  }
});

test("a secret that is none is an error of the program", async () => {
  for (const secret of ["whsec_", "whsec_???"]) await assert.rejects(verifyWebhook(BODY, headers(), secret), TypeError);
});

test("the signature is an HMAC of id, time and body", async () => {
  const at = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`msg_3.${at}.${BODY}`).digest("base64");
  await verifyWebhook(
    BODY,
    { "webhook-id": "msg_3", "webhook-timestamp": at, "webhook-signature": `v1,${signature}` },
    SECRET,
  );
});
