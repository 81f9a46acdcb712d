// Builds the package into dist/: `node scripts/build.js`. DARKROOM_CONTRACT is the path of openapi.yaml, if it is
// elsewhere.

import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const contract = resolve(root, process.env.DARKROOM_CONTRACT ?? "../../docs/openapi.yaml");
const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" });
const tsc = (...args) => node("node_modules/typescript/bin/tsc", "--project", ".", ...args);

rmSync(resolve(root, "dist"), { recursive: true, force: true });
node("scripts/generate.js", contract);
tsc("--outDir", "dist/esm");
// For programs that still use `require`. Their tools find out from this package.json that the files are CommonJS.
tsc("--outDir", "dist/cjs", "--module", "commonjs", "--moduleResolution", "node10", "--verbatimModuleSyntax", "false");
writeFileSync(resolve(root, "dist/cjs/package.json"), '{ "type": "commonjs" }\n');
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"])
  copyFileSync(resolve(dirname(contract), "..", licence), resolve(root, licence));
