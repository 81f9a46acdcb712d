// Checks that web/texts.js has a sentence for every code in docs/openapi.yaml.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { laterTexts } from "../../web/later-texts.js";
import { texts } from "../../web/texts.js";

const contract = readFileSync(new URL("../../docs/openapi.yaml", import.meta.url), "utf8");

test("web/texts.js has a sentence for every problem code", () => {
  const codes = new Set([...contract.matchAll(/code: \{enum: \[([^\]]+)\]/g)].flatMap(([, list]) => list.split(", ")));
  assert.ok(codes.size > 30, `${codes.size} codes`);
  const unknown = texts.problem({ status: 500, code: "internal" });
  const own = "unlike any other";
  for (const code of codes) {
    const said = texts.problem({ status: 400, code, detail: own, limit: "max_images", max_images: 1, max_image_bytes: 1, missing: ["digit"] });
    assert.match(said, /^[A-Z].*[.!?]$/, code);
    if (code !== "invalid-field") assert.ok(!said.includes(own), code);
    if (code !== "internal") assert.notEqual(said, unknown, code);
  }
});

test("web/texts.js has a sentence for every limit", () => {
  const [, list] = contract.match(/limit: \{type: string, enum: \[([^\]]+)\]/) ?? [];
  const limits = list.split(", ");
  const codeOf = (limit) => (limit.endsWith("_per_day") ? "daily-limit-reached" : "quota-exceeded");
  const said = limits.map((limit) => texts.problem({ status: 409, code: codeOf(limit), limit, [limit]: 1234 }));
  for (const sentence of said) assert.match(sentence, /^(Your tier allows|You can have) 1,234 .*\.$/);
  assert.equal(new Set(said).size, limits.length);
});

test("web/texts.js has a sentence for every failure code", () => {
  const [, listed] = contract.match(/description: "A stable code\. Codes of uploads: ([^"]+)"/) ?? [];
  const codes = [...listed.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code);
  assert.ok(codes.length > 15, `${codes.length} codes`);
  for (const code of codes) {
    const said = texts.failure({ code, detail: "unlike any other" });
    assert.match(said, /^[A-Z].*[.!?]$/, code);
    assert.ok(!said.includes("unlike"), code);
  }
});

/** The values of the first list in the contract that begins with this one. */
function listFrom(first) {
  const [, list] = contract.match(new RegExp(`enum: \\[("?${first}"?,[^\\]]+)\\]`)) ?? [];
  return list.replaceAll('"', "").split(", ");
}

test("web/program-texts.js has a label for every type of event and every scope", () => {
  assert.deepEqual(Object.keys(laterTexts.webhooks.eventTypes), listFrom("image.created"));
  assert.deepEqual(Object.keys(laterTexts.keys.scopeNames), listFrom("images:read"));
  for (const [name, label] of Object.entries({ ...laterTexts.webhooks.eventTypes, ...laterTexts.keys.scopeNames })) {
    assert.ok(label.startsWith(`${name}: `), label);
  }
});

test("web/program-texts.js has a sentence for every reason why an attempt failed", () => {
  const errors = listFrom("not-resolved").filter((error) => error !== "null");
  assert.deepEqual(Object.keys(laterTexts.webhooks.errors), errors);
  for (const sentence of Object.values(laterTexts.webhooks.errors)) assert.match(sentence(500), /^[A-Z].*\.$/);
  assert.match(laterTexts.webhooks.errors.status(503), /503/);
});
