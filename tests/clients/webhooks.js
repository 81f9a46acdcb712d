// The package of Standard Webhooks verifies a delivery, and refuses a changed one.

import { strict as assert } from "node:assert";
import { createServer } from "node:http";
import { once } from "node:events";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { outputs, until } from "./stack.js";

const requests = [];
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  response.writeHead(204).end();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

async function call(method, path, token, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(outputs.api_url + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

const { access_token: token } = await call("POST", "/api/auth/login", undefined, outputs.demo);
const url = `http://127.0.0.1:${server.address().port}/`;
const webhook = await call("POST", "/api/webhooks", token, { url });
await call("POST", `/api/webhooks/${webhook.id}/test`, token);
const { headers, body } = await until(async () => requests[0], "the delivery");
const verifier = new Webhook(webhook.secret);
assert.equal(verifier.verify(body, headers).type, "webhook.test");
const refused = (changed, others) => assert.throws(() => verifier.verify(changed, others), WebhookVerificationError);
refused(body.replace("test", "Test"), headers);
refused(body, { ...headers, "webhook-timestamp": "1773342300" });
await call("DELETE", `/api/webhooks/${webhook.id}`, token);
server.close();
console.log("a delivery was verified by standardwebhooks");
