// Generates src/generated/ from the contract: the types of all operations, a class for each problem code, and what the
// client must know about routes. `node scripts/generate.js [PATH OF openapi.yaml]`

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import openapi, { astToString } from "openapi-typescript";
import { parse } from "yaml";

const NOTE = "// `npm run build` generates this file from docs/openapi.yaml.\n";
const METHODS = ["get", "put", "post", "patch", "delete"];

const path = resolve(process.argv[2] ?? "../../docs/openapi.yaml");
const contract = parse(readFileSync(path, "utf8"));
const target = resolve(import.meta.dirname, "../src/generated");
mkdirSync(target, { recursive: true });
// A field with a default may be missing in a request.
const schema = astToString(await openapi(pathToFileURL(path), { defaultNonNullable: false }));
writeFileSync(resolve(target, "schema.ts"), NOTE + schema);
writeFileSync(resolve(target, "problems.ts"), NOTE + problemClasses());
writeFileSync(resolve(target, "routes.ts"), NOTE + routeSets());

/** The value to which a reference such as `#/components/parameters/Limit` leads. */
function resolved(value) {
  if (!value?.$ref) return value;
  return value.$ref
    .slice(2)
    .split("/")
    .reduce((parent, name) => parent[name], contract);
}

/** All operations with their routes. */
function operations() {
  return Object.entries(contract.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation: item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolved),
    })),
  );
}

/** The codes of all problems, with the sentence that explains each of them. */
function problemCodes() {
  const codes = new Map();
  const inline = operations().flatMap(({ operation }) => Object.values(operation.responses));
  for (const { description, content } of [...Object.values(contract.components.responses), ...inline]) {
    const problem = content?.["application/problem+json"]?.schema;
    for (const code of problem?.properties?.code?.enum ?? []) {
      // The descriptions have the form "`code`: sentence. `other-code`: sentence."
      const explained = description.split(`\`${code}\``)[1]?.match(/^[^:]*: (.*?)(?= `[a-z-]+`[:,]|$)/s)?.[1];
      if (!codes.get(code)) codes.set(code, explained?.trim() ?? "");
    }
  }
  // Every path can return these two: the description of the contract explains them.
  codes.set("method-not-allowed", "the path does not support the method.");
  codes.set("malformed-request", "the request is not well-formed HTTP.");
  return [...codes].sort(([a], [b]) => (a < b ? -1 : 1));
}

function className(code) {
  return `${code
    .split("-")
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join("")}Error`;
}

function problemClasses() {
  const codes = problemCodes();
  const classes = codes.map(
    ([code, sentence]) =>
      `/** \`${code}\`${sentence && `: ${sentence}`} */\n` +
      `export class ${className(code)} extends ProblemError<"${code}"> {}\n`,
  );
  const entries = codes.map(([code]) => `  "${code}": ${className(code)},\n`);
  return `
import { ProblemError } from "../errors.js";

${classes.join("\n")}
/** The class of each problem code. */
export const problems = {
${entries.join("")}};

/** A problem code of this version of the contract. */
export type ProblemCode = keyof typeof problems;
`;
}

function routeSets() {
  const set = (routes) =>
    `/* @__PURE__ */ new Set<string>([\n${routes.map(({ route }) => `  "${route}",\n`).join("")}]);\n`;
  const all = operations();
  const isPublic = ({ operation }) => operation.security?.length === 0;
  const takesKey = ({ parameters }) => parameters.some(({ name }) => name === "Idempotency-Key");
  return `
/** The routes that need no token. */
export const publicRoutes = ${set(all.filter(isPublic))}
/** The routes with the header \`Idempotency-Key\`. */
export const repeatableWithKey = ${set(all.filter(takesKey))}`;
}
