import { expect, test } from "vitest";
import { loadBundledModel } from "../../src/host/load-models.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import { compareLayouts } from "../../src/testing/vitest.ts";

const intel = loadBundledModel("intel-ice-lake-server");
const amd = loadBundledModel("amd-zen-4");
const without = { components: intel.components.filter(({ index }) => index !== 9) };

function failure(check: () => void): string {
  try {
    check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("the check passed");
}

test("the message names components, sizes and offsets of both sides", () => {
  expect(failure(() => expect(intel).toHaveLayoutOf(amd, { mask: 0x207n, format: "standard" }))).toBe(
    "intel-ice-lake-server and amd-zen-4 differ in the standard layout of 0x207: 2696 and 2440 bytes\n" +
      "  PKRU (9): 8 bytes at 2688 in intel-ice-lake-server, 8 bytes at 2432 in amd-zen-4",
  );
});

test("a component that one side lacks is absent there", () => {
  expect(failure(() => expect(without).toHaveLayoutOf(intel, { mask: 0x207n }))).toBe(
    "received and intel-ice-lake-server differ in the compacted layout of 0x207: 832 and 840 bytes\n" +
      "  PKRU (9): absent in received, 8 bytes at 832 in intel-ice-lake-server",
  );
});

test("not.toHaveLayoutOf fails with the layout that both have", () => {
  expect(intel).not.toHaveLayoutOf(amd, { mask: 0x207n, format: "standard" });
  expect(failure(() => expect(intel).not.toHaveLayoutOf(amd, { mask: 0x207n }))).toBe(
    "intel-ice-lake-server and amd-zen-4 have the same compacted layout of 0x207: 840 bytes",
  );
});

test("a computed layout keeps its own mask and format", () => {
  const layout = areaLayout(intel, 0x207n, "standard");
  expect(layout).toHaveLayoutOf(intel);
  expect(intel).toHaveLayoutOf(layout);
  expect(compareLayouts(layout, amd)).toMatchObject({
    identical: false,
    format: "standard",
    rfbm: 0x207n,
    sizeA: 2696,
    sizeB: 2440,
  });
  expect(() => compareLayouts(layout, amd, { format: "compacted" })).toThrow('"format" expected standard');
  const xsavec = { format: "xsavec" } as unknown as { format: "compacted" };
  expect(() => expect(intel).toHaveLayoutOf(amd, xsavec)).toThrow('"format" expected standard or compacted, got xsavec');
  expect(() => compareLayouts(layout, amd, { mask: 7n })).toThrow('"mask" expected 0x207');
});

test("what is no layout fails with a message, also under not", () => {
  expect(failure(() => expect(42).toHaveLayoutOf(intel))).toBe("received is no CPU model, no layout and no { components }");
});

test("without a mask everything counts, supervisor components too unless the format is standard", () => {
  expect(compareLayouts(intel, intel).identical).toBe(true);
  expect(compareLayouts(intel, intel, { format: "standard" }).sizeA).toBe(intel.sizeMax);
});
