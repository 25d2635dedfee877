import fc from "fast-check";
import { expect, test } from "vitest";

import { areasIn, createArena, Processors, save, selectSave } from "../../src/runtime/index.ts";
import type { ProcessorDescription } from "../../src/runtime/index.ts";
import { type ArbitraryCpu, arbitraryCpu, type ArbitrarySave, arbitrarySave } from "../reference/arbitrary-execution.ts";
import { type NaiveSave, naiveSave, type NaiveTracking } from "../reference/naive-save.ts";
import { copyRegisters, firstDifference, Prng, randomiseRegisters, randomPrefill } from "../reference/random-processors.ts";
import { ModifiedOptimisation } from "../../src/runtime/modified-optimisation.ts";
import { setXfd } from "../../src/runtime/set-control-registers.ts";

const FULL = process.env["XSAVEKIT_FULL"] === "1";
/** Models times saves of each. */
const MODELS = FULL ? 4000 : 250;
const SAVES_PER_MODEL = 6;
const BYTES = 24_576;

const counts = { comparisons: 0, skippedSomething: 0, sideEffects: 0, withXfd: 0 };

/** One save by the library and by the reference, every byte of memory and registers compared. */
function compareSave({ cpu, xcr0, xss }: ArbitraryCpu, each: ArbitrarySave): void {
  const processors = new Processors(cpu, { count: 2, xcr0, xss, modifiedOptimisation: ModifiedOptimisation });
  const areas = each.seed % 2 === 0 ? createArena({ bytes: BYTES, largestArea: 18_000 }) : areasIn(new ArrayBuffer(BYTES));
  const { instruction, mode } = each;
  const prng = new Prng(each.seed);
  const offset = 64 * each.place;
  randomiseRegisters(prng, processors, 1);
  processors.i32[(processors.base(1) + 24) >> 2] = each.mxcsr;
  processors.setXinuse(1, each.xinuse & (cpu.xcr0Supported | cpu.xssSupported));
  setXfd(processors, 1, cpu.components.reduce((xfd, row) => (row.xfd ? xfd | (1n << BigInt(row.index)) : xfd), 0n) & each.xfd);
  randomPrefill(prng, areas, offset);
  const rfbm = each.mask & (xcr0 | (instruction === "XSAVES" ? xss : 0n));
  const compacted = instruction === "XSAVEC" || instruction === "XSAVES";
  const { restored } = each;
  let tracking: NaiveTracking | undefined;
  if (restored !== undefined) {
    const own = compacted ? rfbm | (1n << 63n) : 0n;
    const xcompBv = restored.xcompBv === "own" ? own : restored.xcompBv === "zero" ? 0n : own ^ 4n;
    const cpl = restored.sameLevel ? 0 : 3;
    const address = restored.samePlace ? offset : offset + 64;
    const vmxNonRoot = !restored.sameVmx;
    processors.modifiedOptimisation!.restored(1, restored.rfbm, xcompBv, {
      buffer: areas.buffer,
      offset: address,
      context: { cpl, vmxNonRoot },
    });
    processors.modifiedOptimisation!.wrote(1, restored.wrote);
    const always = cpu.quirks.pkruModified === "always" ? 0x200n : 0n;
    const xmodified = (restored.rfbm ^ 0xffff_ffff_ffff_ffffn) | restored.wrote | always;
    tracking = { xrstorInfo: { cpl, vmxNonRoot, address, xcompBv }, xmodified, cpl: 0, vmxNonRoot: false, address: offset };
  }
  const wanted = areas.u8.slice(0, BYTES);
  const registers = copyRegisters(processors, 1);
  const naive: NaiveSave = {
    instruction,
    ...mode,
    rows: cpu.components,
    pkruUpperKept: cpu.quirks.pkruUpperBytes === "kept",
    selectorsZero: cpu.quirks.x87Selectors === "zero",
    pointers: cpu.quirks.x87Pointers,
    registers,
    rfbm,
    ...(tracking ? { tracking } : {}),
  };
  const untouched = processors.u8.slice(0, processors.blockSize);
  naiveSave(naive, wanted.subarray(offset));
  const selected = selectSave([], processors, areas, { instruction, mask: each.mask });
  if (selected.rfbm !== rfbm || selected.path !== "general") throw new Error(`${selected.path}, RFBM ${selected.rfbm}`);
  if (mode.operandSize === 64 && each.seed % 3 === 0) selected.save(1, offset);
  else expect(save(processors, 1, areas, offset, instruction, each.mask, mode)).toEqual([]);
  const difference = firstDifference(areas.u8.subarray(0, BYTES), wanted);
  if (difference !== undefined) throw new Error(`rfbm ${rfbm.toString(16)} at ${offset}: ${difference}`);
  for (const [index, bytes] of registers.extended) {
    const changed = firstDifference(processors.component(1, index), bytes);
    if (changed !== undefined) throw new Error(`registers of component ${index}: ${changed}`);
  }
  expect(firstDifference(processors.u8.subarray(0, processors.blockSize), untouched)).toBeUndefined();
  counts.comparisons++;
  if (
    processors.modifiedOptimisation!.skipped(1, selected.rfbm === rfbm && compacted ? "compacted" : "standard", rfbm, {
      buffer: areas.buffer,
      offset,
      context: {},
    }) !== 0n
  )
    counts.skippedSomething++;
  if (instruction === "XSAVES" && (rfbm & 0x4100n) !== 0n) counts.sideEffects++;
  if (processors.xfd(1) !== 0n) counts.withXfd++;
}

test(`saves of ${MODELS} arbitrary CPUs are what the manual's pseudo-code stores`, () => {
  fc.assert(
    fc.property(
      arbitraryCpu,
      fc.array(arbitrarySave, { minLength: SAVES_PER_MODEL, maxLength: SAVES_PER_MODEL }),
      (cpu, saves) => {
        for (const each of saves) compareSave(cpu, each);
      },
    ),
    { numRuns: MODELS, seed: 20260 },
  );
  console.log(`saves against the reference: ${JSON.stringify(counts)}`);
  expect(counts.comparisons).toBe(MODELS * SAVES_PER_MODEL);
  expect(Math.min(counts.skippedSomething, counts.sideEffects, counts.withXfd)).toBeGreaterThan(counts.comparisons / 50);
});

const pt = { index: 8, size: 128, standardOffset: undefined, supervisor: true, align64: false, xfd: false };
const supervisorCpu: ProcessorDescription = {
  id: "supervisor",
  xcr0Supported: 3n,
  xssSupported: (1n << 8n) | (1n << 14n) | (1n << 15n),
  instructions: { xsaveopt: true, xsavec: true, xgetbv1: true, xsaves: true, xfd: false },
  components: [pt, { ...pt, index: 14, size: 48 }, { ...pt, index: 15, size: 808 }],
  quirks: { x87Pointers: "saved", mxcsrMask: 0xffff },
};

test("XSAVES clears TraceEn and UINV after it stored them, and only where the component is saved", () => {
  const processors = new Processors(supervisorCpu);
  const areas = createArena({ bytes: 4096, largestArea: 4096 });
  const trace = processors.component(0, 8);
  const interrupts = processors.component(0, 14);
  const arm = (): void => {
    trace[0] = 0xff;
    interrupts.fill(0xee);
  };
  arm();
  processors.setXinuse(0, 1n << 8n); // UINTR initial: not stored, not cleared
  const xsaves = selectSave([], processors, areas, { instruction: "XSAVES", mask: (1n << 8n) | (1n << 14n) });
  xsaves.save(0, 0);
  expect(areas.u8[576]).toBe(0xff);
  expect(trace[0]).toBe(0xfe);
  expect(interrupts[20]).toBe(0xee);
  arm();
  processors.setXinuse(0, 1n << 14n);
  xsaves.save(0, 0);
  expect(areas.u8[576 + 128 + 20]).toBe(0xee);
  expect(trace[0]).toBe(0xff);
  expect([...interrupts.subarray(19, 22)]).toEqual([0xee, 0, 0xee]);
});

test.each([0, 4, 8, 16, 31, 32])("XSAVES stores as many LBR entries as IA32_LBR_DEPTH = %i says", (depth) => {
  const processors = new Processors(supervisorCpu);
  const areas = createArena({ bytes: 4096, largestArea: 4096 });
  const lbr = processors.component(0, 15);
  lbr.fill(0x77);
  lbr.fill(0, 8, 16);
  lbr[8] = depth;
  processors.setXinuse(0, 1n << 15n);
  selectSave([], processors, areas, { instruction: "XSAVES", mask: 1n << 15n }).save(0, 0);
  const end = 576 + 40 + 24 * depth;
  expect(areas.u8.subarray(576, end)).toEqual(lbr.subarray(0, 40 + 24 * depth));
  expect(areas.u8.subarray(end, 2048).every((byte) => byte === 0)).toBe(true);
});
