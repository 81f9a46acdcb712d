// The order of the user's pictures: in addresses, and remembered in the browser.

import "./globals.js";
import assert from "node:assert/strict";
import test, { afterEach } from "node:test";
import { addressOrder, chosenOrder, namedOrder, orderOf, parametersOf, rememberOrder } from "../../web/chosen-order.js";

const NEWEST_FIRST = orderOf({});
const BY_NAME = orderOf({ sort: "file_name", order: "asc" });

afterEach(() => rememberOrder(NEWEST_FIRST));

/** What an address contains of parameters. */
const written = (parameters) => Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null));

test("an order is read from the address and written there without its defaults", () => {
  const all = [{}, { sort: "taken_at", order: "asc", group: "day" }, { sort: "file_name", order: "desc" }, { group: "month" }];
  for (const parameters of all) assert.deepEqual(written(parametersOf(orderOf(parameters))), parameters);
  assert.equal(orderOf({ sort: "file_name", group: "day" }).group, "none");
});

test("an address without an order stands for the remembered one, and an address with an order for its own", () => {
  assert.deepEqual(chosenOrder({}), NEWEST_FIRST);
  const byDay = orderOf({ sort: "taken_at", order: "asc", group: "day" });
  for (const order of [BY_NAME, byDay, orderOf({ group: "day" })]) {
    rememberOrder(order);
    assert.deepEqual(chosenOrder({ q: "beach" }), order);
  }
  assert.deepEqual(chosenOrder({ sort: "created_at" }), NEWEST_FIRST);
  assert.deepEqual(chosenOrder({ group: "month" }), orderOf({ group: "month" }));
});

test("every order can be named by an address, whatever is remembered", () => {
  for (const remembered of [NEWEST_FIRST, BY_NAME]) {
    rememberOrder(remembered);
    for (const order of [NEWEST_FIRST, BY_NAME, orderOf({ group: "day" })]) {
      assert.deepEqual(chosenOrder(written(addressOrder(order))), order);
      assert.deepEqual(chosenOrder(written(namedOrder(order))), order);
    }
  }
  rememberOrder(NEWEST_FIRST);
  assert.deepEqual(written(addressOrder(NEWEST_FIRST)), {});
});

test("what is stored may be damaged", () => {
  localStorage.setItem("darkroom.order", "{\"sort\": 1}");
  assert.deepEqual(chosenOrder({}), NEWEST_FIRST);
});
