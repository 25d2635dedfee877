import { expect, test } from "vitest";
import { loadBundledModel } from "../../src/host/load-models.ts";

test("a bundled model by a name that none has: the nearest one is named, and no file outside is looked for", () => {
  expect(loadBundledModel("amd-zen-5").id).toBe("amd-zen-5");
  expect(() => loadBundledModel("amd-zen5")).toThrow(/^no model `amd-zen5`: did you mean amd-zen-5\?/);
  for (const id of ["../package", "masks", "", "a\u2028b", undefined as unknown as string])
    expect(() => loadBundledModel(id)).toThrow(/^no model `.*`: .*`xsavekit models` lists/);
});
