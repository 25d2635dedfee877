/** CPUs, register files and memory that saves and restores are fuzzed with. */

import { loadBundledModels } from "../../src/host/load-models.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import { type AreaMemory, createArena } from "../../src/runtime/arena.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { Processors } from "../../src/runtime/processors.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import { randomCpu, randomiseRegisters } from "../reference/random-processors.ts";

/** One CPU with two processors, of which one must never change, and an arena. */
export interface FuzzBench {
  readonly cpu: ProcessorDescription;
  readonly processors: Processors;
  readonly areas: AreaMemory;
  /** Copy of the register files, to compare with. */
  readonly before: Uint8Array;
  /** Copy of the arena. */
  readonly memory: Uint8Array;
  /** Largest area, standard or compacted. */
  readonly largest: number;
}

/** A bench for every third bundled model and as many random CPUs. */
export function fuzzBenches(prng: Prng): FuzzBench[] {
  const bundled = loadBundledModels().filter((_, i) => i % 3 === 0);
  return [...bundled, ...bundled.map(() => randomCpu(prng))].map((cpu) => {
    const processors = new Processors(cpu, { count: 2 });
    const xcr0 = processors.xcr0(0);
    const largest = Math.max(areaLayout(cpu, xcr0, "standard").size, areaLayout(cpu, xcr0 | processors.xss(0), "compacted").size);
    const areas = createArena({ bytes: 64 + largest + 256, largestArea: largest });
    for (const processor of [0, 1]) randomiseRegisters(prng, processors, processor);
    return { cpu, processors, areas, before: processors.u8.slice(), memory: areas.u8.slice(), largest };
  });
}

/** Throws if two byte arrays differ, naming the first place. */
export function expectSame(what: string, got: Uint8Array, wanted: Uint8Array): void {
  if (Buffer.compare(got, wanted) === 0) return;
  const at = got.findIndex((byte, i) => byte !== wanted[i]);
  throw new Error(`${what} changed: byte ${at} was ${wanted[at]}, is ${got[at]}`);
}

/** All of a mask, or about half, a quarter or three quarters of its bits: cheap, since it is drawn a million times. */
export function subset(prng: Prng, mask: bigint): bigint {
  switch (prng.below(4)) {
    case 0:
      return mask;
    case 1:
      return mask & prng.u64();
    case 2:
      return mask & prng.u64() & prng.u64();
    default:
      return mask & (prng.u64() | prng.u64());
  }
}
