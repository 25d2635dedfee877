/** XRSTOR and XRSTORS: round trips, bindings, and refusals that change nothing. */

import { expect, test } from "vitest";

import { generatedRegistry, generatedRestores } from "../../src/host/load-generated.ts";
import { loadBundledModels } from "../../src/host/load-models.ts";
import { bitsOf, maskOf } from "../../src/isa/feature-mask.ts";
import {
  areasIn,
  bindGeneralSave,
  createArena,
  Processors,
  restore,
  savePlan,
  selectRestore,
  selectSave,
  StaleBindingError,
} from "../../src/runtime/index.ts";
import type { ProcessorDescription } from "../../src/runtime/index.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { makeLegal } from "../reference/legal-supervisor.ts";
import { setXcr0 } from "../../src/runtime/set-control-registers.ts";
import { initialise, loadLegacy } from "../../src/runtime/write-registers.ts";
import { heapGrowth } from "./heap-growth.ts";

/** A processor of a model with everything random and in use. */
function randomProcessors(cpu: ProcessorDescription, random: Prng): Processors {
  const processors = new Processors(cpu);
  const legacy = new Uint8Array(512);
  random.fill(legacy);
  const view = new DataView(legacy.buffer);
  view.setUint16(0, 0x037f, true);
  view.setUint16(2, view.getUint16(2, true) & 0x7f00, true); // no exception flags, so neither ES nor B
  view.setUint16(6, 0, true);
  legacy.fill(0, 8, 24); // pointers are not saved on AMD
  view.setUint32(24, 0x1fa0, true);
  view.setUint32(28, cpu.quirks.mxcsrMask, true);
  loadLegacy(processors, 0, legacy);
  for (const index of bitsOf(processors.xcr0(0) | processors.xss(0))) {
    if (index < 2) continue;
    const registers = processors.component(0, index);
    random.fill(registers);
    makeLegal(index, registers);
    if (index === 9) registers.fill(0, 4);
    if (index === 15) registers[8] = 32; // LBR_DEPTH
  }
  processors.setXinuse(0, processors.xcr0(0) | processors.xss(0));
  return processors;
}

const registry = await generatedRegistry();
const restoreRegistry = await generatedRestores();
const FAMILIES = ["XSAVE", "XSAVEC", "XSAVES"] as const;

test.each(loadBundledModels().map((cpu) => [cpu.id, cpu] as const))(
  "%s: save then restore is the identity on state, restore then save on images, by both paths",
  async (_, cpu) => {
    const random = new Prng(7);
    const { savers } = await registry[cpu.id]!();
    const { restores } = await restoreRegistry[cpu.id]!();
    let generated = 0;
    for (const family of FAMILIES) {
      if (family !== "XSAVE" && !cpu.instructions[family === "XSAVEC" ? "xsavec" : "xsaves"]) continue;
      const instruction = family === "XSAVES" ? "XRSTORS" : "XRSTOR";
      const managed = new Processors(cpu).xcr0(0) | (family === "XSAVES" ? cpu.xssSupported : 0n);
      // Everything, and what has a restore of its own: one with all in use, one with some in init.
      const own = restores.filter(
        ({ families, xcompBv }) => families.includes(instruction) && (xcompBv[1] !== 0) === (family !== "XSAVE"),
      );
      const masks = [managed, ...own.slice(0, 5).map(({ rfbm: [low, high] }) => maskOf(low, high) & managed)];
      for (const [n, mask] of masks.entries()) {
        const processors = randomProcessors(cpu, random);
        const all = processors.xcr0(0) | processors.xss(0);
        processors.setXinuse(0, n % 2 === 0 ? all : all & random.u64());
        // What is not in use is initial; MXCSR too, or compacted saves would take SSE for used.
        initialise(processors, 0, all & ~processors.xinuse(0));
        if ((processors.xinuse(0) & 2n) === 0n) processors.i32[6] = 0x1f80;
        const arena = createArena({ bytes: 65536, largestArea: 32768 });
        const save = selectSave(savers, processors, arena, { instruction: family, mask });
        save.save(0, 0);
        const before = processors.u8.slice(0, processors.blockSize);
        for (const path of ["generated", "general"] as const) {
          initialise(processors, 0, mask);
          if (path === "general") expect(restore(processors, 0, arena, 0, instruction, mask)).toEqual([]);
          else {
            const selected = selectRestore(restores, processors, arena, { instruction, mask });
            expect(selected.restore(0, 0)).toBe(0);
            if (selected.servedBy() === "generated") generated++;
          }
          expect(
            Buffer.compare(before, processors.u8.slice(0, processors.blockSize)),
            `${family} ${mask.toString(16)} ${path}`,
          ).toBe(0);
          arena.u8.fill(0, 32768, 65536);
          save.save(0, 32768);
          const first = arena.u8.slice(0, save.size);
          expect(
            Buffer.compare(first, arena.u8.slice(32768, 32768 + save.size)),
            `${family} ${mask.toString(16)} ${path} image`,
          ).toBe(0);
        }
      }
    }
    expect(generated).toBeGreaterThan(0);
  },
);

test("a bound restore: status and causes, which path served, and what no longer fits", async () => {
  const { cpu, restores } = await restoreRegistry["intel-tiger-lake"]!();
  const processors = randomProcessors(cpu, new Prng(5));
  const arena = createArena({ bytes: 16384, largestArea: 4096 });
  const selected = selectRestore(restores, processors, arena, { instruction: "XRSTOR", mask: 0xe7n });
  expect(selected).toMatchObject({ rfbm: 0xe7n, path: "generated-or-general" });
  expect(selected.routines).toEqual(["xrstor_standard_rfbm_e7", "xrstor_compacted_rfbm_e7"]);
  expect(selected.servedBy()).toBe("none");
  bindGeneralSave(savePlan(cpu, "XSAVE", 0xe7n), processors, arena)(0, 0);
  expect([selected.restore(0, 0), selected.servedBy(), selected.faults(0, 0)]).toEqual([0, "generated", []]);
  // A layout of another mask is the general path's.
  bindGeneralSave(savePlan(cpu, "XSAVEC", 7n), processors, arena)(0, 4096);
  expect([selected.restore(0, 4096), selected.servedBy()]).toEqual([0, "general"]);
  // A refused one as well, and the causes are told on demand.
  arena.u8[528] = 1;
  expect([selected.restore(0, 0), selected.servedBy()]).toEqual([13, "general"]);
  expect(selected.faults(0, 0)).toMatchObject([{ rule: "header-reserved", offset: 528, value: 1n }]);
  expect([selected.restore(0, 16), selected.restore(0, 1 << 20), selected.restore(0, Number.NaN)]).toEqual([13, 14, 14]);
  expect(() => selected.restore(1, 0)).toThrow(RangeError);
  expect(selectRestore(restores, processors, arena, { instruction: "XRSTOR", mask: 0x21n })).toMatchObject({ path: "general" });
  setXcr0(processors, 0, 7n);
  expect(() => selected.restore(0, 0)).toThrow(StaleBindingError);
  // Another CPU's offsets are not taken, though mask and size are the same.
  const other = (await restoreRegistry["amd-zen-4"]!()).restores;
  const back = new Processors(cpu);
  expect(selectRestore(other, back, arena, { instruction: "XRSTOR", mask: 0xe7n }).routines).toEqual([
    "xrstor_compacted_rfbm_e7",
  ]);
});

test("a restore bound to one place loads what the same restore loads anywhere, and refuses every other place", async () => {
  const { cpu, restores } = await restoreRegistry["intel-tiger-lake"]!();
  for (const arena of [createArena({ bytes: 16384, largestArea: 4096 }), areasIn(new ArrayBuffer(16384))]) {
    const from = randomProcessors(cpu, new Prng(9));
    for (const xinuse of [0xe7n, 0xa5n, 0x42n, 0n]) {
      from.setXinuse(0, xinuse);
      bindGeneralSave(savePlan(cpu, "XSAVEC", 0xe7n), from, arena)(0, 4096);
      const request = { instruction: "XRSTOR", mask: 0xe7n } as const;
      const [anywhere, placed] = [undefined, { processor: 2, offset: 4096 }].map((place) => {
        const processors = new Processors(cpu, { count: 3 });
        processors.u8.subarray(0, 3 * processors.blockSize).forEach((_, at, all) => {
          if (at % processors.blockSize < 512 || at % processors.blockSize >= 576) all[at] = 0xa5;
        });
        return { processors, ...selectRestore(restores, processors, arena, { ...request, ...(place && { place }) }) };
      });
      for (const { restore, servedBy } of [anywhere!, placed!]) expect([restore(2, 4096), servedBy()]).toEqual([0, "generated"]);
      expect(placed!.processors.u8).toEqual(anywhere!.processors.u8);
      for (const [processor, offset] of [
        [0, 4096],
        [3, 4096],
        [2, 0],
        [2, 4160],
        [2, 4096.5],
      ] as const)
        expect(() => placed!.restore(processor, offset), `${processor}, ${offset}`).toThrow(
          /bound for|outside \[4096|"processor" expected/,
        );
      expect(placed!.processors.u8).toEqual(anywhere!.processors.u8);
      arena.u8[4096 + 24] = 0xff;
      arena.u8[4096 + 26] = 0xff;
      // MXCSR is not 1F80H, so XSAVEC took SSE for used.
      expect([placed!.restore(2, 4096), placed!.servedBy()]).toEqual([13, "general"]);
    }
    const at = (place: { processor: number; offset: number }) => () =>
      selectRestore(restores, from, arena, { instruction: "XRSTOR", mask: 0xe7n, place });
    expect(at({ processor: 1, offset: 0 })).toThrow(RangeError);
    expect(at({ processor: 0, offset: 32 })).toThrow(/multiple of 64/);
    expect(at({ processor: 0, offset: 16384 })).toThrow(/outside/);
  }
});

test("restores of known places allocate nothing", async () => {
  const { cpu, restores } = await restoreRegistry["intel-tiger-lake"]!();
  const processors = randomProcessors(cpu, new Prng(5));
  const arena = createArena({ bytes: 65536, largestArea: 4096 });
  for (const [mask, inUse] of [
    [0xe7n, ~0n],
    [0xe7n, 0x23n],
  ] as const) {
    const all = processors.xcr0(0);
    processors.setXinuse(0, all & inUse);
    for (let slot = 0; slot < 16; slot++) bindGeneralSave(savePlan(cpu, "XSAVEC", mask), processors, arena)(0, slot * 4096);
    const { restore: run, servedBy } = selectRestore(restores, processors, arena, { instruction: "XRSTOR", mask });
    let status = 0;
    const grown = await heapGrowth(200_000, 10_000, (i) => void (status |= run(0, (i & 15) << 12)));
    expect([status, servedBy()]).toEqual([0, "generated"]);
    // A byte per restore would be 200,000; a collection in between would make it less than nothing.
    expect(Math.abs(grown)).toBeLessThan(10_000);
  }
});

test("all causes are named at once, with offset and value, and nothing changes", () => {
  const [cpu] = loadBundledModels().filter((each) => each.id === "intel-tiger-lake");
  if (!cpu) throw new Error("intel-tiger-lake is missing");
  const processors = randomProcessors(cpu, new Prng(9));
  const arena = createArena({ bytes: 8192, largestArea: 576 });
  const view = new DataView(arena.buffer);
  view.setUint32(24, 0xffff_0000, true);
  view.setBigUint64(512, 1n << 40n, true);
  view.setBigUint64(520, 1n, true);
  view.setBigUint64(528, 5n, true);
  const before = processors.u8.slice();
  const faults = restore(processors, 0, arena, 0, "XRSTOR", 0x7n);
  expect(faults.map(({ vector, rule, offset }) => [vector, rule, offset])).toEqual([
    [13, "xcomp-bv-standard", 520],
    [13, "xstate-bv-bits", 512],
    [13, "header-reserved", 528],
    [13, "mxcsr-reserved", 24],
  ]);
  expect(Buffer.compare(before, processors.u8)).toBe(0);
});

test("random areas never throw, and what is refused changes nothing", () => {
  const random = new Prng(11);
  let refused = 0;
  let restored = 0;
  for (const cpu of loadBundledModels().filter((_, i) => i % 8 === 0)) {
    const processors = randomProcessors(cpu, random);
    const arena = createArena({ bytes: 16384, largestArea: 576 });
    for (let i = 0; i < 200; i++) {
      random.fill(arena.u8.subarray(0, 600));
      const view = new DataView(arena.buffer);
      view.setUint32(24, 0x1f80, true);
      arena.u8.fill(0, 528, 576);
      if (random.chance(0.7)) view.setBigUint64(512, random.u64() & processors.xcr0(0), true);
      if (random.chance(0.5)) view.setBigUint64(520, 0n, true);
      else if (random.chance(0.7)) view.setBigUint64(520, processors.xcr0(0) | (1n << 63n), true);
      const before = processors.u8.slice();
      const faults = restore(
        processors,
        0,
        arena,
        random.pick([0, 0, 64, 1, 16320, 1 << 20, Number.NaN, 0.5, 1.5, -64]),
        "XRSTOR",
        random.u64(),
      );
      if (faults.length === 0) restored++;
      else {
        refused++;
        expect(Buffer.compare(before, processors.u8)).toBe(0);
      }
    }
  }
  console.log(`random areas: ${restored} restored, ${refused} refused`);
  expect(Math.min(restored, refused)).toBeGreaterThan(100);
});
