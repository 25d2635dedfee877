/**
 * Which values XCR0, IA32_XSS and IA32_XFD accept, rule by rule.
 * Sources: Intel SDM vol. 1, 13.3 and 13.14; Linux kvm/x86.c; Xen valid_xcr0().
 */

import { bitsOf, maskWithNames } from "../isa/feature-mask.ts";
import type { ProcessorDescription } from "./processor-description.ts";

/** Names of the rules. */
export type ControlRule =
  | "x87-bit-clear"
  | "unsupported-bits"
  | "avx-without-sse"
  | "mpx-halves"
  | "avx512-parts"
  | "amx-halves"
  | "apx-over-mpx"
  | "no-register";

/** A rule that a value breaks, and the bits at fault. */
export interface ControlViolation {
  readonly rule: ControlRule;
  /** Bits that are set and must not be, or that are missing. */
  readonly bits: bigint;
  readonly message: string;
}

/** Where one of `any` is set, all of `needs` must be. */
interface Dependency {
  readonly rule: ControlRule;
  readonly any: bigint;
  readonly needs: bigint;
  readonly message: string;
}

const XCR0_DEPENDENCIES: readonly Dependency[] = [
  { rule: "avx-without-sse", any: 0x4n, needs: 0x2n, message: "AVX needs SSE" },
  { rule: "mpx-halves", any: 0x18n, needs: 0x18n, message: "BNDREGS and BNDCSR go together" },
  {
    rule: "avx512-parts",
    any: 0xe0n,
    needs: 0xe6n,
    message: "opmask, ZMM_Hi256 and Hi16_ZMM go together and need SSE and AVX",
  },
  { rule: "amx-halves", any: 0x6_0000n, needs: 0x6_0000n, message: "TILECFG and TILEDATA go together" },
];

const APX = 0x8_0000n;
const MPX = 0x18n;

function unsupported(id: string, value: bigint, supported: bigint): ControlViolation[] {
  const bits = value & ~supported;
  return bits === 0n ? [] : [{ rule: "unsupported-bits", bits, message: `${id} does not support ${maskWithNames(bits)}` }];
}

/** Every reason for which XSETBV (ECX = 0, CPL 0) would raise #GP with this value; empty if it would not. */
export function xcr0Violations(cpu: Pick<ProcessorDescription, "id" | "xcr0Supported">, xcr0: bigint): ControlViolation[] {
  const found: ControlViolation[] = [];
  if ((xcr0 & 1n) === 0n) found.push({ rule: "x87-bit-clear", bits: 1n, message: "bit 0 (x87) must be 1" });
  found.push(...unsupported(cpu.id, xcr0, cpu.xcr0Supported));
  for (const { rule, any, needs, message } of XCR0_DEPENDENCIES) {
    if ((xcr0 & any) !== 0n && (xcr0 & needs) !== needs) found.push({ rule, bits: needs & ~xcr0, message });
  }
  // Their standard offsets overlap; KVM and Linux refuse both together, whether silicon does is not documented.
  if ((xcr0 & APX) !== 0n && (xcr0 & MPX) !== 0n)
    found.push({ rule: "apx-over-mpx", bits: xcr0 & MPX, message: "APX lies over BNDREGS and BNDCSR" });
  return found;
}

/**
 * The largest part of a mask that XSETBV takes at once, as far as bits depend on each other: what lacks its other half
 * goes, and MPX where APX is, since no CPU with APX has MPX in hardware.
 */
export function acceptedXcr0(mask: bigint): bigint {
  let xcr0 = mask | 1n;
  for (const { any, needs } of XCR0_DEPENDENCIES) if ((xcr0 & needs) !== needs) xcr0 &= ~any;
  return (xcr0 & APX) !== 0n ? xcr0 & ~MPX : xcr0;
}

/** Every reason for which WRMSR to IA32_XSS would raise #GP with this value; empty if it would not. */
export function xssViolations(
  cpu: Pick<ProcessorDescription, "id" | "xssSupported" | "instructions">,
  xss: bigint,
): ControlViolation[] {
  const found: ControlViolation[] = [];
  if (xss !== 0n && !cpu.instructions.xsaves)
    found.push({ rule: "no-register", bits: xss, message: `${cpu.id} has no XSAVES, so no IA32_XSS` });
  return [...found, ...unsupported(cpu.id, xss, cpu.xssSupported)];
}

/** Every reason for which WRMSR to IA32_XFD would raise #GP with this value: bits must be those of ECX[2] (SDM 13.14). */
export function xfdViolations(
  cpu: Pick<ProcessorDescription, "id" | "components" | "instructions">,
  xfd: bigint,
): ControlViolation[] {
  const found: ControlViolation[] = [];
  if (xfd !== 0n && !cpu.instructions.xfd) found.push({ rule: "no-register", bits: xfd, message: `${cpu.id} has no IA32_XFD` });
  const disableable = new Set(cpu.components.filter((row) => row.xfd).map((row) => row.index));
  const bits = bitsOf(xfd)
    .filter((index) => !disableable.has(index))
    .reduce((mask, index) => mask | (1n << BigInt(index)), 0n);
  if (bits !== 0n) found.push({ rule: "unsupported-bits", bits, message: `${cpu.id} cannot disable ${maskWithNames(bits)}` });
  return found;
}
