import { expect, test } from "vitest";
import { schemaFrom } from "../../src/host/write-models.ts";

test("the schema of an installed package is named from a folder of the project, from no other", () => {
  const root = "/home/me/emulator/node_modules/xsavekit";
  expect(schemaFrom("/home/me/emulator/cpu-models", root)).toBe("../node_modules/xsavekit/cpu-models/schema.json");
  expect(schemaFrom("/home/me/emulator", root)).toBe("node_modules/xsavekit/cpu-models/schema.json");
  expect(schemaFrom("/home/me/emulator-2", root)).toBeNull();
  expect(schemaFrom("/home/me", root)).toBeNull();
  expect(schemaFrom("/home/me/xsavekit/my-models", "/home/me/xsavekit")).toBeNull();
});
