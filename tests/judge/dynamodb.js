// Says whether DynamoDB would accept a request, by the validations and grammars of dynalite, which were tested against
// the real service. It looks at the request and at the table's description, never at items.
//
// dynalite does not know the members that DynamoDB gained since 2015, such as ReturnValuesOnConditionCheckFailure and
// ClientRequestToken. `checkTypes` ignores them, and models.py judges them by botocore's model.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { checkTypes, checkValidations } = require("dynalite/validations");

const OPERATIONS = ["BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"];

const MAX_ITEM_BYTES = 409_600;

/** The single operation that each part of a transaction is. dynalite has no transactions. */
const PARTS = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  // A check has a key and a condition, as a conditional delete has.
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

/** What dynalite's action throws here when its validations have passed and it reaches for items. */
const PASSED = Symbol("passed");

/**
 * Returns why DynamoDB would refuse a request, or null.
 *
 * `tables` has the descriptions of tables by name, as DescribeTable returns them. Keys and indexes are not judged for
 * a table that it does not have.
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

/** What of a request is judged as an operation of its own: where it is, the operation, its members. */
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

/** Judges a single operation, or a batch as far as dynalite checks it without its table. */
function single(operation, request, tables) {
  const { types, custom, run } = known.get(operation);
  const store = storeOf(tables);
  try {
    // dynalite changes what it checks.
    const data = checkTypes(structuredClone(request), types);
    checkValidations(data, types, custom, store);
    if (tables[data.TableName] === undefined) {
      return null;
    }
    // dynalite checks keys and indexes at the beginning of its actions.
    let refusal = null;
    run(store, data, (error) => (refusal = error));
    return refusal === null ? null : message(refusal);
  } catch (error) {
    return error === PASSED ? null : message(error);
  }
}

/** A store that has tables and no items. */
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

/** A fault of dynalite's own, which has no body, must not pass for consent. */
function message(error) {
  return error.body?.message ?? error.body?.Message ?? `dynalite cannot judge it: ${error.stack}`;
}
