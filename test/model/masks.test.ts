import { expect, test } from "vitest";
import { maskOfBits } from "../../src/isa/feature-mask.ts";
import type { MaskFamily, ModelMask } from "../../src/model/read-masks.ts";
import { masksFor, readMasks } from "../../src/model/read-masks.ts";
import { loadModel, modelFiles, modelText } from "./model-files.ts";

function families(): readonly MaskFamily[] {
  const { families: read, diagnostics } = readMasks(modelText("masks.yaml"), "masks.yaml");
  expect(diagnostics).toEqual([]);
  return read ?? [];
}

function masks(id: string): Map<string, ModelMask> {
  return new Map(masksFor(loadModel(id), families()).map((mask) => [mask.name, mask]));
}

test("perf's rules reach 55 masks, 27 of them without APX", () => {
  const perf = families().find((family) => family.name === "perf");
  const reached = Array.isArray(perf?.masks) ? (perf.masks as bigint[]) : [];
  expect(reached).toHaveLength(55);
  expect(reached.filter((mask) => !((mask >> 19n) & 1n))).toHaveLength(27);
});

test("masks are cut to a model, supervisor bits stay with XSAVES64 only", () => {
  const intel = masks("intel-sapphire-rapids");
  expect(intel.get("x87-sse")?.rfbm).toBe(3n);
  expect(intel.get("avx512")?.rfbm).toBe(0xe7n);
  expect(intel.get("all-user")?.rfbm).toBe(0x602e7n);
  expect(intel.get("all-user-without-tiledata")?.rfbm).toBe(0x202e7n);
  expect(intel.get("linux-task")).toMatchObject({ rfbm: 0x202e7n | maskOfBits([10, 11]), instructions: ["XSAVES64"] });
  expect(intel.get("lbr")).toMatchObject({ rfbm: 0x8000n, instructions: ["XSAVES64"], xinuseClasses: [] });
  expect(intel.get("all")).toMatchObject({ rfbm: 0x602e7n | 0xdd00n, instructions: ["XSAVES64"] });
  expect(intel.get("perf-sse-avx-cet-u")).toMatchObject({ rfbm: 0x806n, instructions: ["XSAVES64"] });
  expect(intel.get("perf-sse-avx")).toMatchObject({ rfbm: 6n, instructions: ["XSAVEC64", "XSAVES64"] });
  expect(masks("amd-zen-4").has("lbr")).toBe(false);
});

test("instructions that a model lacks are dropped", () => {
  expect([...masks("intel-sandy-bridge").values()].map(({ rfbm, instructions }) => [rfbm, instructions])).toEqual([
    [3n, ["XSAVE64", "XSAVEOPT64"]],
    [7n, ["XSAVE64", "XSAVEOPT64"]],
    [6n, ["XSAVE64"]],
  ]);
});

test("XINUSE classes are cut to RFBM, without the empty and the full one", () => {
  expect(masks("amd-zen-5-kvm-guest").get("x87-sse")?.xinuseClasses).toEqual([]);
  expect(masks("amd-zen-5-kvm-guest").get("avx512")?.xinuseClasses).toEqual([3n, 7n]);
});

test("`xinuse: any` leaves a mask to one routine, unless another family wants more for it", () => {
  const intel = masks("intel-sapphire-rapids");
  expect(intel.get("perf-sse-avx-cet-u")).toMatchObject({ rfbm: 0x806n, xinuseClasses: [], anyOnly: true });
  expect(intel.get("perf-sse-avx-opmask")).toMatchObject({ rfbm: 0x26n, xinuseClasses: [], anyOnly: false });
  const text =
    "xinuse: [[x87, SSE]]\nfamilies:\n  - name: a\n    components: [x87, SSE, AVX]\n    instructions: [XSAVE64]\n    xinuse: any\n";
  const read = (yaml: string): ModelMask[] => masksFor(loadModel("amd-zen-4"), readMasks(yaml, "m.yaml").families ?? []);
  expect(read(text)).toMatchObject([{ rfbm: 7n, xinuseClasses: [], anyOnly: true }]);
  const second = "  - name: b\n    components: [x87, SSE, AVX]\n    instructions: [XSAVEC64]\n";
  expect(read(text + second)).toMatchObject([{ name: "a", rfbm: 7n, xinuseClasses: [3n], anyOnly: false }]);
  const wrong = readMasks(text.replace("xinuse: any", "xinuse: all"), "m.yaml");
  expect(wrong.diagnostics.map(({ line, message, remedy }) => `${line} ${message}: ${remedy}`)).toEqual([
    "6 families[0].xinuse is `all`: expected: lists of component names, or any",
  ]);
});

test.each(modelFiles)("%s: names and masks are unique, within the model and not empty", (file) => {
  const model = loadModel(file.replace(".yaml", ""));
  const all = masksFor(model, families());
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(new Set(all.map(({ rfbm }) => rfbm)).size).toBe(all.length);
  for (const { rfbm, instructions } of all) {
    const reach =
      instructions.length === 1 && instructions[0] === "XSAVES64"
        ? model.xcr0Supported | model.xssSupported
        : model.xcr0Supported;
    expect(rfbm).not.toBe(0n);
    expect(rfbm & ~reach).toBe(0n);
  }
});

test("a model's own masks get savers too", () => {
  const model = { ...loadModel("amd-zen-4"), masks: [{ name: "vectors", rfbm: 0x806n }] };
  const own = masksFor(model, []).map(({ name, rfbm, instructions }) => [name, rfbm, instructions]);
  expect(own).toEqual([
    ["vectors-user", 6n, ["XSAVE64", "XSAVEOPT64", "XSAVEC64"]],
    ["vectors", 0x806n, ["XSAVES64"]],
  ]);
});

test("mask files are checked like models", () => {
  const text =
    "xinuse: []\nfamilies:\n  - name: a\n    components: [SSE, AVXX]\n    instructions: [XSAVE]\n  - name: b\n    instructions: []\n";
  const { families: none, diagnostics } = readMasks(text, "m.yaml");
  expect(none).toBeUndefined();
  expect(diagnostics.map(({ rule, line, column }) => `${rule} ${line}:${column}`)).toEqual([
    "unknown-value 4:23",
    "unknown-value 5:20",
  ]);
});
