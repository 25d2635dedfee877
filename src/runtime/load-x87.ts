/** Loads x87 from an area: the one description of what the registers make of the image's bytes. */

import { x87PointerBits } from "../isa/vendor-behaviour.ts";
import { ST_OFFSET, ST_SIZE, X87_CONTROL_SIZE } from "../isa/xsave-area.ts";
import type { AreaMemory } from "./arena.ts";
import type { Processors } from "./processors.ts";
import { FCS_OFFSET } from "./register-slots.ts";

const FCS_WORD = FCS_OFFSET >> 2;

/** What a CPU and an operand size make of the control part, as numbers. */
export interface X87Rule {
  /** High bits that FIP and FDP do not have. */
  readonly unused: number;
  /** All ones with the 64-bit operand size, else 0. */
  readonly wide: number;
  /** FOP, FIP and FDP stay unless ES = 1. */
  readonly keptUnlessEs: boolean;
}

/** The rule for one CPU and operand size. */
export function x87Rule({ cpu: { quirks } }: Processors, operandSize: 32 | 64): X87Rule {
  return {
    unused: 64 - x87PointerBits(quirks),
    wide: operandSize === 64 ? -1 : 0,
    keptUnlessEs: quirks.x87Pointers === "kept-unless-es",
  };
}

/**
 * Loads bytes 0-23 of the area at dword `w` of `q` into the block at dword `f` of `r`. FCW bits 13-15 and 7 read 0 and bit 6
 * reads 1; ES and B follow from flags and masks; FOP has 11 bits; byte 5 is no register (measured on Zen 5). FIP and FDP keep
 * as many bits as the CPU has, sign-extended; `kept-unless-es` is AMD's FXSAVE_LEAK. The 64-bit operand size clears FCS and
 * FDS, the 32-bit one loads them and zero-extends the pointers (SDM vol. 1, 8.1.8).
 */
export function loadX87Control(
  r: Int32Array,
  q: Int32Array,
  f: number,
  w: number,
  unused: number,
  wide: number,
  keptUnlessEs: boolean,
): void {
  const fcw = (q[w]! & 0x1f7f) | 0x40;
  const fsw = (q[w]! >>> 16) & 0x7f7f;
  const pending = (fsw & ~fcw & 0x3f) !== 0;
  r[f] = fcw | ((fsw | (pending ? 0x8080 : 0)) << 16);
  const ftw = q[w + 1]! & 0xff;
  if (keptUnlessEs && !pending) r[f + 1] = ftw | (r[f + 1]! & 0xffff_0000);
  else {
    r[f + 1] = ftw | (q[w + 1]! & 0x07ff_0000);
    r[f + 2] = q[w + 2]!;
    r[f + 3] = ((q[w + 3]! << unused) >> unused) & wide;
    r[f + 4] = q[w + 4]!;
    r[f + 5] = ((q[w + 5]! << unused) >> unused) & wide;
    r[f + FCS_WORD] = ((q[w + 3]! & 0xffff) | (q[w + 5]! << 16)) & ~wide;
  }
}

/** Loads one of ST0-ST7, 16 bytes at dword `from` of `q` to dword `to` of `r`: the upper 6 are no registers. */
function loadSt(r: Int32Array, q: Int32Array, to: number, from: number): void {
  r[to] = q[from]!;
  r[to + 1] = q[from + 1]!;
  r[to + 2] = q[from + 2]! & 0xffff;
  r[to + 3] = 0;
}

/** Loads bytes 0-23 and 32-159 of the area at `offset` into a processor's block. */
export function loadX87(processors: Processors, processor: number, areas: AreaMemory, offset: number, rule: X87Rule): void {
  const f = (processor * processors.blockSize) >> 2;
  const w = offset >> 2;
  loadX87Control(processors.i32, areas.i32, f, w, rule.unused, rule.wide, rule.keptUnlessEs);
  for (let st = ST_OFFSET >> 2; st < (ST_OFFSET + ST_SIZE) >> 2; st += 4) loadSt(processors.i32, areas.i32, f + st, w + st);
}

/** Puts x87 of a processor into its initial configuration: bytes 0-23 and 32-159, FCS and FDS. */
export function initialiseX87({ u8, i32, count, blockSize }: Processors, processor: number): void {
  const base = processor * blockSize;
  const initial = count * blockSize;
  u8.copyWithin(base, initial, initial + X87_CONTROL_SIZE);
  u8.copyWithin(base + ST_OFFSET, initial + ST_OFFSET, initial + ST_OFFSET + ST_SIZE);
  i32[(base + FCS_OFFSET) >> 2] = 0;
}
