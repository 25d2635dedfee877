/** Connects the gate to the savers: XSAVES64 and XRSTORS64 by selection over a generated model's savers and restores. */

import { maskOf } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { BoundByMask } from "./bound-by-mask.ts";
import type { SaverGroup } from "./generated-v1.ts";
import type { Processors } from "./processors.ts";
import type { RestoreRequest, SelectedRestore } from "./select-restore.ts";
import { type GeneralPath, MissingPathError, type SelectedSave, selectSaveWith } from "./select-save.ts";
import { guarded, type GatedRun, type RunGuard } from "./run-guard.ts";
import type { XsavesPath } from "./xsaves-path.ts";

const INVALID_OPCODE = 6;

/** What a path may have besides savers. Values to hand over, so that a program carries only what it uses. */
export interface SaverPathOptions {
  /** `generalPath`: serves masks without a saver. If absent, such a mask throws MissingPathError when it is bound. */
  readonly general?: GeneralPath;
  /**
   * Selects restores: `(request) => selectRestore(restores, processors, areas, request)`. If absent, a restore throws
   * MissingPathError when it is bound.
   */
  readonly restores?: (request: RestoreRequest) => SelectedRestore;
}

/** The gate's path over one set of processors and one memory. */
export class SaverPath implements XsavesPath {
  readonly #areas: AreaMemory;
  readonly #hasXsaves: boolean;
  readonly #saves: BoundByMask<SelectedSave>;
  readonly #restores: BoundByMask<SelectedRestore>;

  /** XCR0 and IA32_XSS of the processors must not change afterwards; saves and restores then throw StaleBindingError. */
  constructor(savers: readonly SaverGroup[], processors: Processors, areas: AreaMemory, options: SaverPathOptions = {}) {
    const { general, restores = noRestores } = options;
    this.#areas = areas;
    this.#hasXsaves = processors.cpu.instructions.xsaves;
    this.#saves = new BoundByMask((low, high) =>
      selectSaveWith(general, savers, processors, areas, { instruction: "XSAVES", mask: maskOf(low, high) }),
    );
    this.#restores = new BoundByMask((low, high) => restores({ instruction: "XRSTORS", mask: maskOf(low, high) }));
  }

  /** Which saver serves a mask. */
  selected(maskLow: number, maskHigh: number): SelectedSave {
    return this.#saves.get(maskLow, maskHigh);
  }

  /** Which restores serve a mask. */
  selectedRestore(maskLow: number, maskHigh: number): SelectedRestore {
    return this.#restores.get(maskLow, maskHigh);
  }

  /** XSAVES64 with a mask behind a guard; it returns 6 (#UD) on a CPU without XSAVES. Throws MissingPathError, see above. */
  bindSave(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun {
    return this.#hasXsaves ? this.selected(maskLow, maskHigh).behind(guard) : guarded(guard, invalidOpcode);
  }

  /** XRSTORS64 with a mask behind a guard, likewise. */
  bindRestore(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun {
    return guarded(guard, this.#hasXsaves ? this.selectedRestore(maskLow, maskHigh).restore : invalidOpcode);
  }

  /** Writes 0 to XSTATE_BV of the area at a byte offset (rounded down to 4); nothing where no header is in the memory. */
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

function noRestores(): never {
  throw new MissingPathError('this path has no restores; hand them over as "restores"');
}
