/** The stores of x87's control part, bytes 0 to 23, under a rule for FOP, FIP and FDP. */

import type { X87Pointers } from "../isa/vendor-behaviour.ts";

/** `Q[at] = value`. */
export interface DwordStore {
  readonly at: string;
  readonly value: string;
}

/** All ones if FSW.ES, bit 23 of the block's dword at `r`, is set, else 0. */
export function controlLive(r: string): string {
  return `(R[${r}]! << 8) >> 31`;
}

/** The six dwords from the block's dword `r` to the area's dword `d`; `es` names the value of `controlLive`. */
export function controlWords(r: string, d: string, es: string, x87Pointers: X87Pointers): DwordStore[] {
  const kept = x87Pointers === "kept-unless-es";
  const words = [{ at: d, value: `R[${r}]!` }];
  words.push({
    at: `${d} + 1`,
    value: `(R[${r} + 1]! & (255 | (${es} & -65536)))${kept ? ` | (Q[${d} + 1]! & ~${es} & -65536)` : ""}`,
  });
  for (let word = 2; word < 6; word++) {
    words.push({
      at: `${d} + ${word}`,
      value: `(R[${r} + ${word}]! & ${es})${kept ? ` | (Q[${d} + ${word}]! & ~${es})` : ""}`,
    });
  }
  return words;
}
