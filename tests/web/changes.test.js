// The fields that the user has changed in a form.

import assert from "node:assert/strict";
import test from "node:test";
import { changesOf } from "../../web/changes.js";

test("only fields that differ from what the form has shown are changes, and a removed text is one", () => {
  const shown = { title: "Sea", description: "Sand", events: null, enabled: true };
  const wanted = { title: "Sea", description: null, events: ["image.ready"], enabled: false };
  assert.deepEqual(changesOf(shown, wanted), { description: null, events: ["image.ready"], enabled: false });
});

test("values that a form shows differently are no changes", () => {
  const shown = { title: " Sea ", description: "one\r\ntwo", note: undefined, sizes: [100, 300] };
  assert.equal(changesOf(shown, { title: "Sea", description: "one\ntwo", note: null, sizes: [100, 300] }), null);
});
