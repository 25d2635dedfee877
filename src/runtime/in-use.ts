/** Which components a save treats as in use: XINUSE, IA32_XFD and the MXCSR rule in one place. */

// Dwords of a processor's block as literals, as in the generated savers: this is on every save's way, where a
// module's constant is a load with a check. MXCSR is dword 6, XINUSE dword 128, IA32_XFD dword 134 (`register-slots.ts`).

/**
 * Low word of XINUSE & ~IA32_XFD; bit 1 also set if `mxcsrCounts` is 2 and MXCSR is not 1F80H (SDM vol. 1, 13.10).
 * `registers` are the register files as dwords, `word` is where the processor's block starts.
 */
export function inUseLow(registers: Int32Array, word: number, mxcsrCounts: 0 | 2): number {
  return (registers[word + 128]! & ~registers[word + 134]!) | (registers[word + 6] === 0x1f80 ? 0 : mxcsrCounts);
}

/** High word of XINUSE & ~IA32_XFD. */
export function inUseHigh(registers: Int32Array, word: number): number {
  return registers[word + 129]! & ~registers[word + 135]!;
}
