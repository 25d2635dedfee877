/** What generated restores are made of: their data, and what they are bound to. */

import type { MaskPair } from "../isa/feature-mask.ts";
import type { AreaPlaces } from "./area-places.ts";
import type { AreaMemory } from "./arena.ts";
import type { BoundSave } from "./generated-v1.ts";
import type { loadX87Control } from "./load-x87.ts";
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
  readonly revision: 4;
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
  if ((routine.revision as number) !== 4) {
    throw new Error(
      `${routine.name} was generated for seam revision ${routine.revision as number}, this runtime has 4: run "xsavekit generate" again`,
    );
  }
  return routine;
}

/** Puts a region into a processor's block; shared by all restores. */
export interface RegionLoad {
  /** The same function under several names, as in `RegionCopy`. */
  readonly texts: readonly ((registers: RestoreRegisters, areas: AreaMemory) => BoundSave)[];
}

/** Makes a region's load. */
export function regionLoad(load: RegionLoad): RegionLoad {
  return load;
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
  /** Bytes of a block; `processor & blockMask` is the number of a block, see `RegisterViews`. */
  readonly blockSize: number;
  readonly blockMask: number;
  /** Byte offset of the initial configuration. */
  readonly initialBase: number;
  /** Loads x87 alone. */
  x87(areas: AreaMemory): BoundSave;
  /** What the control part of x87 is loaded by, and with. */
  readonly loadX87Control: typeof loadX87Control;
  readonly unusedPointerBits: number;
  readonly pointersKeptUnlessEs: boolean;
  /** A region's load. Restores that ask for the same get the same function. */
  load(region: RegionLoad, areas: AreaMemory): BoundSave;
  /** Views of the initial configuration. */
  initial(runs: readonly Run[]): readonly Uint8Array[];
  /** Views of areas. */
  places(areas: AreaMemory, runs: readonly Run[]): AreaPlaces;
}
