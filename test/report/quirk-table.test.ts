import { expect, test } from "vitest";

import { loadBundledModels } from "../../src/host/load-models.ts";
import { quirkTableMarkdown } from "../../src/report/quirk-table.ts";

test("a model that no other is like is named, many are counted", () => {
  const table = quirkTableMarkdown(loadBundledModels());
  expect(table).toMatch(/\| `x87Selectors: zero` .* all but [a-z-]*ivy-bridge/);
  expect(table).toMatch(/\| `pkruUpperBytes: kept` .*\| (?:[a-z0-9-]+, )*zen-3,/);
  expect(table).toMatch(/\| `xinuseOfMxcsr: counted` .*\| – \| – \| – \| – \|/);
});
