/** Connects the gate to the savers: XSAVES64 and XRSTORS64 by selection over a generated model's savers and restores. */

import { maskOf } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { BoundByMask } from "./bound-by-mask.ts";
import type { SaverGroup } from "./generated-v1.ts";
import type { Processors } from "./processors.ts";
import type { RestoreRoutine } from "./restore-routine.ts";
import { type SelectedRestore, selectRestore } from "./select-restore.ts";
import { type SelectedSave, selectSave } from "./select-save.ts";
import type { XsavesPath, XsavesRun } from "./xsaves-path.ts";

const INVALID_OPCODE = 6;

/** The gate's path over one set of processors and one memory. */
export class SaverPath implements XsavesPath {
  readonly #areas: AreaMemory;
  readonly #hasXsaves: boolean;
  readonly #saves: BoundByMask<SelectedSave>;
  readonly #restores: BoundByMask<SelectedRestore>;

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
    this.#areas = areas;
    this.#hasXsaves = processors.cpu.instructions.xsaves;
    this.#saves = new BoundByMask((low, high) =>
      selectSave(savers, processors, areas, { instruction: "XSAVES", mask: maskOf(low, high) }),
    );
    this.#restores = new BoundByMask((low, high) =>
      selectRestore(restores, processors, areas, { instruction: "XRSTORS", mask: maskOf(low, high) }),
    );
  }

  /** Which saver serves a mask. */
  selected(maskLow: number, maskHigh: number): SelectedSave {
    return this.#saves.get(maskLow, maskHigh);
  }

  /** Which restores serve a mask. */
  selectedRestore(maskLow: number, maskHigh: number): SelectedRestore {
    return this.#restores.get(maskLow, maskHigh);
  }

  bindSave(maskLow: number, maskHigh: number): XsavesRun {
    return this.#hasXsaves ? this.selected(maskLow, maskHigh).save : invalidOpcode;
  }

  bindRestore(maskLow: number, maskHigh: number): XsavesRun {
    return this.#hasXsaves ? this.selectedRestore(maskLow, maskHigh).restore : invalidOpcode;
  }

  clearXstateBv(offset: number): void {
    const word = (offset + 512) >> 2;
    if (!this.#areas.accepts(offset & ~63, 576)) return;
    this.#areas.i32[word] = 0;
    this.#areas.i32[word + 1] = 0;
  }
}

function invalidOpcode(): number {
  return INVALID_OPCODE;
}
