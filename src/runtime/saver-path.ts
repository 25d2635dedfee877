/** Connects the gate to the savers: XSAVES64 by selection over a generated model's savers. */

import { maskOf } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { restore } from "./general-restore.ts";
import type { SaverGroup } from "./generated-v1.ts";
import type { Processors } from "./processors.ts";
import { type SelectedSave, selectSave } from "./select-save.ts";
import type { XsavesPath } from "./xsaves-path.ts";

const GENERAL_PROTECTION = 13;
const INVALID_OPCODE = 6;

/** The gate's path over one set of processors and one memory. */
export class SaverPath implements XsavesPath {
  readonly #savers: readonly SaverGroup[];
  readonly #processors: Processors;
  readonly #areas: AreaMemory;
  readonly #bound = new Map<number, Map<number, SelectedSave>>();
  #lastLow = 0;
  #lastHigh = 0;
  #last: SelectedSave | undefined;

  /** XCR0 and IA32_XSS of the processors must not change afterwards; a save then throws StaleBindingError. */
  constructor(savers: readonly SaverGroup[], processors: Processors, areas: AreaMemory) {
    this.#savers = savers;
    this.#processors = processors;
    this.#areas = areas;
  }

  /** Which saver serves a mask; binds it. Call it beforehand so that the first NMI does not have to. */
  selected(maskLow: number, maskHigh: number): SelectedSave {
    if (this.#last && this.#lastLow === maskLow && this.#lastHigh === maskHigh) return this.#last;
    let byHigh = this.#bound.get(maskHigh);
    if (!byHigh) this.#bound.set(maskHigh, (byHigh = new Map()));
    let found = byHigh.get(maskLow);
    if (!found) {
      const mask = maskOf(maskLow, maskHigh);
      found = selectSave(this.#savers, this.#processors, this.#areas, { instruction: "XSAVES", mask });
      byHigh.set(maskLow, found);
    }
    this.#lastLow = maskLow;
    this.#lastHigh = maskHigh;
    this.#last = found;
    return found;
  }

  save(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    if (!this.#processors.cpu.instructions.xsaves) return INVALID_OPCODE;
    const selected = this.selected(maskLow, maskHigh);
    if (!this.#areas.accepts(offset, selected.size)) return GENERAL_PROTECTION;
    selected.save(processor, offset);
    return 0;
  }

  /** XRSTORS by the general path: no restores are generated in this version. Allocates. */
  restore(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    const mask = maskOf(maskLow, maskHigh);
    return restore(this.#processors, processor, this.#areas, offset, "XRSTORS", mask)[0]?.vector ?? 0;
  }

  clearXstateBv(offset: number): void {
    const word = (offset + 512) >> 2;
    if (!this.#areas.accepts(offset & ~63, 576)) return;
    this.#areas.i32[word] = 0;
    this.#areas.i32[word + 1] = 0;
  }
}
