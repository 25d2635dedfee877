import { afterAll, expect, test } from "vitest";
import { groupsFor, type RequestedMask } from "../../src/generator/saver-spec.ts";
import { type AreaMemory, areasIn, createArena } from "../../src/runtime/arena.ts";
import { Processors } from "../../src/runtime/processors.ts";
import type { SaveFamily } from "../../src/runtime/save-plan.ts";
import { selectSave } from "../../src/runtime/select-save.ts";
import { type NaiveSave, naiveSave } from "../reference/naive-save.ts";
import {
  copyRegisters,
  firstDifference,
  Prng,
  randomCpu,
  randomiseRegisters,
  randomPrefill,
  randomSubset,
  randomXcr0,
} from "../reference/random-processors.ts";
import { SaversFolder } from "./load-savers.ts";
import { setXfd } from "../../src/runtime/set-control-registers.ts";

const folder = new SaversFolder();
afterAll(() => folder.remove());

const full = process.env["XSAVEKIT_FULL"] === "1";
const MODELS = full ? 600 : 100;
const PER_GROUP = full ? 16 : 14;
const FAMILIES: readonly (readonly SaveFamily[])[] = [["XSAVE"], ["XSAVEOPT"], ["XSAVEC", "XSAVES"]];

test(`generated savers of ${MODELS} random CPUs store what the manual's pseudo-code stores`, { timeout: 900_000 }, async () => {
  const counts = { comparisons: 0, models: 0, savers: 0, all: 0, class: 0, any: 0, arena: 0, buffer: 0, noSaver: 0 };
  const BYTES = 32_768;
  const arena = createArena({ bytes: BYTES, largestArea: 18_000 });
  const buffer = areasIn(new ArrayBuffer(BYTES));
  for (let seed = 0; seed < MODELS; seed++) {
    const prng = new Prng(0xace0_0000 + seed);
    const cpu = randomCpu(prng);
    const xcr0 = randomXcr0(prng, cpu);
    const xss = randomSubset(prng, cpu.xssSupported);
    const processors = new Processors(cpu, { count: 2, xcr0, xss });
    const userMask = prng.chance(0.6) ? xcr0 : randomSubset(prng, xcr0);
    const classes = [3n, 7n, randomSubset(prng, xcr0)];
    // Building and compiling takes most of the time: two families of each CPU but in the full run, one where XSAVES has more.
    const families = full
      ? FAMILIES.flat()
      : prng.chance(0.4)
        ? FAMILIES[2]!
        : [...FAMILIES[0]!, ...FAMILIES[1]!].slice(prng.below(2));
    const requested: RequestedMask[] = [{ name: "user", rfbm: userMask, families, xinuseClasses: classes }];
    if (xss !== 0n && cpu.instructions.xsaves) {
      const rfbm = randomSubset(prng, userMask) | xss;
      requested.push({ name: "supervisor", rfbm, families: ["XSAVES"], xinuseClasses: [randomSubset(prng, rfbm)] });
    }
    const groups = groupsFor(cpu, requested);
    const savers = await folder.load(groups);
    counts.models++;
    for (const group of groups) {
      counts.savers += group.forms.length;
      for (const instruction of group.families) {
        if (instruction === "XSAVES" ? !cpu.instructions.xsaves : (group.plan.rfbm & ~xcr0) !== 0n) continue;
        for (const areas of [arena, buffer] as AreaMemory[]) {
          const { rfbm } = group.plan;
          const selected = selectSave(savers, processors, areas, { instruction, mask: rfbm });
          const wantedPath =
            areas === arena || instruction === "XSAVE" || !group.forms.at(-1)!.segments.some((each) => each.kind === "sink")
              ? "generated"
              : "generated-or-general";
          if (selected.path !== wantedPath) throw new Error(`${group.name}: path ${selected.path}, not ${wantedPath}`);
          for (let n = 0; n < PER_GROUP / 2; n++) {
            const processor = prng.below(2);
            const offset = 64 * prng.below(200);
            randomiseRegisters(prng, processors, processor);
            // Every form gets its turn; the rest is random.
            const form = group.forms[n];
            if (form && form.inUse !== "any") {
              setXfd(processors, processor, 0n);
              processors.setXinuse(processor, form.inUse | (randomSubset(prng, cpu.xcr0Supported) & ~rfbm));
            }
            const registers = copyRegisters(processors, processor);
            const save: NaiveSave = {
              instruction,
              operandSize: 64,
              mode64: true,
              rows: cpu.components,
              pkruUpperKept: cpu.quirks.pkruUpperBytes === "kept",
              pointers: cpu.quirks.x87Pointers,
              registers,
              rfbm,
            };
            randomPrefill(prng, areas, offset);
            const wanted = areas.u8.slice(0, BYTES);
            naiveSave(save, wanted.subarray(offset));
            selected.save(processor, offset);
            const difference = firstDifference(areas.u8.subarray(0, BYTES), wanted);
            if (difference !== undefined)
              throw new Error(
                `seed ${seed}, ${group.name} as ${instruction}, processor ${processor}, offset ${offset}: ${difference}`,
              );
            for (const [index, bytes] of registers.extended) {
              const changed = firstDifference(processors.component(processor, index), bytes);
              if (changed !== undefined)
                throw new Error(`seed ${seed}, ${group.name} as ${instruction}: registers of ${index}: ${changed}`);
            }
            counts.comparisons++;
            counts[areas === arena ? "arena" : "buffer"]++;
            const mxcsr = registers.legacy[24]! | (registers.legacy[25]! << 8) | (registers.legacy[26]! << 16);
            const counted = group.plan.mxcsrCounts && mxcsr !== 0x1f80 ? 2n : 0n;
            const used = ((registers.xinuse & ~registers.xfd) | counted) & rfbm;
            const own = group.forms.findIndex((each) => each.inUse === used);
            if (own === -1 && areas === buffer && wantedPath !== "generated") counts.noSaver++;
            else counts[own === -1 ? "any" : own === 0 ? "all" : "class"]++;
          }
        }
      }
    }
  }
  console.log(`generated savers: ${JSON.stringify(counts)}`);
  expect(counts.models).toBe(MODELS);
  expect(counts.comparisons).toBeGreaterThan(full ? 20_000 : 2_500);
  expect(Math.min(counts.all, counts.class, counts.any, counts.noSaver)).toBeGreaterThan(100);
});
