/** Size of a compacted area from a mask in two words, without allocating: the gate asks for it on every save. */

import { maskPair } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { ComponentRow } from "../layout/component-row.ts";

const SLOTS = 64;

/**
 * Sizes of compacted areas on one CPU. The walk is that of `areaLayout`, on numbers; a test compares the two
 * over random masks. Known masks come from a small direct-mapped table.
 */
export class CompactedSizes {
  // `declare` and not `#`: see NmiGate.
  declare private readonly enabledLow: number;
  declare private readonly enabledHigh: number;
  /** By component; 0 where there is no row. */
  declare private readonly sizes: Int32Array;
  declare private readonly align64: Uint8Array;
  declare private readonly knownLow: Int32Array;
  declare private readonly knownHigh: Int32Array;
  /** 0: the slot is empty. */
  declare private readonly known: Int32Array;
  // The latest answer; most gates see one mask.
  declare private lastLow: number;
  declare private lastHigh: number;
  declare private lastSize: number;

  /** `enabled` is XCR0 | IA32_XSS: other bits of a mask take no room, since RFBM does not have them. */
  constructor(components: readonly ComponentRow[], enabled: bigint) {
    const [low, high] = maskPair(enabled);
    this.sizes = new Int32Array(63);
    this.align64 = new Uint8Array(63);
    this.knownLow = new Int32Array(SLOTS);
    this.knownHigh = new Int32Array(SLOTS);
    this.known = new Int32Array(SLOTS);
    this.lastLow = 0;
    this.lastHigh = 0;
    this.lastSize = EXTENDED_REGION_OFFSET;
    this.enabledLow = low | 0;
    this.enabledHigh = high | 0;
    for (const row of components) {
      this.sizes[row.index] = row.size;
      this.align64[row.index] = row.align64 ? 1 : 0;
    }
  }

  /** End of the area that XSAVES writes for this mask, at least 576. */
  sizeOf(maskLow: number, maskHigh: number): number {
    const low = maskLow & this.enabledLow;
    const high = maskHigh & this.enabledHigh;
    if (low === this.lastLow && high === this.lastHigh) return this.lastSize;
    const slot = (low ^ (low >>> 6) ^ (low >>> 13) ^ high) & 63;
    const known = this.known[slot] as number;
    const isKnown = known !== 0 && this.knownLow[slot] === low && this.knownHigh[slot] === high;
    const size = isKnown ? known : this.remember(slot, low, high);
    this.lastLow = low;
    this.lastHigh = high;
    this.lastSize = size;
    return size;
  }

  private remember(slot: number, low: number, high: number): number {
    const size = this.walkWord(high, 32, this.walkWord(low & ~3, 0, EXTENDED_REGION_OFFSET));
    this.knownLow[slot] = low;
    this.knownHigh[slot] = high;
    this.known[slot] = size;
    return size;
  }

  private walkWord(word: number, first: number, start: number): number {
    let end = start;
    for (let rest = word; rest !== 0; rest &= rest - 1) {
      const index = first + 31 - Math.clz32(rest & -rest);
      // Bit 63 of a mask is no component.
      if (index === 63) break;
      if (this.align64[index] === 1) end = (end + 63) & ~63;
      end += this.sizes[index] as number;
    }
    return end;
  }
}
