// Reads requests to DynamoDB from standard input, one JSON object per line with `operation`, `request` and `tables`.
// Writes one line for each: the reason why DynamoDB would refuse the request, or null.

import { createInterface } from "node:readline";

import { reasonToRefuse } from "./dynamodb.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, request, tables } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(reasonToRefuse(operation, request, tables))}\n`);
}
