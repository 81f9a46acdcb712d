// Reads requests to DynamoDB from standard input, one JSON object a line: operation, request, tables. Answers each with
// a line: why DynamoDB would refuse the request, or null.

import { createInterface } from "node:readline";

import { reasonToRefuse } from "./dynamodb.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, request, tables } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(reasonToRefuse(operation, request, tables))}\n`);
}
