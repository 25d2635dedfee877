/** Views of register files as generated restores want them, and what is bound to them. */

import { AreaPlaces } from "./area-places.ts";
import type { AreaMemory } from "./arena.ts";
import { BoundRegions } from "./bound-regions.ts";
import { loadX87, loadX87Control, x87Rule } from "./load-x87.ts";
import type { Processors } from "./processors.ts";
import { registerViews } from "./register-views.ts";
import type { BoundRestore, RegionLoad, RestoreRegisters, RestoreRoutine } from "./restore-routine.ts";

interface Bound {
  readonly registers: RestoreRegisters;
  readonly routines: WeakMap<AreaMemory, Map<RestoreRoutine, BoundRestore>>;
}
/** All processors of a set under -1, one alone under its number. */
const boundTo = new WeakMap<Processors, Map<number, Bound>>();

/**
 * A routine bound to register files, or to that of processor `only`, and memory. Who asks again gets the same: a second closure
 * of its text makes both slower.
 */
export function boundRestore(routine: RestoreRoutine, processors: Processors, areas: AreaMemory, only?: number): BoundRestore {
  let byNumber = boundTo.get(processors);
  if (!byNumber) boundTo.set(processors, (byNumber = new Map()));
  let bound = byNumber.get(only ?? -1);
  if (!bound) byNumber.set(only ?? -1, (bound = { registers: restoreRegisters(processors, only), routines: new WeakMap() }));
  let byRoutine = bound.routines.get(areas);
  if (!byRoutine) bound.routines.set(areas, (byRoutine = new Map()));
  let found = byRoutine.get(routine);
  if (!found) byRoutine.set(routine, (found = routine.bind(bound.registers, areas)));
  return found;
}

function restoreRegisters(processors: Processors, only?: number): RestoreRegisters {
  const { u8, count, blockSize, cpu } = processors;
  const { i32, b64, blockMask, initialBase, base } = registerViews(processors, only);
  const rule = x87Rule(processors, 64);
  const loads = new BoundRegions<RestoreRegisters, RegionLoad>();
  const registers: RestoreRegisters = {
    u8: u8.subarray(i32.byteOffset),
    i32,
    b64,
    mxcsrMask: cpu.quirks.mxcsrMask,
    blockSize,
    blockMask,
    initialBase,
    x87: (areas) => (processor, offset) => loadX87(processors, processor, areas, offset, rule),
    loadX87Control,
    unusedPointerBits: rule.unused,
    pointersKeptUnlessEs: rule.keptUnlessEs,
    base,
    load: (region, areas) => loads.bound(region, areas, registers),
    initial: (runs) => {
      const start = count * blockSize;
      return runs.map(([offset, length]) => u8.subarray(start + offset, start + offset + length));
    },
    places: (areas, runs) => new AreaPlaces(areas, runs),
  };
  return registers;
}
