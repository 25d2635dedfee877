import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/host/load-models.ts";
import { withTables } from "./readme-tables.ts";

const readme = readFileSync(join(packageRoot(), "README.md"), "utf8");

test("the README's tables are what models and policies say", () => {
  expect(withTables(readme), "run `npm run readme`").toBe(readme);
});

test("a table that was edited is made anew, one without a place is named", () => {
  expect(withTables(readme.replace("| quirk | what", "| quark | what"))).toBe(readme);
  expect(() => withTables(readme.replace("<!-- quirks:begin -->", ""))).toThrow("no place for the table of quirks");
});
