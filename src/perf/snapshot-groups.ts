/** Register groups out of an XSAVES image: the NMI's snapshot, or a task's saved state. */

import { maskOf } from "../isa/feature-mask.ts";
import { XCOMP_BV_OFFSET, XMM_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import { areaLayout, offsetOf } from "../layout/area-layout.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import { GROUP_COMPONENT_BITS, GROUP_COMPONENTS, GROUP_SSP, GROUPS, type RegisterGroups } from "./register-groups.ts";

/** Byte offset of SSP in CET_U: the quadword behind IA32_U_CET. */
const SSP_IN_CET_U = 8;
const COMPACTED_BIT = 0x8000_0000 | 0;

/**
 * Reads the groups of compacted images of one CPU. The offsets follow the image's own XCOMP_BV: SSP of a task's
 * state with XCOMP_BV 8000000000001AE7H lies at byte 2448, in a snapshot of 8E6H at 2440.
 */
export class SnapshotGroups {
  declare private readonly cpu: LayoutSource;
  /** XCOMP_BV (low, high) -> byte offset of each group, -1 where it has none. */
  declare private readonly known: Map<number, Map<number, Int32Array>>;

  constructor(cpu: LayoutSource) {
    this.cpu = cpu;
    this.known = new Map();
  }

  /**
   * Adds the groups of the image at byte `offset` that are in `wanted` (component bits of the low word) and in the
   * image: those with XSTATE_BV[i] = 1 with their bytes, the others as initial. The test is of XSTATE_BV against a
   * mask; V1 tested XCOMP_BV against a bit number. Returns the component bits that it added.
   * An image that is not compacted, or that names a component without a row, adds nothing.
   */
  add(words: Int32Array, offset: number, wanted: number, to: RegisterGroups): number {
    const header = offset >> 2;
    const xstateBv = words[header + (XSTATE_BV_OFFSET >> 2)] as number;
    const low = words[header + (XCOMP_BV_OFFSET >> 2)] as number;
    const high = words[header + (XCOMP_BV_OFFSET >> 2) + 1] as number;
    if ((high & COMPACTED_BIT) === 0) return 0;
    const places = this.known.get(high)?.get(low) ?? this.placesOf(low, high);
    let added = 0;
    for (let group = 0; group < GROUPS; group++) {
      const bit = 1 << (GROUP_COMPONENTS[group] as number);
      const place = places[group] as number;
      if ((wanted & bit) === 0 || place < 0) continue;
      added |= bit;
      if ((xstateBv & bit) === 0) to.putInitial(group);
      else to.put(group, words, (offset + place) >> 2);
    }
    return added;
  }

  /** Lays out one XCOMP_BV; called once for each, beforehand by who knows the masks that will come. */
  placesOf(low: number, high: number): Int32Array {
    const places = new Int32Array(GROUPS).fill(-1);
    const xcompBv = maskOf(low, high & ~COMPACTED_BIT);
    const rows = this.cpu.components;
    const unknown = xcompBv & ~rows.reduce((mask, row) => mask | (1n << BigInt(row.index)), 3n);
    if (unknown === 0n) {
      const layout = areaLayout(this.cpu, xcompBv, "compacted");
      for (let group = 0; group < GROUPS; group++) {
        const component = GROUP_COMPONENTS[group] as number;
        if (component === 1) places[group] = low & 2 ? XMM_OFFSET : -1;
        else places[group] = offsetOf(layout, component) ?? -1;
        if (group === GROUP_SSP && (places[group] as number) >= 0) places[group]! += SSP_IN_CET_U;
      }
    }
    let byLow = this.known.get(high);
    if (!byLow) this.known.set(high, (byLow = new Map()));
    // Images may come from outside: a table that every XCOMP_BV seen stays in must not grow with them.
    if (byLow.size < MOST_KNOWN) byLow.set(low, places);
    return places;
  }
}

const MOST_KNOWN = 1024;

/** The bits of a component mask that are register groups, as a low word. */
export function groupBits(mask: bigint): number {
  return Number(mask & 0xffff_ffffn) & GROUP_COMPONENT_BITS;
}
