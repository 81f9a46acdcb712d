// Every text that the page's code uses exists. A missing one would show as "undefined".

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { laterTexts } from "../../web/later-texts.js";
import { texts } from "../../web/texts.js";

const ROOTS = { texts, laterTexts };
const WEB = new URL("../../web/", import.meta.url);
const files = readdirSync(WEB, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js") && name !== "texts.js");

/** The uses of `name` in `source`, such as `name.form.title`, each as a list of keys. */
function uses(source, name) {
  const pattern = new RegExp(`(?<![\\w./"'-])${name}((?:\\.\\w+)+)`, "g");
  return [...source.matchAll(pattern)].map(([, keys]) => keys.slice(1).split("."));
}

test("every text that the code uses exists", () => {
  let count = 0;
  for (const file of files) {
    const source = readFileSync(new URL(file, WEB), "utf8");
    for (const [root, all] of Object.entries(ROOTS)) {
      const aliases = [...source.matchAll(new RegExp(`const (\\w+) = ${root}\\.([\\w.]+);`, "g"))]
        .map(([, name, keys]) => ({ name, base: keys.split(".") }));
      const found = [{ name: root, base: [] }, ...aliases].flatMap(({ name, base }) => uses(source, name).map((keys) => [...base, ...keys]));
      for (const keys of found) {
        let value = /** @type {any} */ (all);
        for (const key of keys) {
          // What follows a sentence or a function is a method of it.
          if (typeof value !== "object") break;
          assert.ok(key in value, `web/${file} uses ${root}.${keys.join(".")}, which does not exist`);
          value = value[key];
        }
        count += 1;
      }
    }
  }
  assert.ok(count > 200, `${count} uses`);
});
