// A fake DynamoDB for the store's unit tests. It checks each request as the judge of the stack does, and answers bad
// ones with DynamoDB's error. It stores items, so that operations that read first find them. It ignores updates and
// conditions.
//
// It prints its address on the first line, then each request that it refuses, with the reason.

import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { reasonToRefuse } from "./dynamodb.js";

const items = new Map();
const nameOf = (key) => JSON.stringify([key.pk, key.sk]);
const put = (item) => items.set(nameOf(item), item);
const get = (key) => items.get(nameOf(key));

const EFFECTS = {
  PutItem: ({ Item }) => {
    put(Item);
    return {};
  },
  GetItem: ({ Key }) => ({ Item: get(Key) }),
  BatchGetItem: ({ RequestItems }) => ({
    Responses: Object.fromEntries(
      Object.entries(RequestItems).map(([table, { Keys }]) => [table, Keys.map(get).filter(Boolean)]),
    ),
  }),
  TransactWriteItems: ({ TransactItems }) => {
    TransactItems.filter((part) => part.Put).forEach((part) => put(part.Put.Item));
    return {};
  },
  TransactGetItems: ({ TransactItems }) => ({ Responses: TransactItems.map((part) => ({ Item: get(part.Get.Key) })) }),
  // Returned even if the request asks for no attributes: the SDK does not mind.
  UpdateItem: ({ Key }) => ({ Attributes: get(Key) }),
  DeleteItem: ({ Key }) => ({ Attributes: get(Key) }),
  // Of the filter, only what `isOfKey` understands.
  Scan: (request) => {
    const isFound = isOfKey({ ...request, KeyConditionExpression: request.FilterExpression });
    return { Items: [...items.values()].filter(isFound) };
  },
  Query: (request) => {
    const found = [...items.values()].filter(isOfKey(request));
    return { Items: found, Count: found.length, ScannedCount: found.length };
  },
};

/** Returns whether an item satisfies the `=`, `begins_with` and `BETWEEN` of a key condition. */
function isOfKey({ KeyConditionExpression, ExpressionAttributeNames = {}, ExpressionAttributeValues = {} }) {
  const value = (name) => ExpressionAttributeValues[name].S;
  const attribute = (item, name) => item[ExpressionAttributeNames[name] ?? name]?.S ?? "";
  const conditions = [...KeyConditionExpression.matchAll(/(#?\w+)( = |, )(:\w+)/g)];
  const ranges = [...KeyConditionExpression.matchAll(/(#?\w+) BETWEEN (:\w+) AND (:\w+)/g)];
  return (item) =>
    conditions.every(([, name, operator, wanted]) =>
      operator === " = " ? attribute(item, name) === value(wanted) : attribute(item, name).startsWith(value(wanted)),
    ) && ranges.every(([, name, from, to]) => attribute(item, name) >= value(from) && attribute(item, name) <= value(to));
}

const server = createServer(async (request, response) => {
  const operation = request.headers["x-amz-target"].split(".")[1];
  const body = JSON.parse(await text(request));
  const reason = reasonToRefuse(operation, body);
  const refusal = { __type: "com.amazon.coral.validate#ValidationException", message: reason };
  const answer = reason === null ? (EFFECTS[operation]?.(body) ?? {}) : refusal;
  if (reason !== null) {
    console.log(`${operation}: ${reason}\n  ${JSON.stringify(body)}`);
  }
  response.writeHead(reason === null ? 200 : 400, { "content-type": "application/x-amz-json-1.0" });
  response.end(JSON.stringify(answer));
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
// The process ends when its parent closes the pipe.
process.stdin.resume().on("end", () => process.exit());
