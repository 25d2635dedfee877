/**
 * perf's register numbers on x86-64 and the ABI word of a sample.
 * Sources: include/uapi/linux/perf_event.h and arch/x86/include/uapi/asm/perf_regs.h of v7.3-rc7; for the SIMD
 * interface patches 06, 11 and 12 of V4 (2025-09-25). The numbers of r16-r31 and SSP are the same in V6's header.
 */

/** PERF_SAMPLE_REGS_ABI_*: 0, 1, 2 as always; since the SIMD interface a bitmap, with the same values. */
export const ABI_NONE = 0;
/** Registers of a 32-bit task. */
export const ABI_32 = 1;
/** Registers of a 64-bit task. */
export const ABI_64 = 2;
/** Bit: vectors and predicates by masks of their own, r16-r31 and SSP as general registers (V4, patch 06). */
export const ABI_SIMD = 4;

/** General registers 0-23, in perf's order. */
// prettier-ignore
export const GENERAL_REGISTERS = [
  "ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip", "flags", "cs", "ss", "ds", "es", "fs", "gs",
  "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
] as const;
/** Number of general registers that struct pt_regs can give. */
export const GENERAL_REGISTER_COUNT = 24;

/** With ABI_SIMD: r16-r31 are bits 24-39. */
export const FIRST_EGPR_BIT = 24;
/** With ABI_SIMD: SSP's bit, the last. */
export const SSP_BIT = 40;
/** Without ABI_SIMD: XMMn is bit 32 + 2n (low quadword) and 33 + 2n (high). */
export const FIRST_XMM_BIT = 32;

const bits = (first: number, last: number): bigint => ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);

/** PERF_REG_EXTENDED_MASK: bits 32-63. */
export const EXTENDED_MASK: bigint = bits(32, 63);
/** PERF_X86_EGPRS_MASK: bits 24-39. */
export const EGPR_MASK: bigint = bits(FIRST_EGPR_BIT, 39);
/** Segment registers that perf refuses on x86-64: DS, ES, FS, GS. */
export const REFUSED_SEGMENTS: bigint = bits(12, 15);
/** Bits 24-31, which no register has without ABI_SIMD. */
export const RESERVED_WITHOUT_SIMD: bigint = bits(24, 31);
/** Bits above SSP, which no register has with ABI_SIMD. */
export const RESERVED_WITH_SIMD: bigint = bits(SSP_BIT + 1, 63);

/** Vector registers that a mask can name: 0-31; those from 16 lie in Hi16_ZMM alone. */
export const VECTOR_MASK: bigint = bits(0, 31);
/** The first vector that lies in Hi16_ZMM. */
export const FIRST_HIGH_VECTOR = 16;
/** Predicate registers: k0-k7, one quadword each. */
export const PREDICATE_MASK: bigint = bits(0, 7);
/** Quadwords of a predicate: what `predicateQwords` of an attribute may be beside 0. */
export const OPMASK_QWORDS = 1;
/** Quadwords of an XMM: the least that `vectorQwords` of an attribute may be beside 0. */
export const XMM_QWORDS = 2;
/** Quadwords of a YMM. */
export const YMM_QWORDS = 4;
/** Quadwords of a ZMM. */
export const ZMM_QWORDS = 8;

/**
 * Name of a bit of sample_regs_user or sample_regs_intr. It depends on the sample's ABI: bit 32 is the low
 * half of xmm0 without ABI_SIMD, and r24 with it. Undefined where no register has the bit.
 */
export function sampleRegisterName(bit: number, abi: number): string | undefined {
  if (bit < GENERAL_REGISTER_COUNT) return GENERAL_REGISTERS[bit];
  if (abi & ABI_SIMD) {
    if (bit < SSP_BIT) return `r${bit - FIRST_EGPR_BIT + 16}`;
    return bit === SSP_BIT ? "ssp" : undefined;
  }
  if (bit < FIRST_XMM_BIT || bit > 63) return undefined;
  const quadword = bit - FIRST_XMM_BIT;
  return `xmm${quadword >> 1}.${quadword & 1 ? "high" : "low"}`;
}
