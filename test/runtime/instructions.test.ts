/** Faults of every instruction by name, XSETBV, XGETBV and the MSRs, and XINUSE by value and by write. */

import fc from "fast-check";
import { expect, test } from "vitest";

import {
  createArena,
  Processors,
  restore,
  save,
  writeXfd,
  writeXss,
  xgetbv,
  xinuseByValue,
  xsetbv,
} from "../../src/runtime/index.ts";
import type { ExecutionContext, ProcessorDescription } from "../../src/runtime/index.ts";
import { loadModel } from "../model/model-files.ts";
import { arbitraryCpu } from "../reference/arbitrary-execution.ts";
import { naiveXinuse } from "../reference/naive-xinuse.ts";
import { copyRegisters, Prng, randomiseRegisters } from "../reference/random-processors.ts";
import { ModifiedOptimisation } from "../../src/runtime/modified-optimisation.ts";
import { setXcr0 } from "../../src/runtime/set-control-registers.ts";
import { initialise } from "../../src/runtime/write-registers.ts";

const INSTRUCTIONS = ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES", "XRSTOR", "XRSTORS"] as const;
type Instruction = (typeof INSTRUCTIONS)[number];

/** Runs an instruction on a clean area; vector and rule of every cause. */
function causes(cpu: ProcessorDescription, instruction: Instruction, offset: number, context: ExecutionContext): string[] {
  const processors = new Processors(cpu);
  const areas = createArena({ bytes: 32_768, largestArea: 16_384 });
  // XRSTORS wants a compacted area, XRSTOR takes one of all zeros.
  if (instruction === "XRSTORS") new DataView(areas.buffer).setBigUint64(offset + 520, 1n << 63n, true);
  const before = areas.u8.slice();
  const registersBefore = processors.u8.slice();
  const faults =
    instruction === "XRSTOR" || instruction === "XRSTORS"
      ? restore(processors, 0, areas, offset, instruction, 3n, context)
      : save(processors, 0, areas, offset, instruction, 3n, context);
  if (faults.length > 0) {
    expect(Buffer.compare(before, areas.u8)).toBe(0);
    expect(Buffer.compare(registersBefore, processors.u8)).toBe(0);
  }
  return faults.map(({ vector, rule }) => `${vector} ${rule}`);
}

const sapphire = loadModel("intel-sapphire-rapids");
const supervisorOnly = (instruction: Instruction, fault: string): string[] =>
  instruction === "XSAVES" || instruction === "XRSTORS" ? [fault] : [];

test.each(INSTRUCTIONS)("%s: each cause by itself, and none without one", (instruction) => {
  const of = (context: ExecutionContext, offset = 0): string[] => causes(sapphire, instruction, offset, context);
  expect(of({})).toEqual([]);
  expect(of({ osxsave: false })).toEqual(["6 osxsave-clear"]);
  for (const prefix of ["LOCK", "66", "F2", "F3"] as const) expect(of({ prefix })).toEqual(["6 prefix"]);
  expect(of({ registerOperand: true })).toEqual(["6 register-operand"]);
  expect(of({ taskSwitched: true })).toEqual(["7 task-switched"]);
  for (const cpl of [1, 2, 3] as const) expect(of({ cpl })).toEqual(supervisorOnly(instruction, "13 privilege"));
  expect(of({ vmxNonRoot: true })).toEqual([]);
  expect(of({ vmxNonRoot: true, xsavesEnabled: false })).toEqual(supervisorOnly(instruction, "6 xsaves-not-enabled"));
  for (const offset of [1, 8, 16, 32, 63]) expect(of({}, offset)).toEqual(["13 misaligned"]);
  expect(of({ cpl: 0, alignmentCheck: true }, 4)).toEqual(["13 misaligned"]);
});

test.each(INSTRUCTIONS)("%s: all causes at once, in the order of their priority", (instruction) => {
  const context: ExecutionContext = { osxsave: false, prefix: "LOCK", taskSwitched: true, cpl: 3, alignmentCheck: true };
  expect(causes(sapphire, instruction, 4, context)).toEqual([
    "6 osxsave-clear",
    "6 prefix",
    "7 task-switched",
    ...supervisorOnly(instruction, "13 privilege"),
    "13 misaligned",
    "17 alignment-check",
  ]);
});

test("instructions that a CPU lacks are #UD, by its own leaf 0DH", () => {
  const lacking = (id: string): string[] =>
    INSTRUCTIONS.filter((instruction) => causes(loadModel(id), instruction, 0, {})[0] === "6 no-instruction");
  expect(lacking("intel-penryn")).toEqual(["XSAVEOPT", "XSAVEC", "XSAVES", "XRSTORS"]);
  expect(lacking("intel-haswell")).toEqual(["XSAVEC", "XSAVES", "XRSTORS"]);
  expect(lacking("intel-sapphire-rapids")).toEqual([]);
});

test("a save needs all bytes up to its highest component, also where that is initial", () => {
  const processors = new Processors(sapphire);
  const areas = createArena({ bytes: 4096, largestArea: 16_384 });
  expect(save(processors, 0, areas, 0, "XSAVEC", 0x60002n)).toMatchObject([{ vector: 14, rule: "out-of-range" }]);
  expect(save(processors, 0, areas, 4096 - 576, "XSAVEC", 3n)).toEqual([]);
  for (const offset of [-64, 4096, Number.NaN, 0.5, 2 ** 40])
    expect(save(processors, 0, areas, offset, "XSAVE", 3n).some(({ vector }) => vector === 14)).toBe(true);
});

test.each([
  [0n, ["x87-bit-clear"]],
  [1n, []],
  [2n, ["x87-bit-clear"]],
  [3n, []],
  [5n, ["avx-without-sse"]],
  [0x23n, ["avx512-parts"]],
  [0xe3n, ["avx512-parts"]],
  [0xe5n, ["avx-without-sse", "avx512-parts"]],
  [0xe7n, []],
  [0x203n, []],
  [0x2_0003n, ["amx-halves"]],
  [0x4_0003n, ["amx-halves"]],
  [0x6_0003n, []],
  [0xbn, ["unsupported-bits", "mpx-halves"]],
  [1n << 63n, ["x87-bit-clear", "unsupported-bits"]],
  [0x103n, ["unsupported-bits"]],
] as const)("XSETBV of %s on Sapphire Rapids", (value, rules) => {
  const processors = new Processors(sapphire, { xcr0: 7n });
  const faults = xsetbv(processors, 0, 0, value);
  expect(faults.map(({ rule }) => rule)).toEqual(rules);
  expect(faults.every(({ vector, value: bits }) => vector === 13 && bits !== 0n)).toBe(true);
  expect(processors.xcr0(0)).toBe(rules.length === 0 ? value : 7n);
});

test("XSETBV: MPX without AVX is legal, one half of MPX and APX over MPX are not", () => {
  const rules = (cpu: ProcessorDescription, value: bigint): string[] =>
    xsetbv(new Processors(cpu), 0, 0, value).map(({ rule }) => rule);
  expect(rules(loadModel("intel-kaby-lake-pentium"), 0x1bn)).toEqual([]);
  expect(rules(loadModel("intel-kaby-lake-pentium"), 0xbn)).toEqual(["mpx-halves"]);
  const both = { ...sapphire, xcr0Supported: 0xe02ffn | 0x18n };
  expect(rules({ ...both, components: sapphire.components }, 0x8_001bn)).toEqual(["apx-over-mpx"]);
});

test("XSETBV, XGETBV, IA32_XSS and IA32_XFD: setting and register", () => {
  const processors = new Processors(sapphire, { xcr0: 0x2e7n });
  const rules = (faults: readonly { readonly vector: number; readonly rule: string }[]): string[] =>
    faults.map(({ vector, rule }) => `${vector} ${rule}`);
  expect(rules(xsetbv(processors, 0, 0, 3n, { cpl: 3 }))).toEqual(["13 privilege"]);
  expect(rules(xsetbv(processors, 0, 1, 3n))).toEqual(["13 no-such-xcr"]);
  expect(rules(xsetbv(processors, 0, 0, 0n, { osxsave: false, cpl: 1 }))).toEqual([
    "6 osxsave-clear",
    "13 privilege",
    "13 x87-bit-clear",
  ]);
  expect(processors.xcr0(0)).toBe(0x2e7n);
  expect(xgetbv(processors, 0, 0, { cpl: 3, taskSwitched: true })).toEqual({ value: 0x2e7n, faults: [] });
  expect(rules(xgetbv(processors, 0, 2).faults)).toEqual(["13 no-such-xcr"]);
  expect(rules(xgetbv(processors, 0, 0, { prefix: "LOCK" }).faults)).toEqual(["6 prefix"]);
  expect(rules(xgetbv(new Processors(loadModel("intel-haswell")), 0, 1).faults)).toEqual(["13 no-such-xcr"]);
  expect(rules(writeXss(processors, 0, 0x3n))).toEqual(["13 unsupported-bits"]);
  expect(rules(writeXss(processors, 0, 0x1800n, { cpl: 2 }))).toEqual(["13 privilege"]);
  expect(writeXss(processors, 0, 0x1800n)).toEqual([]);
  expect(processors.xss(0)).toBe(0x1800n);
  expect(rules(writeXss(new Processors(loadModel("intel-haswell")), 0, 1n << 11n))).toEqual([
    "13 no-register",
    "13 unsupported-bits",
  ]);
  expect(writeXfd(processors, 0, 1n << 18n)).toEqual([]);
  expect(rules(writeXfd(processors, 0, 1n << 17n))).toEqual(["13 unsupported-bits"]);
  expect(processors.xfd(0)).toBe(1n << 18n);
});

test("XGETBV(1) is XCR0 & XINUSE, and says SSE where MXCSR is not 1F80H", () => {
  const processors = new Processors(sapphire, { xcr0: 7n });
  expect(xgetbv(processors, 0, 1).value).toBe(0n);
  processors.setXinuse(0, (1n << 11n) | 0x24n);
  expect(xgetbv(processors, 0, 1).value).toBe(4n);
  new DataView(processors.u8.buffer).setUint32(24, 0x1fa0, true);
  expect(xgetbv(processors, 0, 1).value).toBe(6n);
  setXcr0(processors, 0, 1n);
  expect(xgetbv(processors, 0, 1).value).toBe(0n);
});

test("XINUSE by value is the reference's, with every departure and in both modes", () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      arbitraryCpu,
      fc.integer(),
      fc.boolean(),
      fc.array(fc.nat(100_000), { maxLength: 6 }),
      ({ cpu, xcr0, xss }, seed, mode64, poked) => {
        const processors = new Processors(cpu, { xcr0, xss });
        const prng = new Prng(seed);
        // Everything random, everything initial, or initial but for a few bytes.
        if (seed % 3 === 0) randomiseRegisters(prng, processors, 0);
        else
          for (const at of poked) {
            const components = [0, 1, ...cpu.components.map((row) => row.index)];
            const bytes = processors.component(0, components[at % components.length]!);
            const byte = at % Math.min(bytes.length, 416);
            if (byte < 28 || byte >= 32) bytes[byte] = 0x5a;
          }
        const { xinuseOfPointers, xinuseOutside64, xinuseOfMxcsr } = cpu.quirks;
        const wanted = naiveXinuse(copyRegisters(processors, 0), {
          mode64,
          pointersIgnored: xinuseOfPointers !== undefined,
          hiddenCount: xinuseOutside64 !== undefined,
          mxcsrCounts: xinuseOfMxcsr !== undefined,
        });
        expect(xinuseByValue(processors, 0, { mode64 })).toBe(wanted);
        seen.add(wanted === 0n);
      },
    ),
    { numRuns: 300, seed: 77 },
  );
  expect([...seen].toSorted()).toEqual([false, true]);
});

test("XINUSE by write: what was written is in use and modified until it is restored or initialised", () => {
  const processors = new Processors(sapphire, { modifiedOptimisation: ModifiedOptimisation });
  const areas = createArena({ bytes: 32_768, largestArea: 16_384 });
  const tracking = processors.modifiedOptimisation!;
  expect(save(processors, 0, areas, 0, "XSAVE", 7n)).toEqual([]);
  expect(restore(processors, 0, areas, 0, "XRSTOR", 7n)).toEqual([]);
  expect(tracking.xmodified(0)).toBe(0xffff_ffff_ffff_fff8n);
  processors.component(0, 2).fill(0x77);
  processors.wrote(0, 4n);
  expect(processors.xinuse(0)).toBe(4n);
  expect(tracking.xmodified(0)).toBe(0xffff_ffff_ffff_fffcn);
  areas.u8.fill(0xa5, 0, 512);
  areas.u8.fill(0xa5, 576, 1024);
  expect(save(processors, 0, areas, 0, "XSAVEOPT", 7n)).toEqual([]);
  expect(areas.u8[576]).toBe(0x77);
  initialise(processors, 0, 4n);
  expect(processors.xinuse(0)).toBe(0n);
});
