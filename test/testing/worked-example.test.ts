import { expect, test } from "vitest";
import { loadBundledModel } from "../../src/host/load-models.ts";
import { compareLayouts } from "../../src/testing/vitest.ts";

test("a VM can move between the two without converting its XSAVE state", () => {
  expect(loadBundledModel("amd-zen-4")).toHaveLayoutOf(loadBundledModel("amd-zen-5"), { mask: 0x2e7n, format: "standard" });
});

test("Intel and AMD put PKRU at different places in the standard format", () => {
  const { differences } = compareLayouts(loadBundledModel("intel-ice-lake-server"), loadBundledModel("amd-zen-4"), {
    mask: 0x207n,
    format: "standard",
  });
  expect(differences).toEqual([{ index: 9, name: "PKRU", a: { size: 8, offset: 2688 }, b: { size: 8, offset: 2432 } }]);
});
