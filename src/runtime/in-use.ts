/** Which components a save treats as in use: XINUSE, IA32_XFD and the MXCSR rule in one place. */

import { INITIAL_MXCSR, MXCSR_OFFSET } from "../isa/xsave-area.ts";
import type { Processors } from "./processors.ts";
import { XFD_OFFSET, XINUSE_OFFSET } from "./register-slots.ts";

/** Low word of XINUSE & ~IA32_XFD; bit 1 also set if `mxcsrCounts` is 2 and MXCSR is not 1F80H (SDM vol. 1, 13.10). */
export function inUseLow(processors: Processors, processor: number, mxcsrCounts: 0 | 2): number {
  const word = (processor * processors.blockSize) >> 2;
  const r = processors.i32;
  const differs = r[word + (MXCSR_OFFSET >> 2)] === INITIAL_MXCSR ? 0 : mxcsrCounts;
  return (r[word + (XINUSE_OFFSET >> 2)]! & ~r[word + (XFD_OFFSET >> 2)]!) | differs;
}

/** High word of XINUSE & ~IA32_XFD. */
export function inUseHigh(processors: Processors, processor: number): number {
  const word = (processor * processors.blockSize) >> 2;
  const r = processors.i32;
  return r[word + (XINUSE_OFFSET >> 2) + 1]! & ~r[word + (XFD_OFFSET >> 2) + 1]!;
}
