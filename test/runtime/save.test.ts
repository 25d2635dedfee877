import fc from "fast-check";
import { expect, test } from "vitest";
import { areasIn, createArena } from "../../src/runtime/arena.ts";
import { bindGeneralSave } from "../../src/runtime/general-save.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { type SaveFamily, savePlan, type SaveMode } from "../../src/runtime/save-plan.ts";
import { selectSave } from "../../src/runtime/select-save.ts";
import { type NaiveSave, naiveSave } from "../reference/naive-save.ts";
import {
  copyRegisters,
  firstDifference,
  POINTER_RULES,
  Prng,
  randomCpu,
  randomiseRegisters,
  randomPrefill,
  randomSubset,
  randomXcr0,
} from "../reference/random-processors.ts";

const FAMILIES: readonly SaveFamily[] = ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES"];
const MODES: readonly SaveMode[] = [
  { operandSize: 64, mode64: true },
  { operandSize: 32, mode64: true },
  { operandSize: 32, mode64: false },
];

const runs = process.env["XSAVEKIT_FULL"] === "1" ? 1500 : 150;

/** Whatever of the register files the save may change, as the reference changed it. */
function expectRegisters(processors: Processors, processor: number, save: NaiveSave): void {
  for (const [index, bytes] of save.registers.extended) {
    const difference = firstDifference(processors.component(processor, index), bytes);
    if (difference !== undefined) throw new Error(`registers of component ${index}: ${difference}`);
  }
}

test.each(POINTER_RULES)("the general path stores what the manual's pseudo-code stores (x87 pointers %s)", (rule) => {
  let compared = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const prng = new Prng(seed);
      const cpu = randomCpu(prng, rule);
      const processors = new Processors(cpu, {
        count: 2,
        xcr0: randomXcr0(prng, cpu),
        xss: randomSubset(prng, cpu.xssSupported),
      });
      const areas = prng.chance(0.5) ? createArena({ bytes: 36_864, largestArea: 18_000 }) : areasIn(new ArrayBuffer(36_864));
      for (let n = 0; n < 8; n++) {
        const instruction = prng.pick(cpu.instructions.xsaves ? FAMILIES : FAMILIES.slice(0, 3));
        const mode = prng.pick(MODES);
        const processor = prng.below(2);
        const offset = 64 * prng.below(200);
        const mask = prng.chance(0.2) ? prng.u64() : randomSubset(prng, cpu.xcr0Supported | cpu.xssSupported);
        randomiseRegisters(prng, processors, processor);
        randomPrefill(prng, areas, offset);
        const rfbm = mask & (processors.xcr0(processor) | (instruction === "XSAVES" ? processors.xss(processor) : 0n));
        const wanted = areas.u8.slice(0, 36_864);
        const registers = copyRegisters(processors, processor);
        const save: NaiveSave = {
          instruction,
          ...mode,
          rows: cpu.components,
          pkruUpperKept: cpu.quirks.pkruUpperBytes === "kept",
          pointers: rule,
          registers,
          rfbm,
        };
        naiveSave(save, wanted.subarray(offset));
        if (mode.mode64 && mode.operandSize === 64) {
          const selected = selectSave([], processors, areas, { instruction, mask });
          if (selected.path !== "general" || selected.rfbm !== rfbm) throw new Error(`path ${selected.path}`);
          selected.save(processor, offset);
        } else bindGeneralSave(savePlan(cpu, instruction, rfbm, mode), processors, areas)(processor, offset);
        const difference = firstDifference(areas.u8.subarray(0, 36_864), wanted);
        if (difference !== undefined) {
          throw new Error(`${instruction} ${JSON.stringify(mode)} rfbm ${rfbm.toString(16)} at ${offset}: ${difference}`);
        }
        expectRegisters(processors, processor, save);
        compared++;
      }
    }),
    { numRuns: runs, seed: 20260 },
  );
  expect(compared).toBe(runs * 8);
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
  const { save } = selectSave([], processors, areas, { instruction: "XSAVES", mask: (1n << 8n) | (1n << 14n) });
  save(0, 0);
  expect(areas.u8[576]).toBe(0xff);
  expect(trace[0]).toBe(0xfe);
  expect(interrupts[20]).toBe(0xee);
  arm();
  processors.setXinuse(0, 1n << 14n);
  save(0, 0);
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
