/** What the oracle is asked to do: one instruction on given registers and a given area. */

/** The instructions that the oracle executes, in the order of its numbers. The last three are restores. */
export const ORACLE_INSTRUCTIONS = [
  "XSAVE64",
  "XSAVEC64",
  "XSAVEOPT64",
  "XSAVE",
  "XSAVEC",
  "XSAVEOPT",
  "XSAVES64",
  "XRSTOR64",
  "XRSTOR",
  "XRSTORS64",
] as const;

/** `XSAVE64`, ... (64-bit forms) and `XSAVE`, ... (no REX.W, in 64-bit mode). */
export type OracleInstruction = (typeof ORACLE_INSTRUCTIONS)[number];

/** How the registers are loaded before the instruction under test. */
export type OracleLoader = "xrstor" | "moves" | "same-area";

/**
 * Bits of `moves`: as in the recorded vectors, plus `ldmxcsr` and `pendingZeroDivide`. Executed in the order
 * listed here after everything was put into init, contents taken from the state image. Bits that the CPU
 * cannot do are left out; `movesDone` tells.
 */
export const ORACLE_MOVES = {
  /** FNINIT, FLDCW, then one FLD m80 per bit set in the image's byte 4. */
  x87: 0x1,
  /** MOVUPS xmm0-15. */
  xmm: 0x2,
  /** VMOVUPS ymm0-15. */
  ymm: 0x4,
  /** VMOVUPS zmm0-15. */
  zmm: 0x40,
  /** VMOVUPS zmm16-31. */
  hi16Zmm: 0x80,
  /** KMOV k0-7. */
  opmask: 0x20,
  /** LDMXCSR of the image's MXCSR, reserved bits cleared. */
  ldmxcsr: 0x8,
  vzeroupper: 0x100,
  vzeroall: 0x200,
  /** VPXORD zmm16-31 with themselves. */
  vpxordHi16: 0x400,
  /** KXORW k0-7 with themselves. */
  kxorw: 0x800,
  fninit: 0x1000,
  emms: 0x2000,
  /** XORPS xmm0-15 with themselves. */
  xorps: 0x4000,
  /** FFREE st0-7. */
  ffree: 0x8000,
  /** FNINIT, FLDCW 37BH, FLD1, FDIV by zero: an unmasked exception stays pending (FSW.ES = 1). */
  pendingZeroDivide: 0x10,
} as const;

/** One execution. */
export interface OracleCase {
  readonly instruction: OracleInstruction;
  /** EDX:EAX. */
  readonly mask: bigint;
  /**
   * Registers beforehand: a standard-format image, loaded by XRSTOR64 with all of XCR0 (or the contents for
   * `moves`). Shorter than `areaBytes` is zero-extended; absent: everything in init, MXCSR 1F80H.
   */
  readonly state?: Uint8Array;
  /** The area beforehand: prefill of a save, image of a restore. Zero-extended to `areaBytes`. */
  readonly area: Uint8Array;
  /** Bytes by which the area's address misses a multiple of 64, 0..63. */
  readonly misalign?: number;
  /**
   * `xrstor` if absent. `same-area`: the preparing XRSTOR64 reads the very area, which integer stores then
   * change to `area` (modified optimisation of XSAVEOPT).
   */
  readonly loader?: OracleLoader;
  /** Bits of ORACLE_MOVES, for `moves`. */
  readonly moves?: number;
}
