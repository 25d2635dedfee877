import { expect, test } from "vitest";
import type { CpuidRegisters } from "../../src/dumps/raw-dump.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { lintLeafD } from "../../src/model/lint-leaf-0d.ts";
import type { DumpedCpu } from "../../src/model/model-from-leaf-0d.ts";
import { sourcesOf } from "../../src/model/figure-sources.ts";
import { modelFromLeafD } from "../../src/model/model-from-leaf-0d.ts";
import { readModel } from "../../src/model/read-model.ts";
import { writeModel } from "../../src/model/write-model.ts";
import { loadModel, modelFiles } from "./model-files.ts";

type Rows = Readonly<Record<number, CpuidRegisters>>;

/** Leaf 0DH as the Zen 5 guest prints it. */
const ZEN_5_GUEST: Rows = {
  0: [0xe7, 0x980, 0x980, 0],
  1: [0xf, 0x9a8, 0x1800, 0],
  2: [0x100, 0x240, 0, 0],
  5: [0x40, 0x340, 0, 0],
  6: [0x200, 0x380, 0, 0],
  7: [0x400, 0x580, 0, 0],
  11: [0x10, 0, 1, 0],
  12: [0x18, 0, 1, 0],
};

function dumped(rows: Rows, rest: Partial<DumpedCpu> = {}): DumpedCpu {
  const leafD = new Map(
    Object.entries(rows).map(([subleaf, registers]) => [Number(subleaf), { registers, line: Number(subleaf) + 100 }]),
  );
  return {
    vendor: "AuthenticAMD",
    family: 0x1a,
    model: 2,
    stepping: 1,
    brand: "AMD EPYC 9B45 64-Core Processor",
    leafD,
    ...rest,
  };
}

const without = (rows: Rows, ...drop: number[]): Rows =>
  Object.fromEntries(Object.entries(rows).filter(([subleaf]) => !drop.includes(Number(subleaf))));
const rules = (rows: Rows, fillFrom?: CpuModel): string[] => {
  const { diagnostics } = modelFromLeafD(dumped(rows), { file: "d.txt", ...(fillFrom ? { fillFrom } : {}) });
  return diagnostics.map(({ rule, severity, line }) => `${severity} ${rule} ${line}`);
};

test("a dump gives the model that the file describes", () => {
  const { model, diagnostics } = modelFromLeafD(dumped(ZEN_5_GUEST, { cpuid80000008Eax: 0x3934 }), {
    file: "d.txt",
    kind: "guest",
  });
  const { components, xcr0Supported, xssSupported, instructions, sizeMax, quirks } = loadModel("amd-zen-5-kvm-guest");
  expect(diagnostics).toEqual([]);
  expect(model).toMatchObject({ components, xcr0Supported, xssSupported, instructions, sizeMax, quirks });
  expect(model).toMatchObject({
    id: "amd-epyc-9b45",
    name: "AMD EPYC 9B45",
    kind: "guest",
    sources: [{ source: "d.txt" }, ...loadModel("amd-zen-5-kvm-guest").sources.filter(({ figures }) => figures !== undefined)],
    signatures: [{ family: 0x1a, model: 2, stepping: 1 }],
  });
});

test.each(modelFiles)("%s as leaf 0DH gives the same model again", (file) => {
  const model = loadModel(file.replace(".yaml", ""));
  const flag = (row: CpuModel["components"][number]): number =>
    (row.supervisor ? 1 : 0) | (row.align64 ? 2 : 0) | (row.xfd ? 4 : 0);
  const words = (mask: bigint): [number, number] => [Number(mask & 0xffffffffn), Number(mask >> 32n)];
  const [low, high] = words(model.xcr0Supported);
  const [xssLow, xssHigh] = words(model.xssSupported);
  const { xsaveopt, xsavec, xgetbv1, xsaves, xfd } = model.instructions;
  const eax = [xsaveopt, xsavec, xgetbv1, xsaves, xfd].reduce((bits, has, at) => bits | (has ? 1 << at : 0), 0);
  const rows: Record<number, CpuidRegisters> = {
    0: [low, 576, model.sizeMax, high],
    1: [eax, xsavec ? 576 : 0, xssLow, xssHigh],
  };
  for (const row of model.components) rows[row.index] = [row.size, row.standardOffset ?? 0, flag(row), 0];
  const cpuid7Ebx = model.quirks.x87Selectors === "zero" ? 0x2000 : 0;
  const width = model.quirks.x87PointerWidth?.slice(0, 2) ?? "0";
  const cpuid80000008Eax = Number(width) << 8;
  const rest = { vendor: model.vendor, family: model.signatures[0]?.family, cpuid7Ebx, cpuid80000008Eax };
  const read = modelFromLeafD(dumped(rows, rest), {
    file: "d",
    id: model.id,
    name: model.name,
    kind: model.kind,
  });
  expect(read.diagnostics).toEqual([]);
  const { vendor, components, xcr0Supported, xssSupported, instructions, sizeMax, quirks } = model;
  expect(read.model).toMatchObject({ vendor, components, xcr0Supported, xssSupported, instructions, sizeMax, quirks });
});

test("a missing row is an error with a remedy, unless a model is named to fill it", () => {
  const rows = without(ZEN_5_GUEST, 7, 12);
  expect(rules(rows)).toEqual(["error row-missing 100", "error row-missing 101"]);
  const zen4 = loadModel("amd-zen-4");
  const { model, diagnostics } = modelFromLeafD(dumped(rows), { file: "d.txt", fillFrom: zen4 });
  expect(diagnostics.map(({ rule, severity }) => `${severity} ${rule}`)).toEqual(["warning row-filled", "warning row-filled"]);
  expect(model?.components).toEqual(loadModel("amd-zen-5-kvm-guest").components);
  expect(model && sourcesOf(model, "Hi16_ZMM")).toEqual(["rows of amd-zen-4"]);
  expect(model && sourcesOf(model, "AVX")).toEqual(["d.txt"]);
  expect(rules(rows, loadModel("intel-tiger-lake"))).toContain("error fill-disagrees 105");
});

test.each<[string, Rows]>([
  ["warning size-now-above-max 100", { ...ZEN_5_GUEST, 0: [0xe7, 0x988, 0x980, 0] }],
  ["warning size-now-below-576 100", { ...ZEN_5_GUEST, 0: [0xe7, 0, 0x980, 0] }],
  ["warning size-compacted-now 101", { ...ZEN_5_GUEST, 1: [0xf, 0x9b0, 0x1800, 0] }],
  ["warning size-compacted-now 101", { ...ZEN_5_GUEST, 1: [0xf, 0, 0x1800, 0] }],
  ["warning size-compacted-without-xsavec 101", { ...without(ZEN_5_GUEST, 11, 12), 1: [1, 0x440, 0, 0] }],
  ["warning supervisor-with-offset 111", { ...ZEN_5_GUEST, 11: [0x10, 0x980, 1, 0] }],
  ["warning reserved-bits 112", { ...ZEN_5_GUEST, 12: [0x18, 0, 9, 0] }],
  ["warning reserved-bits 112", { ...ZEN_5_GUEST, 12: [0x18, 0, 1, 3] }],
  ["warning row-without-bit 108", { ...ZEN_5_GUEST, 8: [0x80, 0, 1, 0] }],
  // VMware: the host's maximum beside a guest's rows.
  ["warning size-max 100", { ...ZEN_5_GUEST, 0: [0xe7, 0x980, 0x988, 0] }],
  ["warning subleaf-1-missing 100", without(ZEN_5_GUEST, 1, 11, 12)],
  ["error no-leaf-0d 0", without(ZEN_5_GUEST, 0)],
  ["error no-leaf-0d 100", { 0: [0, 0, 0, 0] }],
  ["error kind-disagrees 111", { ...ZEN_5_GUEST, 11: [0x10, 0x980, 0, 0] }],
])("%s", (expected, rows) => {
  expect(rules(rows)).toContain(expected);
});

test("a leaf that adds up has no finding", () => {
  expect(lintLeafD(new Map(Object.entries(ZEN_5_GUEST).map(([subleaf, registers]) => [Number(subleaf), registers])))).toEqual([]);
});

test.each([
  ["11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "GenuineIntel", "intel-core-i7-1165g7"],
  ["Intel(R) Xeon(R) Platinum 8480+", "GenuineIntel", "intel-xeon-platinum-8480"],
  ["AMD Ryzen 7 7735HS with Radeon Graphics", "AuthenticAMD", "amd-ryzen-7-7735hs"],
  ["AMD FX(tm)-8150 Eight-Core Processor", "AuthenticAMD", "amd-fx-8150"],
  ["ZHAOXIN KaiXian KX-6640MA@2.2+GHz", "CentaurHauls", "centaur-zhaoxin-kaixian-kx-6640ma"],
  ["", "GenuineIntel", "intel-family-1ah-model-2h"],
  ["*/ ${x} \u2028`{{y}}`../../z", "GenuineIntel", "intel-x-y-z"],
])("brand %j gives an id", (brand, vendor, id) => {
  const { model } = modelFromLeafD(dumped(ZEN_5_GUEST, { brand, vendor }), { file: "d.txt" });
  expect(model?.id).toBe(id);
  const written = readModel(writeModel(model as CpuModel), `${id}.yaml`);
  expect(written.diagnostics).toEqual([]);
});

test("x87 pointer rules by vendor and family", () => {
  const rule = (rest: Partial<DumpedCpu>): unknown =>
    modelFromLeafD(dumped(ZEN_5_GUEST, rest), { file: "d" }).model?.quirks.x87Pointers;
  expect(rule({})).toBe("zero-unless-es");
  expect(rule({ family: 0x15 })).toBe("kept-unless-es");
  expect(rule({ family: 0x15, cpuid80000008Ebx: 4 })).toBe("zero-unless-es");
  expect(rule({ vendor: "HygonGenuine", family: 0x18 })).toBe("zero-unless-es");
  expect(rule({ vendor: "GenuineIntel", family: 6 })).toBe("saved");
  expect(rule({ vendor: undefined, family: undefined })).toBe("saved");
  const selectors = (ebx: number): unknown =>
    modelFromLeafD(dumped(ZEN_5_GUEST, { cpuid7Ebx: ebx }), { file: "d" }).model?.quirks.x87Selectors;
  expect([selectors(0xffff_dfff), selectors(0x2000)]).toEqual([undefined, "zero"]);
});
