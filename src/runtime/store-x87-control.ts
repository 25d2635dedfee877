/** Stores x87's control part, bytes 0 to 23 of an area. */

import type { X87Pointers } from "../isa/vendor-behaviour.ts";
import { FSW_ES_BIT_IN_DWORD0 } from "../isa/xsave-area.ts";

/**
 * FCW, FSW, FTW, FOP, FIP and FDP from dword `s` of `r` to dword `d` of `q`, under the CPU's pointer rule. `selectors`: FCS and
 * FDS as the 32-bit operand size stores them beside pointers of 32 bits; undefined with the 64-bit operand size.
 */
export function storeX87Control(
  r: Int32Array,
  s: number,
  q: Int32Array,
  d: number,
  x87Pointers: X87Pointers,
  selectors: number | undefined,
): void {
  const es = (r[s]! << (31 - FSW_ES_BIT_IN_DWORD0)) >> 31;
  const live = x87Pointers === "saved" ? -1 : es;
  const kept = x87Pointers === "kept-unless-es" ? ~es : 0;
  q[d] = r[s]!;
  // Byte 4 is the abridged FTW, byte 5 is written as 0, bytes 6-7 are FOP.
  put(q, d + 1, r[s + 1]!, 0xff | (live & -65536), kept & -65536);
  put(q, d + 2, r[s + 2]!, live, kept);
  put(q, d + 3, selectors === undefined ? r[s + 3]! : selectors & 0xffff, live, kept);
  put(q, d + 4, r[s + 4]!, live, kept);
  put(q, d + 5, selectors === undefined ? r[s + 5]! : selectors >>> 16, live, kept);
}

// No closure of `storeX87Control`: that would be an object for every save.
function put(q: Int32Array, at: number, value: number, live: number, kept: number): void {
  q[at] = (value & live) | (q[at]! & kept);
}
