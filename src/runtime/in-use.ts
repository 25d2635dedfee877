/** Which components a save treats as in use: XINUSE, IA32_XFD and the MXCSR rule in one place. */

import { INITIAL_MXCSR, MXCSR_OFFSET } from "../isa/xsave-area.ts";
import { XFD_OFFSET, XINUSE_OFFSET } from "./register-slots.ts";

const MXCSR_WORD = MXCSR_OFFSET >> 2;
const XINUSE_WORD = XINUSE_OFFSET >> 2;
const XFD_WORD = XFD_OFFSET >> 2;

/**
 * Low word of XINUSE & ~IA32_XFD; bit 1 also set if `mxcsrCounts` is 2 and MXCSR is not 1F80H (SDM vol. 1, 13.10).
 * `registers` are the register files as dwords, `word` is where the processor's block starts.
 */
export function inUseLow(registers: Int32Array, word: number, mxcsrCounts: 0 | 2): number {
  const differs = registers[word + MXCSR_WORD] === INITIAL_MXCSR ? 0 : mxcsrCounts;
  return (registers[word + XINUSE_WORD]! & ~registers[word + XFD_WORD]!) | differs;
}

/** High word of XINUSE & ~IA32_XFD. */
export function inUseHigh(registers: Int32Array, word: number): number {
  return registers[word + XINUSE_WORD + 1]! & ~registers[word + XFD_WORD + 1]!;
}
