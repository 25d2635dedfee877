/** Loads x87 from an area: the one description of what the registers make of the image's bytes. */

import { x87PointerBits } from "../isa/vendor-behaviour.ts";
import type { AreaMemory } from "./arena.ts";
import type { Processors } from "./processors.ts";
import { ST_OFFSET, ST_SIZE, X87_CONTROL_SIZE } from "../isa/xsave-area.ts";
import { FCS_OFFSET } from "./register-slots.ts";

/** Loads bytes 0-23 and 32-159 of the area at `offset` into the block at byte `base`. */
export type LoadX87 = (base: number, offset: number) => void;

const FCS_WORD = FCS_OFFSET >> 2;

/**
 * Binds the loading of x87. FCW bits 13-15 and 7 read 0 and bit 6 reads 1; ES and B follow from flags and masks; FOP
 * has 11 bits; byte 5 and the pads of ST0-ST7 are no registers (measured on Zen 5). FIP and FDP keep as many bits as
 * the CPU has, sign-extended; `kept-unless-es` leaves FOP, FIP and FDP alone unless ES = 1 (AMD's FXSAVE_LEAK).
 * The 64-bit operand size clears FCS and FDS, the 32-bit one loads them and zero-extends the pointers (SDM vol. 1, 8.1.8).
 */
export function bindLoadX87(processors: Processors, areas: AreaMemory, operandSize: 32 | 64): LoadX87 {
  const { i32: r } = processors;
  const q = areas.i32;
  const { quirks } = processors.cpu;
  const wide = operandSize === 64 ? -1 : 0;
  const keptUnlessEs = quirks.x87Pointers === "kept-unless-es";
  const unused = 64 - x87PointerBits(quirks);
  const loadSt = (to: number, from: number): void => {
    r[to] = q[from]!;
    r[to + 1] = q[from + 1]!;
    r[to + 2] = q[from + 2]! & 0xffff;
    r[to + 3] = 0;
  };
  return function loadX87(base, offset) {
    const f = base >> 2;
    const w = offset >> 2;
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
    loadSt(f + 8, w + 8);
    loadSt(f + 12, w + 12);
    loadSt(f + 16, w + 16);
    loadSt(f + 20, w + 20);
    loadSt(f + 24, w + 24);
    loadSt(f + 28, w + 28);
    loadSt(f + 32, w + 32);
    loadSt(f + 36, w + 36);
  };
}

/** Binds x87's initial configuration: bytes 0-23 and 32-159, FCS and FDS of the block at byte `base`. */
export function bindInitialX87(processors: Processors): (base: number) => void {
  const { u8, i32: r, count, blockSize } = processors;
  const start = count * blockSize;
  const control = u8.subarray(start, start + X87_CONTROL_SIZE);
  const st = u8.subarray(start + ST_OFFSET, start + ST_OFFSET + ST_SIZE);
  return function initialX87(base) {
    u8.set(control, base);
    u8.set(st, base + ST_OFFSET);
    r[(base >> 2) + FCS_WORD] = 0;
  };
}
