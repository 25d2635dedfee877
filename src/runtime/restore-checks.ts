/**
 * What XRSTOR and XRSTORS check before they load anything, as data: the general path evaluates it field by field,
 * and the generator writes the same fields as integer tests into each restore.
 * Source: Intel SDM vol. 1, 13.8 and 13.12; that the standard form ignores header bytes 24-63 was measured on Zen 5.
 */

import { XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import type { AreaFormat } from "../layout/area-layout.ts";
import type { InstructionRule } from "./instruction-faults.ts";
import type { ProcessorDescription } from "./processor-description.ts";

/** The restore instructions without their operand size. */
export type RestoreFamily = "XRSTOR" | "XRSTORS";

/** Names of the causes of a fault. */
export type RestoreRule =
  | InstructionRule
  | "out-of-range"
  | "xcomp-bv-not-compacted"
  | "xcomp-bv-bits"
  | "xcomp-bv-standard"
  | "compaction-unsupported"
  | "xstate-bv-bits"
  | "header-reserved"
  | "mxcsr-reserved"
  | "supervisor-contents"
  | "xfd";

/**
 * Bits that a field may have: a constant, or a register. `enabled`: XCR0, for XRSTORS XCR0 | IA32_XSS, and bit 63;
 * `laid-out`: XCOMP_BV without bit 63; `not-disabled`: what IA32_XFD does not disable; `mxcsr-mask`: MXCSR_MASK of the CPU.
 */
export type AllowedBits = bigint | "XCR0" | "enabled" | "laid-out" | "not-disabled" | "mxcsr-mask";

/** One check: the field may have no bit outside `allowed`. */
export interface FieldCheck {
  readonly rule: RestoreRule;
  /** 13 #GP, 7 #NM. */
  readonly vector: 7 | 13;
  /** Byte offset of the field in the area. */
  readonly offset: number;
  readonly bytes: 4 | 8;
  readonly allowed: AllowedBits;
  /**
   * When it applies, RFBM given. `always`: whatever RFBM is. `sse-or-avx`: RFBM has bit 1 or 2. `sse-loaded`: RFBM and
   * XSTATE_BV have bit 1. `loaded`: to the bits of RFBM only, and after all others have passed.
   */
  readonly applies: "always" | "sse-or-avx" | "sse-loaded" | "loaded";
  /** Why it is a fault; the offending bits are put behind it. */
  readonly message: string;
}

/** Contents for which XRSTORS refuses a supervisor component. */
export interface ContentCheck {
  readonly component: number;
  /** Where the byte is looked at: in the area or in the processor's registers. */
  readonly where: "area" | "registers";
  /** Byte offset in the component, and the bits of that byte that have to be 0. */
  readonly byte: number;
  readonly bits: number;
  /** True: looked at whenever RFBM has the component, also where it is initialised; else only where it is loaded. */
  readonly evenInitial: boolean;
  readonly message: string;
}

/** One check for each byte of the register at `offset` in which `reserved` has a bit. */
function reservedBits(component: number, offset: number, reserved: bigint, register: string): ContentCheck[] {
  const checks: ContentCheck[] = [];
  for (let byte = 0; byte < 8; byte++) {
    const bits = Number((reserved >> BigInt(8 * byte)) & 0xffn);
    const message = `reserved bits of ${register} are set`;
    if (bits !== 0) checks.push({ component, where: "area", byte: offset + byte, bits, evenInitial: false, message });
  }
  return checks;
}

/**
 * Checks of contents: reserved bits as WRMSR knows them, and two registers of the processor (SDM vol. 1, 13.5.6 to
 * 13.5.13; the registers' own sections in vol. 3 and 4). Which bits of RTIT_CTL and which depths of LBR exist is told by
 * CPUID leaves that a model does not hold, and so is the width of a canonical address: neither is refused here.
 */
export const CONTENT_CHECKS: readonly ContentCheck[] = [
  {
    // The register's TraceEn, not the image's: an image that XSAVES stored while tracing has it set, and is loaded.
    component: 8,
    where: "registers",
    byte: 0,
    bits: 1,
    evenInitial: true,
    message: "RTIT_CTL.TraceEn of the processor is 1: trace state can neither be loaded nor initialised while tracing",
  },
  ...reservedBits(8, 32, 0x1fn, "IA32_RTIT_CR3_MATCH"),
  ...[72, 80, 88, 96, 104, 112, 120].flatMap((offset) => reservedBits(8, offset, ~0n, "trace state behind its registers")),
  ...reservedBits(10, 0, 0xffff_ffff_7ff0_0000n, "IA32_PASID"),
  ...reservedBits(11, 0, 0x3c0n, "IA32_U_CET"),
  ...reservedBits(11, 8, 3n, "IA32_PL3_SSP"),
  ...[0, 1, 2].flatMap((level) => reservedBits(12, 8 * level, 3n, `IA32_PL${level}_SSP`)),
  ...reservedBits(13, 0, ~1n, "IA32_PM_CTL1"),
  {
    // The register's UINV, not the image's: recorded XRSTORS loads images with any UINV while the register's is 0.
    component: 14,
    where: "registers",
    byte: 20,
    bits: 0xff,
    evenInitial: false,
    message: "UINV of the processor is not 0: XSAVES clears it, so the state was not saved before",
  },
  ...reservedBits(14, 16, 0x7fff_ff00_0000_0000n, "IA32_UINTR_MISC"),
  ...reservedBits(14, 24, 0x3fn, "IA32_UINTR_PD"),
  ...reservedBits(14, 40, 0xen, "IA32_UINTR_TT"),
  ...reservedBits(15, 0, ~0x7f_000fn, "IA32_LBR_CTL"),
  ...reservedBits(15, 8, ~0x7fn, "IA32_LBR_DEPTH"),
  ...reservedBits(16, 0, 0x07ff_f800_0000_0000n, "IA32_HWP_REQUEST"),
];

/**
 * The checks of an instruction over an area of a format, in the order of the area's bytes but for XSTATE_BV,
 * whose rule needs XCOMP_BV. XRSTORS refuses every standard-format area; that is no check of a field's bits.
 */
export function restoreChecks(cpu: ProcessorDescription, format: AreaFormat): FieldCheck[] {
  const compacted = format === "compacted";
  const checks: FieldCheck[] = [];
  const check = (
    rule: RestoreRule,
    offset: number,
    allowed: AllowedBits,
    message: string,
    applies: FieldCheck["applies"] = "always",
  ): void => {
    const vector = rule === "xfd" ? 7 : 13;
    checks.push({ rule, vector, offset, bytes: offset === MXCSR_OFFSET ? 4 : 8, allowed, applies, message });
  };
  if (compacted) {
    if (!cpu.instructions.xsavec)
      check(
        "compaction-unsupported",
        XCOMP_BV_OFFSET,
        ~XCOMP_BV_COMPACTED,
        `${cpu.id} has no compacted form of XRSTOR; XCOMP_BV has`,
      );
    check("xcomp-bv-bits", XCOMP_BV_OFFSET, "enabled", "not enabled is, of XCOMP_BV,");
    check("xstate-bv-bits", XSTATE_BV_OFFSET, "laid-out", "XCOMP_BV lacks, of XSTATE_BV,");
  } else {
    check("xcomp-bv-standard", XCOMP_BV_OFFSET, 0n, "XCOMP_BV is not 0 in the standard format:");
    check("xstate-bv-bits", XSTATE_BV_OFFSET, "XCR0", "XCR0 lacks, of XSTATE_BV,");
  }
  const end = compacted ? 576 : 536;
  for (let at = 528; at < end; at += 8) check("header-reserved", at, 0n, `reserved header bytes ${at}-${at + 7} are not 0:`);
  check("mxcsr-reserved", MXCSR_OFFSET, "mxcsr-mask", "reserved in MXCSR is", compacted ? "sse-loaded" : "sse-or-avx");
  check("xfd", XSTATE_BV_OFFSET, "not-disabled", "IA32_XFD disables", "loaded");
  return checks;
}
