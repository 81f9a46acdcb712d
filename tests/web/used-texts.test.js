// Every text that the page's code uses exists. A missing one would show as "undefined".

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { texts } from "../../web/texts.js";

const WEB = new URL("../../web/", import.meta.url);
const files = readdirSync(WEB, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js") && name !== "texts.js");

/** The uses of `name` in `source`, such as `name.form.title`, each as a list of keys. */
function uses(source, name) {
  const pattern = new RegExp(`(?<![\\w./"'])${name}((?:\\.\\w+)+)`, "g");
  return [...source.matchAll(pattern)].map(([, keys]) => keys.slice(1).split("."));
}

test("every text that the code uses exists", () => {
  let count = 0;
  for (const file of files) {
    const source = readFileSync(new URL(file, WEB), "utf8");
    const aliases = [...source.matchAll(/const (\w+) = texts\.([\w.]+);/g)].map(([, name, keys]) => ({ name, base: keys.split(".") }));
    const all = [{ name: "texts", base: [] }, ...aliases].flatMap(({ name, base }) => uses(source, name).map((keys) => [...base, ...keys]));
    for (const keys of all) {
      let value = /** @type {any} */ (texts);
      for (const key of keys) {
        // What follows a sentence or a function is a method of it.
        if (typeof value !== "object") break;
        assert.ok(key in value, `web/${file} uses texts.${keys.join(".")}, which web/texts.js lacks`);
        value = value[key];
      }
      count += 1;
    }
  }
  assert.ok(count > 200, `${count} uses`);
});
