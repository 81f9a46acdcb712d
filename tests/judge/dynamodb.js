// Checks whether DynamoDB would accept a request, with the validations and grammars of dynalite. dynalite's authors
// tested them against the real service. The check uses the request and the table's description, but no items.
//
// dynalite does not know newer members, such as ReturnValuesOnConditionCheckFailure and ClientRequestToken.
// `checkTypes` removes them. In the stack, service_models.py checks them with botocore's model.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { checkTypes, checkValidations } = require("dynalite/validations");

const OPERATIONS = ["BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"];

const MAX_ITEM_BYTES = 409_600;

/** The single operation that corresponds to each part of a transaction. dynalite has no transactions. */
const PARTS = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  // Like a conditional delete, a check has a key and a condition.
  ConditionCheck: "DeleteItem",
  Get: "GetItem",
};

const known = new Map(
  OPERATIONS.map((operation) => {
    const file = operation[0].toLowerCase() + operation.slice(1);
    const { types, custom } = require(`dynalite/validations/${file}`);
    return [operation, { types, custom, run: require(`dynalite/actions/${file}`) }];
  }),
);

/** Thrown when dynalite's action has finished its validations and accesses items. */
const PASSED = Symbol("passed");

/**
 * Returns why DynamoDB would refuse a request, or null.
 *
 * `tables` contains the descriptions of tables by name, as DescribeTable returns them. Keys and indexes of other tables
 * are not checked.
 */
export function reasonToRefuse(operation, request, tables = {}) {
  if (known.has(operation)) {
    const reason = single(operation, request, tables);
    if (reason !== null) {
      return reason;
    }
  }
  for (const [where, part, members] of partsOf(operation, request)) {
    const reason = single(part, members, tables);
    if (reason !== null) {
      return `${where}: ${reason}`;
    }
  }
  return null;
}

/** The parts of a request that are checked as operations of their own: their place, operation and members. */
function* partsOf(operation, request) {
  if (operation.startsWith("Transact")) {
    for (const [index, item] of request.TransactItems.entries()) {
      for (const [kind, part] of Object.entries(item)) {
        yield [`TransactItems[${index}].${kind}`, PARTS[kind], part];
      }
    }
  }
  if (operation === "BatchGetItem") {
    for (const [TableName, { Keys }] of Object.entries(request.RequestItems)) {
      yield* Keys.map((Key, index) => [`Keys[${index}]`, "GetItem", { TableName, Key }]);
    }
  }
  if (operation === "BatchWriteItem") {
    for (const [TableName, writes] of Object.entries(request.RequestItems)) {
      for (const [index, { PutRequest, DeleteRequest }] of writes.entries()) {
        const part = PutRequest ? "PutItem" : "DeleteItem";
        yield [`${TableName}[${index}]`, part, { TableName, ...PutRequest, ...DeleteRequest }];
      }
    }
  }
}

/** Checks a single operation. Of a batch, it checks what does not depend on the table. */
function single(operation, request, tables) {
  const { types, custom, run } = known.get(operation);
  const store = storeOf(tables);
  try {
    // dynalite modifies the request.
    const data = checkTypes(structuredClone(request), types);
    checkValidations(data, types, custom, store);
    if (tables[data.TableName] === undefined) {
      return null;
    }
    // dynalite's actions begin by checking keys and indexes.
    let refusal = null;
    run(store, data, (error) => (refusal = error));
    return refusal === null ? null : message(refusal);
  } catch (error) {
    return error === PASSED ? null : message(error);
  }
}

/** A store with tables but without items. */
function storeOf(tables) {
  const pass = () => {
    throw PASSED;
  };
  return {
    options: { maxItemSize: MAX_ITEM_BYTES },
    getTable: (name, done) => done(null, tables[name]),
    getItemDb: pass,
    getIndexDb: pass,
  };
}

/** An error without a body is a bug in dynalite. It counts as a refusal, so that somebody notices it. */
function message(error) {
  return error.body?.message ?? error.body?.Message ?? `dynalite cannot judge it: ${error.stack}`;
}
