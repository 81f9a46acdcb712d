// A reporter of node:test that lists the failed tests with their errors. `cargo xtask test` prints the list at its end.

import { inspect } from "node:util";

/** @param {AsyncIterable<{type: string, data: any}>} events */
export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail" || data.details.error.failureType === "subtestsFailed") continue;
    yield `${data.name}: ${inspect(data.details.error.cause ?? data.details.error)}\n`;
  }
}
