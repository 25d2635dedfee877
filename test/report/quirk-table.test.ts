import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { loadBundledModels } from "../../src/host/load-models.ts";
import { quirkTableMarkdown } from "../../src/report/quirk-table.ts";

test("the README's table of vendor behaviour is what the models say", () => {
  const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
  const between = /<!-- quirks:begin -->\n([\s\S]*?)\n<!-- quirks:end -->/.exec(readme);
  expect(between?.[1]).toBe(quirkTableMarkdown(loadBundledModels()));
});

test("a model that no other is like is named, many are counted", () => {
  const table = quirkTableMarkdown(loadBundledModels());
  expect(table).toMatch(/\| `x87Selectors: zero` .* all but [a-z-]*ivy-bridge/);
  expect(table).toMatch(/\| `pkruUpperBytes: kept` .*\| zen-3/);
  expect(table).toMatch(/\| `xinuseOfMxcsr: counted` .*\| – \| – \| – \| – \|/);
});
