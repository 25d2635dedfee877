/** Connects the gate to the savers: XSAVES64 and XRSTORS64 by selection over a generated model's savers and restores. */

import { maskOf } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { BoundByMask } from "./bound-by-mask.ts";
import type { BoundSave, SaverGroup } from "./generated-v1.ts";
import type { Processors } from "./processors.ts";
import type { RestoreRoutine } from "./restore-routine.ts";
import { type SelectedRestore, selectRestore } from "./select-restore.ts";
import { type SelectedSave, selectSave } from "./select-save.ts";
import type { XsavesPath } from "./xsaves-path.ts";

const GENERAL_PROTECTION = 13;
const INVALID_OPCODE = 6;

/** Slots of the table of masks that were used last; a power of two. */
const SLOTS = 64;

/** A mask with the save that serves it. */
interface BoundMask {
  readonly low: number;
  readonly high: number;
  readonly size: number;
  readonly save: BoundSave;
}

/** The gate's path over one set of processors and one memory. */
export class SaverPath implements XsavesPath {
  // `declare` and not `#`: see NmiGate.
  declare private readonly savers: readonly SaverGroup[];
  declare private readonly processors: Processors;
  declare private readonly areas: AreaMemory;
  declare private readonly hasXsaves: boolean;
  declare private readonly bound: Map<bigint, SelectedSave>;
  /** Direct-mapped by the mask's bits: what a save looks at. */
  declare private readonly latest: BoundMask[];

  declare private readonly restores: BoundByMask<SelectedRestore>;

  /**
   * `restores` may be left out: restores then take the general path, which allocates. XCR0 and IA32_XSS of the processors
   * must not change afterwards; saves and restores then throw StaleBindingError.
   */
  constructor(
    savers: readonly SaverGroup[],
    processors: Processors,
    areas: AreaMemory,
    restores: readonly RestoreRoutine[] = [],
  ) {
    this.restores = new BoundByMask((mask) => selectRestore(restores, processors, areas, { instruction: "XRSTORS", mask }));
    this.savers = savers;
    this.processors = processors;
    this.areas = areas;
    this.hasXsaves = processors.cpu.instructions.xsaves;
    this.bound = new Map();
    const none: BoundMask = { low: -1, high: -1, size: 0, save: () => undefined };
    this.latest = Array.from({ length: SLOTS }, () => none);
  }

  /** Which saver serves a mask; binds it. Call it beforehand so that the first NMI does not have to. */
  selected(maskLow: number, maskHigh: number): SelectedSave {
    const mask = maskOf(maskLow, maskHigh);
    let found = this.bound.get(mask);
    if (!found) {
      found = selectSave(this.savers, this.processors, this.areas, { instruction: "XSAVES", mask });
      this.bound.set(mask, found);
    }
    this.latest[slotOf(maskLow, maskHigh)] = { low: maskLow, high: maskHigh, size: found.size, save: found.save };
    return found;
  }

  save(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    if (!this.hasXsaves) return INVALID_OPCODE;
    const slot = slotOf(maskLow, maskHigh);
    let found = this.latest[slot]!;
    if (found.low !== maskLow || found.high !== maskHigh) {
      this.selected(maskLow, maskHigh);
      found = this.latest[slot]!;
    }
    if (!this.areas.accepts(offset, found.size)) return GENERAL_PROTECTION;
    found.save(processor, offset);
    return 0;
  }

  /** Which restores serve a mask; binds them. Call it beforehand, as `selected`. */
  selectedRestore(maskLow: number, maskHigh: number): SelectedRestore {
    return this.restores.get(maskLow, maskHigh);
  }

  restore(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    if (!this.hasXsaves) return INVALID_OPCODE;
    return this.restores.get(maskLow, maskHigh).restore(processor, offset);
  }

  clearXstateBv(offset: number): void {
    const word = (offset + 512) >> 2;
    if (!this.areas.accepts(offset & ~63, 576)) return;
    this.areas.i32[word] = 0;
    this.areas.i32[word + 1] = 0;
  }
}

function slotOf(low: number, high: number): number {
  return (low ^ (low >>> 6) ^ (low >>> 13) ^ high) & (SLOTS - 1);
}
