// Every operation of docs/openapi.yaml can be called with typed input and output. This test writes a program that calls
// all of them with the examples of the contract, compiles it, and runs it against a stand-in that returns the examples.

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import * as client from "../client/dist/esm/index.js";
import { standin } from "./standin.js";

const CONTRACT = process.env.DARKROOM_CONTRACT ?? "../../docs/openapi.yaml";
const METHODS = ["get", "put", "post", "patch", "delete"];
const contract = parse(readFileSync(CONTRACT, "utf8"));

/** What a reference leads to. @param {any} value */
const resolved = (value) =>
  value?.$ref
    ? value.$ref
        .slice(2)
        .split("/")
        .reduce((/** @type {any} */ parent, /** @type {string} */ name) => parent[name], contract)
    : value;

/**
 * A value of a schema: its example, or one that its keywords allow.
 * @param {any} reference
 * @returns {any}
 */
function example(reference) {
  const schema = resolved(reference);
  if (schema.examples) return schema.examples[0];
  for (const name of ["const", "default"]) if (name in schema) return schema[name];
  if (schema.enum) return schema.enum[0];
  const choices = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].map(resolved);
  // A choice without a type only names required properties.
  const chosen = choices.find((one) => one.type !== "null" && !(one.required && !one.type && !one.allOf));
  const parts = [...(schema.allOf ?? []), ...(chosen ? [chosen] : [])].map(example);
  if (parts.some((part) => typeof part !== "object")) return parts[0];
  const type = [schema.type].flat()[0];
  if (type === "array") return [example(schema.items)];
  if (type === "object" || parts.length > 0) {
    const required = [...(schema.required ?? []), ...(choices.find((one) => one.required)?.required ?? [])];
    const properties = [schema, ...(schema.allOf ?? []).map(resolved)].flatMap((one) =>
      Object.entries(one.properties ?? {}),
    );
    const given = properties.filter(([name]) => required.includes(name)).map(([name, value]) => [name, example(value)]);
    return Object.assign({}, ...parts, Object.fromEntries(given));
  }
  const plain = {
    string: "text",
    integer: schema.minimum ?? 1,
    number: schema.minimum ?? 1,
    boolean: false,
    null: null,
  };
  return plain[/** @type {"string"} */ (type)];
}

const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => {
    const parameters = [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolved);
    const of = (/** @type {string} */ place) =>
      Object.fromEntries(parameters.filter((one) => one.in === place).map((one) => [one.name, example(one.schema)]));
    const { operationId, requestBody, responses } = item[method];
    const body = requestBody && example(requestBody.content["application/json"].schema);
    const successes = Object.entries(responses).filter(([status]) => status < "300");
    const [status, response] = successes[0] ?? Object.entries(responses)[0];
    const json = resolved(response).content?.["application/json"];
    return {
      id: operationId,
      method: method.toUpperCase(),
      path,
      route: `${method.toUpperCase()} ${path}`,
      values: of("path"),
      query: of("query"),
      body,
      status: Number(status),
      types: successes.map(([status, response]) => typeOf(operationId, Number(status), resolved(response))),
      json: json && example(json.schema),
      takesKey: parameters.some(({ name }) => name === "Idempotency-Key"),
    };
  }),
);

/**
 * The type that the client returns for a response.
 * @param {string} id
 * @param {number} status
 * @param {any} response
 */
function typeOf(id, status, { content }) {
  const json = content?.["application/json"];
  if (status === 204 || (json && isEmpty(example(json.schema)))) return "undefined";
  return json ? `operations["${id}"]["responses"][${status}]["content"]["application/json"]` : "Blob";
}

/** @param {object} value */
function isEmpty(value) {
  return Object.keys(value).length === 0;
}

/** The options of a request in TypeScript. @param {(typeof operations)[number]} operation */
function options({ values, query, body, takesKey }) {
  const given = {
    ...(Object.keys(values).length > 0 && { path: values }),
    ...(Object.keys(query).length > 0 && { query }),
    ...(body !== undefined && { body }),
    ...(takesKey && { idempotencyKey: "key" }),
  };
  return Object.keys(given).length > 0 ? `, ${JSON.stringify(given)}` : "";
}

/** A program that calls all operations. Its types say what each of them takes and returns. */
function program() {
  const calls = operations.map((operation) => {
    const { id, route, types, values, body } = operation;
    // A route that only redirects leads to a picture.
    const expected = types.join(" | ") || "Blob";
    const needed = Object.keys(values).length > 0 || body !== undefined;
    return `
    "${id}": async () => {
      const result = await darkroom.request("${route}"${options(operation)});
      equal<typeof result, ${expected}>(true);
      ${needed ? `// @ts-expect-error: the operation needs values.\n      () => darkroom.request("${route}");` : ""}
      // @ts-expect-error: no operation has these values.
      () => darkroom.request("${route}", { path: { nothing: 1 }, query: { nothing: 1 }, body: 1 });
      return result;
    },`;
  });
  const lists = operations
    .filter(({ json }) => json && "next_cursor" in json)
    .map(
      (operation) =>
        `\n    "${operation.id}": () => darkroom.list("${operation.route}"${options(operation)}).toArray(1),`,
    );
  return `import type { Darkroom, operations } from "darkroom-client";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function equal<A, B>(_: Equal<A, B>): void {}

export const calls = (darkroom: Darkroom): Record<string, () => Promise<unknown>> => ({${calls.join("")}
});
export const lists = (darkroom: Darkroom): Record<string, () => Promise<unknown>> => ({${lists.join("")}
});

// @ts-expect-error: there is no such operation.
export const missing = (darkroom: Darkroom) => darkroom.request("GET /api/nothing");
`;
}

writeFileSync("calls.ts", program());
const tsconfig = {
  compilerOptions: {
    strict: true,
    target: "es2022",
    module: "nodenext",
    lib: ["es2023", "dom"],
    types: [],
    outDir: "out",
    paths: { "darkroom-client": ["../client/dist/esm/index.d.ts"] },
  },
  files: ["calls.ts"],
};
writeFileSync("calls.tsconfig.json", JSON.stringify(tsconfig));

test("every operation takes and returns the types of the contract", async (t) => {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--project", "calls.tsconfig.json"], {
    encoding: "utf8",
  });
  const { calls, lists } = await import(pathToFileURL("out/calls.js").href);
  assert.deepEqual(
    Object.keys(calls({})),
    operations.map(({ id }) => id),
  );
  for (const operation of operations) {
    const { id, method, path, values, query, body, status, json, takesKey } = operation;
    await t.test(id, async (t) => {
      const isHtml = json === undefined && status === 200;
      const { url, requests } = await standin(t, () =>
        status >= 300
          ? { body: "a picture", headers: { "content-type": "image/png" } }
          : isHtml
            ? { body: "a page", headers: { "content-type": "text/html" } }
            : { status, body: json },
      );
      const darkroom = new client.Darkroom({ baseUrl: url });
      const result = await calls(darkroom)[id]();
      const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
      const {
        route,
        query: sent,
        body: received,
        headers,
      } = /** @type {import("./standin.js").Received} */ (requests[0]);
      assert.deepEqual([route, received], [`${method} ${filled}`, body]);
      assert.deepEqual(sent, Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])));
      assert.equal(headers["idempotency-key"], takesKey ? "key" : undefined);
      if (status === 204 || (json && isEmpty(json))) assert.equal(result, undefined);
      else if (json) assert.deepEqual(result, json);
      else assert(result instanceof Blob);
      if (json && "next_cursor" in json) assert.equal((await lists(darkroom)[id]()).length, 1);
    });
  }
});

test("every problem code has its class", () => {
  const codes = new Set(
    [...JSON.stringify(contract.components.responses).matchAll(/"code":\{"enum":\[([^\]]*)\]/g)].flatMap(([, list]) =>
      JSON.parse(`[${list}]`),
    ),
  );
  assert(codes.size > 40);
  const classes = new Map(Object.entries(client));
  for (const code of codes) {
    const name = `${String(code).replace(/(^|-)(\w)/g, (_, __, letter) => letter.toUpperCase())}Error`;
    const Class = /** @type {typeof client.NotFoundError | undefined} */ (classes.get(name));
    assert(Class, `${name} is missing`);
    const error = new Class({ code: /** @type {any} */ (code), detail: "A sentence." }, 400);
    assert(error instanceof client.ProblemError);
    assert.equal(error.name, name);
  }
});
