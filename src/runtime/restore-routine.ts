/** What generated restores are made of: their data, the views they are bound to, and views of areas by place. */

import type { MaskPair } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { bindInitialX87, bindLoadX87, type LoadX87 } from "./load-x87.ts";
import type { Processors } from "./processors.ts";
import type { RestoreFamily } from "./restore-checks.ts";

/**
 * Restores processor `processor` from the area at byte `offset`. Returns 0 when the registers were loaded, the vector
 * of the exception when nothing was changed; a generated routine returns -1 for what it leaves to the general path.
 */
export type BoundRestore = (processor: number, offset: number) => number;

/** Byte offset, in an area or a processor's block, and length. */
export type Run = readonly [offset: number, length: number];

/** A component's run: component, byte offset in the register file, byte offset in the area (-1: not laid out), length. */
export type RestoreTuple = readonly [component: number, registers: number, area: number, length: number];

/** One restore: for one RFBM over areas with one XCOMP_BV. */
export interface RestoreRoutine {
  /** Seam revision that the generator wrote for. */
  readonly revision: 2;
  readonly name: string;
  readonly families: readonly RestoreFamily[];
  readonly rfbm: MaskPair;
  readonly xcompBv: MaskPair;
  /** End of the area in bytes. */
  readonly size: number;
  /** What it loads or sets to initial values, by component. */
  readonly pieces: readonly RestoreTuple[];
  readonly bind: (registers: RestoreRegisters, areas: AreaMemory) => BoundRestore;
}

/** Makes a restore; refuses, by name, output of a generator that this runtime does not understand. */
export function restoreRoutine(routine: RestoreRoutine): RestoreRoutine {
  if ((routine.revision as number) !== 2) {
    throw new Error(
      `${routine.name} was generated for seam revision ${routine.revision as number}, this runtime has 2: run "xsavekit generate" again`,
    );
  }
  return routine;
}

/** Views of register files as generated restores want them. */
export interface RestoreRegisters {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly b64: BigUint64Array;
  /** MXCSR_MASK of the CPU. */
  readonly mxcsrMask: number;
  /** Byte offset of a processor's block; throws RangeError for a processor that does not exist. */
  base(processor: number): number;
  /** Loads x87 from an area. */
  x87(areas: AreaMemory): LoadX87;
  /** Puts x87 of the block at a byte offset into its initial configuration. */
  initialX87(): (base: number) => void;
  /** Views of the initial configuration. */
  initial(runs: readonly Run[]): readonly Uint8Array[];
  /** Views of areas. */
  places(areas: AreaMemory, runs: readonly Run[]): AreaPlaces;
}

/** Views of register files for restores. */
export function restoreRegisters(processors: Processors): RestoreRegisters {
  const { u8, i32, b64, count, blockSize } = processors;
  return {
    u8,
    i32,
    b64,
    mxcsrMask: processors.cpu.quirks.mxcsrMask,
    base(processor: number): number {
      if (processor >>> 0 >= count || processor >>> 0 !== processor)
        throw new RangeError(`"processor" expected 0..${count - 1}, got ${processor}`);
      return processor * blockSize;
    },
    x87: (areas) => bindLoadX87(processors, areas, 64),
    initialX87: () => bindInitialX87(processors),
    initial: (runs) => {
      const start = count * blockSize;
      return runs.map(([offset, length]) => u8.subarray(start + offset, start + offset + length));
    },
    places: (areas, runs) => new AreaPlaces(areas, runs),
  };
}

/** Areas start at multiples of 64; one page of the table covers 512 of these. */
const PAGE_BITS = 9;
const PAGE = 1 << PAGE_BITS;

/**
 * Views of the same runs in areas at any place. `set` wants its source as a view, and making one costs 22 ns and
 * garbage (measured, Node 20): so a place's views are made when it is first restored from, and kept.
 */
export class AreaPlaces {
  readonly #areas: AreaMemory;
  readonly #runs: readonly Run[];
  readonly #pages: (readonly Uint8Array[] | undefined)[][];

  constructor(areas: AreaMemory, runs: readonly Run[]) {
    this.#areas = areas;
    this.#runs = runs;
    this.#pages = Array.from({ length: (areas.end >>> (PAGE_BITS + 6)) + 1 }, () => []);
  }

  /** The views of the area at `offset`, in the order of the runs. The place must be one that the memory accepts. */
  at(offset: number): readonly Uint8Array[] {
    const page = this.#pages[offset >>> (PAGE_BITS + 6)]!;
    const views = page.length === 0 ? undefined : page[(offset >>> 6) & (PAGE - 1)];
    return views === undefined ? this.#make(offset, page) : views;
  }

  #make(offset: number, page: (readonly Uint8Array[] | undefined)[]): readonly Uint8Array[] {
    if (page.length === 0) for (let i = 0; i < PAGE; i++) page.push(undefined);
    const { u8 } = this.#areas;
    const views = this.#runs.map(([start, length]) => u8.subarray(offset + start, offset + start + length));
    page[(offset >>> 6) & (PAGE - 1)] = views;
    return views;
  }
}
