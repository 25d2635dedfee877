/** The regions that generated routines share, bound to one set of register files. */

import type { AreaMemory } from "./arena.ts";
import type { BoundSave } from "./generated-v1.ts";

/** A region's function under several names. */
interface Region<Registers> {
  readonly texts: readonly ((registers: Registers, areas: AreaMemory) => BoundSave)[];
}

/** How many of a region's texts are bound already, by whichever register files. */
const textsBound = new WeakMap<object, number>();

/** Binds each region once per memory: to the next text that nothing else has bound, or, when they are used up, to a general one. */
export class BoundRegions<Registers, Kind extends Region<Registers>> {
  readonly #byAreas = new WeakMap<AreaMemory, Map<Kind, BoundSave>>();
  readonly #general: ((region: Kind, registers: Registers, areas: AreaMemory) => BoundSave) | undefined;

  /** `general` binds what V8 does not mind being bound often; without it the last text serves all that the others do not. */
  constructor(general?: (region: Kind, registers: Registers, areas: AreaMemory) => BoundSave) {
    this.#general = general;
  }

  /** The region's function for these areas. Who asks again gets the same. */
  bound(region: Kind, areas: AreaMemory, registers: Registers): BoundSave {
    let byRegion = this.#byAreas.get(areas);
    if (!byRegion) this.#byAreas.set(areas, (byRegion = new Map()));
    let found = byRegion.get(region);
    if (!found) {
      const index = textsBound.get(region) ?? 0;
      textsBound.set(region, index + 1);
      const text = region.texts[index] ?? (this.#general ? undefined : region.texts.at(-1));
      byRegion.set(region, (found = text ? text(registers, areas) : this.#general!(region, registers, areas)));
    }
    return found;
  }
}
