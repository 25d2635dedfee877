import { expect, test } from "vitest";
import { maskOfBits } from "../../src/isa/feature-mask.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { LINT_RULES, lintModel } from "../../src/model/lint-model.ts";
import { loadModel } from "./model-files.ts";

const row =
  (index: number, change: Partial<ComponentRow>) =>
  (model: CpuModel): CpuModel => ({
    ...model,
    components: model.components.map((each) => (each.index === index ? { ...each, ...change } : each)),
  });
const without =
  (index: number) =>
  (model: CpuModel): CpuModel => ({
    ...model,
    components: model.components.filter((each) => each.index !== index),
  });
const add =
  (index: number, size: number, standardOffset?: number) =>
  (model: CpuModel): CpuModel => ({
    ...model,
    components: [
      ...model.components,
      { index, size, standardOffset, supervisor: standardOffset === undefined, align64: false, xfd: false },
    ],
  });
const flags =
  (change: Partial<CpuModel["instructions"]>) =>
  (model: CpuModel): CpuModel => ({
    ...model,
    instructions: { ...model.instructions, ...change },
  });
const xcr0 =
  (change: (mask: bigint) => bigint) =>
  (model: CpuModel): CpuModel => ({ ...model, xcr0Supported: change(model.xcr0Supported) });
const xss =
  (change: (mask: bigint) => bigint) =>
  (model: CpuModel): CpuModel => ({ ...model, xssSupported: change(model.xssSupported) });
const bit = (index: number): bigint => maskOfBits([index]);

/** Each rule, and the smallest change to a good model that breaks it (other rules may follow). */
const MUTATIONS: readonly (readonly [rule: string, change: (model: CpuModel) => CpuModel])[] = [
  ["xcr0-base-bits", xcr0((mask) => mask & ~2n)],
  ["mask-bit-63", xss((mask) => mask | bit(63))],
  ["mask-bit-63", (model) => ({ ...model, masks: [{ name: "top", rfbm: bit(63) }] })],
  ["mask-in-both", xss((mask) => mask | bit(9))],
  ["xss-base-bits", xss((mask) => mask | 1n)],
  ["xss-needs-xsaves", flags({ xsaves: false })],
  ["xsaves-implies-xsavec", flags({ xsavec: false })],
  ["avx512-together", xcr0((mask) => mask & ~bit(6))],
  ["avx512-needs-avx", xcr0((mask) => mask & ~bit(2))],
  ["amx-together", xcr0((mask) => mask & ~bit(17))],
  ["mpx-together", xcr0((mask) => mask | bit(3))],
  ["apx-with-mpx", xcr0((mask) => mask | maskOfBits([3, 4, 19]))],
  ["mask-not-supported", (model) => ({ ...model, masks: [{ name: "apx", rfbm: bit(19) }] })],
  ["mask-not-supported", (model) => ({ ...model, masks: [{ name: "none", rfbm: 0n }] })],
  ["row-missing", without(9)],
  ["row-missing", without(15)],
  ["row-without-bit", add(13, 8)],
  ["kind-disagrees", row(11, { supervisor: false, standardOffset: 20000 })],
  ["size-zero", row(9, { size: 0 })],
  ["supervisor-with-offset", row(11, { standardOffset: 2696 })],
  ["user-without-offset", row(9, { standardOffset: undefined })],
  ["offset-in-header", row(2, { standardOffset: 512 })],
  ["components-overlap", row(5, { standardOffset: 1100 })],
  ["components-overlap", row(2, { size: 600 })],
  ["size-max", (model) => ({ ...model, sizeMax: model.sizeMax + 64 })],
  ["xfd-needs-instruction", flags({ xfd: false })],
  ["size-unusual", row(15, { size: 800 })],
  ["flags-unusual", row(9, { align64: true })],
  ["kind-unusual", row(11, { supervisor: false, standardOffset: 20000 })],
  ["figure-without-source", (model) => ({ ...model, sources: [{ source: "a dump", figures: ["sizeMax"] }] })],
  ["source-of-nothing", (model) => ({ ...model, sources: [...model.sources, { source: "a dump", figures: ["HDC"] }] })],
  ["quirk-without-source", (model) => ({ ...model, sources: [{ source: "a dump" }] })],
  ["component-unknown", (model) => add(21, 64, 12000)(xcr0((mask) => mask | bit(21))(model))],
];

test.each(MUTATIONS)("%s is found", (rule, change) => {
  const good = loadModel("intel-sapphire-rapids");
  expect(lintModel(good)).toEqual([]);
  expect(lintModel(change(good)).map((finding) => finding.rule)).toContain(rule);
});

test("every rule has a mutation", () => {
  expect([...new Set(MUTATIONS.map(([rule]) => rule))].toSorted()).toEqual(LINT_RULES.map((rule) => rule.id).toSorted());
});

test("what real CPUs show is no finding: APX on MPX's place, Zen 2's PKRU", () => {
  const apx = loadModel("intel-diamond-rapids");
  const both = xcr0((mask) => mask | maskOfBits([3, 4]))(add(4, 64, 1024)(add(3, 64, 960)(apx)));
  expect(lintModel(both).map(({ rule, severity }) => `${severity} ${rule}`)).toEqual(["warning apx-with-mpx"]);
  expect(lintModel(loadModel("amd-zen-2"))).toEqual([]);
});
