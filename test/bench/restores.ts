/** Restores with all checks beside this CPU's XRSTOR64: everything in use, and half of RFBM in its initial configuration. */

import { bitsOf } from "../../src/isa/feature-mask.ts";
import { bindGeneralSave, createArena, Processors, type SaveFamily, savePlan, selectRestore } from "../../src/runtime/index.ts";
import { restoresOfMasks } from "../../src/generator/restore-spec.ts";
import { SaverLoader } from "../../src/verify/load-savers.ts";
import { restoresAt } from "./candidates.ts";
import { thisMachine } from "./machine.ts";
import { type Candidate, measure } from "./measure.ts";
import type { SectionResult } from "./sections.ts";

const MASKS = [0x3n, 0x7n, 0x207n, 0xe7n, 0x2e7n];
/** Bytes of an image. */
const SPACE = 4096;
/** Where the restores find their image. */
const PLACE = { processor: 0, offset: SPACE };

/** How much of RFBM the image has in use. */
export const IMAGES = ["all in use", "half in init"] as const;

/** Every other component, the first included. */
function half(rfbm: bigint): bigint {
  return bitsOf(rfbm).reduce((mask, bit, i) => (i % 2 === 0 ? mask | (1n << BigInt(bit)) : mask), 0n);
}

/** Each row: format, mask and image; `restore` ours, bound to one place or to all of the memory, `CPU` the instruction. */
export async function restores(bound: "fixed" | "anywhere"): Promise<SectionResult> {
  const machine = thisMachine();
  const { cpu, native } = machine;
  const families: readonly SaveFamily[] = cpu.instructions.xsavec ? ["XSAVE", "XSAVEC"] : ["XSAVE"];
  const masks = MASKS.filter((mask) => (mask & ~cpu.xcr0Supported) === 0n);
  const requested = masks.map((rfbm) => ({ name: rfbm.toString(16), rfbm, families, xinuseClasses: [] }));
  const routines = await new SaverLoader().loadRestores(cpu, restoresOfMasks(requested));
  const candidates = new Map<string, Candidate>();
  // One register file and one memory or place, as a program has them: each further one would share the texts with it.
  const processors = new Processors(cpu);
  const areas = createArena({ bytes: 1 << 20, largestArea: SPACE });
  for (const family of families) {
    for (const mask of masks) {
      for (const inUse of IMAGES) {
        const name = `${family === "XSAVE" ? "standard" : "compacted"} ${mask.toString(16).toUpperCase()} ${inUse}`;
        for (const { index } of cpu.components) processors.component(0, index).fill(0x40);
        processors.component(0, 0).fill(0x41, 160, 416);
        processors.component(0, 0).fill(0x41, 32, 42);
        processors.setXinuse(0, inUse === "all in use" ? mask : half(mask));
        bindGeneralSave(savePlan(cpu, family, mask), processors, areas)(PLACE.processor, PLACE.offset);
        const image = areas.u8.slice(PLACE.offset, PLACE.offset + SPACE);
        const place = bound === "fixed" ? { place: PLACE } : {};
        const { restore, servedBy } = selectRestore(routines, processors, areas, { instruction: "XRSTOR", mask, ...place });
        if (restore(PLACE.processor, PLACE.offset) !== 0 || servedBy() !== "generated")
          throw new Error(`${name}: no generated restore`);
        const restoresThere = restoresAt(restore, PLACE.processor, PLACE.offset);
        candidates.set(`${name} restore`, (iterations) => {
          areas.u8.set(image, PLACE.offset);
          return restoresThere(iterations);
        });
        if (!native) continue;
        const area = native.alignedBytes(16384);
        area.set(image);
        const state = native.alignedBytes(16384);
        state.set(area.subarray(0, 512));
        candidates.set(`${name} CPU`, (iterations) =>
          native.timeInstruction({ instruction: "XRSTOR64", mask, state, area, iterations }),
        );
      }
    }
  }
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}
