/** Which values XCR0 and IA32_XSS accept. Sources: SDM vol. 1, 13.3; Linux kvm/x86.c; Xen valid_xcr0(). */

import { maskWithNames } from "../isa/feature-mask.ts";

interface SupportedMasks {
  readonly id: string;
  readonly xcr0Supported: bigint;
  readonly xssSupported: bigint;
  readonly instructions: { readonly xsaves: boolean };
}

/** Every reason for which XSETBV (ECX = 0, CPL 0) would raise #GP with this value; empty if it would not. */
export function xcr0Violations(cpu: SupportedMasks, xcr0: bigint): string[] {
  const reasons: string[] = [];
  const all = (mask: bigint): boolean => (xcr0 & mask) === mask;
  const any = (mask: bigint): boolean => (xcr0 & mask) !== 0n;
  if (!any(1n)) reasons.push("bit 0 (x87) must be 1");
  if (xcr0 & ~cpu.xcr0Supported) reasons.push(`${cpu.id} does not support ${maskWithNames(xcr0 & ~cpu.xcr0Supported)}`);
  if (any(4n) && !any(2n)) reasons.push("AVX needs SSE");
  if (any(0x18n) && !all(0x18n)) reasons.push("BNDREGS and BNDCSR go together");
  if (any(0xe0n) && !all(0xe6n)) reasons.push("opmask, ZMM_Hi256 and Hi16_ZMM go together and need SSE and AVX");
  if (any(0x6_0000n) && !all(0x6_0000n)) reasons.push("TILECFG and TILEDATA go together");
  // Overlapping offsets; KVM and Linux refuse it, that silicon does is not documented.
  if (any(0x8_0000n) && any(0x18n)) reasons.push("APX lies over BNDREGS and BNDCSR");
  return reasons;
}

/** Every reason for which WRMSR to IA32_XSS would raise #GP with this value; empty if it would not. */
export function xssViolations(cpu: SupportedMasks, xss: bigint): string[] {
  const reasons: string[] = [];
  if (xss !== 0n && !cpu.instructions.xsaves) reasons.push(`${cpu.id} has no XSAVES, so no IA32_XSS`);
  if (xss & ~cpu.xssSupported) reasons.push(`${cpu.id} does not support ${maskWithNames(xss & ~cpu.xssSupported)}`);
  return reasons;
}
