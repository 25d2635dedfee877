/** Views of register files as generated restores want them. */

import { AreaPlaces } from "./area-places.ts";
import { bindInitialX87, bindLoadX87 } from "./load-x87.ts";
import type { Processors } from "./processors.ts";
import type { RestoreRegisters } from "./restore-routine.ts";

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
