// A receiver of webhooks on this machine.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Starts a receiver. It keeps the requests, and answers with `status`, which can be changed.
 * @returns {Promise<{url: string, status: number, requests: {headers: any, body: string}[], close: () => void}>}
 */
export async function startReceiver() {
  const receiver = { url: "", status: 204, requests: [], close: () => server.close() };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    receiver.requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(receiver.status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  receiver.url = `http://127.0.0.1:${address.port}/darkroom`;
  return receiver;
}

/**
 * The signature of a request as Standard Webhooks specifies it.
 * @param {{headers: any, body: string}} request
 * @param {string} secret
 */
export function signature({ headers, body }, secret) {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}
