// A server in place of Darkroom and S3, for failures that a real one does not show on request.

import { createServer } from "node:http";

/**
 * @typedef {object} Received
 * @property {string} method
 * @property {string} path
 * @property {string} route method and path
 * @property {Record<string, string>} query
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {string} text the body
 * @property {any} body the parsed body
 *
 * @typedef {{status?: number, body?: unknown, headers?: Record<string, string>, cut?: boolean, pause?: number}} Answer
 */

/**
 * Starts a server that answers with `answer`. `route` of a request is its method and path. `cut` ends the connection
 * without an answer.
 * @param {import("node:test").TestContext} test the server ends with it
 * @param {(request: Received, number: number) => Answer} answer `number`: how often this route was requested
 */
export async function standin(test, answer) {
  /** @type {Received[]} */
  const requests = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://standin");
    const { method = "", headers } = incoming;
    const body = headers["content-type"] === "application/json" && text !== "" ? JSON.parse(text) : undefined;
    const route = `${method} ${pathname}`;
    const request = { method, path: pathname, route, query: Object.fromEntries(searchParams), headers, text, body };
    requests.push(request);
    const {
      status = 200,
      body: reply,
      headers: more = {},
      cut,
      pause = 0,
    } = await answer(request, requests.filter((other) => other.route === route).length);
    await new Promise((wake) => setTimeout(wake, pause));
    if (cut) return incoming.socket.destroy();
    const type =
      reply === undefined ? {} : { "content-type": status < 400 ? "application/json" : "application/problem+json" };
    outgoing.writeHead(status, { ...type, ...more });
    outgoing.end(reply === undefined ? undefined : typeof reply === "string" ? reply : JSON.stringify(reply));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(undefined)));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  /** @param {string} route */
  const count = (route) => requests.filter((request) => request.route === route).length;
  return { url, requests, count };
}

/** An error response. @param {number} status @param {string} code @param {object} [more] @returns {Answer} */
export function problem(status, code, more = {}) {
  const body = {
    type: `urn:darkroom:problem:${code}`,
    title: "A problem",
    status,
    code,
    detail: `It is ${code}.`,
    ...more,
  };
  return { status, body };
}

/** An image as far as the client reads it. @param {object} [members] */
export const image = (members = {}) => ({
  id: "01JZ8Q4V7N2M5K3R6T9W0XYZAB",
  status: "pending",
  version: 1,
  ...members,
});

/** A presigned upload to the stand-in. @param {string} url @param {string} [name] */
export const upload = (url, name = "file") => ({
  method: "PUT",
  url: `${url}/s3/${name}`,
  headers: { "content-type": "image/png", "if-none-match": "*" },
  expires_at: "2036-03-12T19:03:58.123Z",
  expires: 900,
});
