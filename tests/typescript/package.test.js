// The packed client: its files, its types in all kinds of projects, its size, and the examples of its README.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { rolldown } from "rolldown";
import { freshProject, readmeBlocks, run, TARBALL, tool } from "./project.js";

test("the package contains what programs need, and nothing else", () => {
  const files = run(".", "tar", "-tzf", TARBALL)
    .trim()
    .split("\n")
    .map((name) => name.replace("package/", ""));
  for (const name of [
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "package.json",
    "dist/esm/index.js",
    "dist/cjs/webhooks.d.ts",
  ]) {
    assert(files.includes(name), `${name} is missing`);
  }
  assert.deepEqual(
    files.filter(
      (name) =>
        !/^(README\.md|LICENSE-\w+|package\.json|dist\/(esm|cjs)\/(generated\/)?[\w-]+(\.js|\.d\.ts|\.json))$/.test(
          name,
        ),
    ),
    [],
  );
  const { dependencies = {}, sideEffects } = JSON.parse(readFileSync("../client/package.json", "utf8"));
  assert.deepEqual([dependencies, sideEffects], [{}, false]);
});

test("publint finds nothing", async () => {
  const { messages, pkg } = await publint({ pkgDir: resolve("../client"), strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test("attw finds nothing", () => {
  const output = tool(
    ".",
    "@arethetypeswrong/cli/dist/index.js",
    TARBALL,
    "--no-emoji",
    "--no-color",
    "--format",
    "ascii",
  );
  assert.match(output, /No problems found/);
});

const LIBRARIES = ["es2023", "dom", "dom.iterable"];
const PROGRAM = `
import { Darkroom, NotFoundError, type Image } from "darkroom-client";
import { verifyWebhook } from "darkroom-client/webhooks";
const darkroom = new Darkroom({ baseUrl: "http://localhost" });
const images: Promise<Image[]> = darkroom.images.list().toArray(1);
export const names: Promise<string[]> = images.then((images) => images.map(({ file_name }) => file_name), (error) => {
  if (error instanceof NotFoundError) { const code: "not-found" = error.code; return [code]; }
  throw error;
});
export const event: Promise<{ type: string }> = verifyWebhook<{ type: string }>("", {}, "whsec_AAAA");
// @ts-expect-error: an id is a text.
export const wrong = () => darkroom.images.get(1);
// @ts-expect-error: no list has this parameter.
export const unknown = () => darkroom.images.list({ colour: "red" });
const partial = darkroom.images.list({ fields: "id" });
// @ts-expect-error: an image of a list with fields may lack its title.
export const title: Promise<string | null> = partial.then(({ images }) => images[0]!.title);
`;

/** The options of tsc in a kind of project. @param {object} options @param {string[]} types */
const tsconfig = (options, types = []) => ({
  compilerOptions: {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: "es2022",
    lib: LIBRARIES,
    types,
    ...options,
  },
  include: ["."],
});
const IMPORT = `import { Darkroom } from "darkroom-client"; import { verifyWebhook } from "darkroom-client/webhooks";`;
const REQUIRE = IMPORT.replaceAll(/import (.*?) from (".*?")/g, "const $1 = require($2)");
const CHECK = 'console.log(new Darkroom({ baseUrl: "" }) instanceof Darkroom, typeof verifyWebhook);';
const GLOBALS = `import type { Darkroom, Image } from "darkroom-client";
declare global {
  const darkroom: Darkroom;
  const file: File;
  const image: Image;
  const id: string, baseUrl: string, setId: string;
}
`;
const EXAMPLES = readmeBlocks("ts").map((code, index) => [`examples/example-${index}.ts`, `${code}\nexport {};\n`]);
const project = freshProject("package", {
  "nodenext/tsconfig.json": JSON.stringify(tsconfig({ module: "nodenext" })),
  "nodenext/program.mts": PROGRAM,
  "nodenext/program.cts": PROGRAM,
  "bundler/tsconfig.json": JSON.stringify(tsconfig({ module: "esnext", moduleResolution: "bundler" })),
  "bundler/program.ts": PROGRAM,
  // As older projects have it.
  "commonjs/tsconfig.json": JSON.stringify(tsconfig({ module: "commonjs", moduleResolution: "node10" })),
  "commonjs/program.ts": PROGRAM,
  "import.mjs": `${IMPORT} ${CHECK}`,
  "require.cjs": `${REQUIRE} ${CHECK}`,
  "examples/tsconfig.json": JSON.stringify(
    tsconfig({ module: "nodenext", jsx: "react-jsx", skipLibCheck: true }, ["node"]),
  ),
  "examples/globals.d.ts": GLOBALS,
  "examples/component.tsx": readmeBlocks("tsx").join("\n"),
  ...Object.fromEntries(EXAMPLES),
  "all.js": `export * from "darkroom-client";`,
  "webhooks.js": `export * from "darkroom-client/webhooks";`,
  "store.js": `export { memoryStore } from "darkroom-client";`,
});

for (const kind of ["nodenext", "bundler", "commonjs"]) {
  test(`a project of the kind ${kind} compiles with --strict`, () => {
    tool(project, "typescript/bin/tsc", "--project", kind);
  });
}

test("both import and require load the package", () => {
  for (const file of ["import.mjs", "require.cjs"])
    assert.equal(run(project, process.execPath, file), "true function\n");
});

test("the examples of the README compile", () => {
  assert(EXAMPLES.length >= 10);
  tool(project, "typescript/bin/tsc", "--project", "examples");
});

/** The size of a program, minified and compressed. @param {string} file */
async function size(file) {
  const bundle = await rolldown({ input: resolve(project, file) });
  const {
    output: [chunk],
  } = await bundle.generate({ minify: true });
  return gzipSync(chunk.code, { level: 9 }).length;
}

test("the README tells the size", async () => {
  const readme = readFileSync("../client/README.md", "utf8");
  const [, all, webhooks] = /whole package has (\d+) KB.*webhooks alone has (\d+) KB/.exec(readme) ?? [];
  const sizes = [await size("all.js"), await size("webhooks.js")];
  assert.deepEqual(
    sizes.map((bytes) => Math.ceil(bytes / 1000)),
    [Number(all), Number(webhooks)],
    sizes.join(", "),
  );
  // A program that needs only one function does not contain the client.
  assert((await size("store.js")) < 200);
});
