// Fresh projects that install the packed client, as an application does.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const { version } = JSON.parse(readFileSync("../client/package.json", "utf8"));
/** The packed client. */
export const TARBALL = resolve(`darkroom-client-${version}.tgz`);

/**
 * Makes a project in projects/ and installs the packed client. Other packages are those of this directory. Returns the
 * path of the project.
 * @param {string} name
 * @param {Record<string, string>} files the contents by path
 * @param {object} [manifest] members of its package.json
 */
export function freshProject(name, files, manifest = {}) {
  const directory = resolve("projects", name);
  rmSync(directory, { recursive: true, force: true });
  const all = { ...files, "package.json": JSON.stringify({ name, private: true, type: "module", ...manifest }) };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(resolve(directory, path)), { recursive: true });
    writeFileSync(resolve(directory, path), text);
  }
  run(directory, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", TARBALL);
  return directory;
}

/**
 * Runs a program in a project and returns its output.
 * @param {string} directory
 * @param {string} program
 * @param {string[]} args
 */
export function run(directory, program, ...args) {
  try {
    return execFileSync(program, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout, stderr } = /** @type {{stdout: string, stderr: string}} */ (error);
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  }
}

/**
 * Runs a program of the installed packages with Node.js.
 * @param {string} directory
 * @param {string} path
 * @param {string[]} args
 */
export const tool = (directory, path, ...args) =>
  run(directory, process.execPath, resolve("node_modules", path), ...args);

/** The code blocks of the client's README in a language. @param {string} language @returns {string[]} */
export function readmeBlocks(language) {
  const text = readFileSync("../client/README.md", "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(
    ([, code]) => /** @type {string} */ (code),
  );
}
