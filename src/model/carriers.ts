/**
 * What takes an XSAVE area from one machine to another. A carrier decides which components travel at all, in
 * which format, and what is checked on arrival.
 */

import { maskOfBits } from "../isa/feature-mask.ts";
import { kernelFamilies } from "../runtime/kernel-families.ts";
import type { AreaFormat } from "../layout/area-layout.ts";

/** Names of the carriers, as `--carrier` takes them. */
export const CARRIER_NAMES = ["standard", "compacted", "kvm", "ptrace", "criu", "qemu"] as const;
/** One of them. */
export type CarrierName = (typeof CARRIER_NAMES)[number];

/** A carrier's rules. */
export interface Carrier {
  readonly name: CarrierName;
  /** For people: `a KVM blob`. */
  readonly title: string;
  /** From what to what. */
  readonly path: string;
  /** `registers`: one field for each register, no offsets. */
  readonly format: AreaFormat | "registers";
  /** Components that travel; the others are lost where they are in use. */
  readonly carries: bigint;
  /**
   * What the receiver demands of the length. `exact`: that of its own user area. `at-least`: it reads its own
   * user area, at least 4096 bytes. `same-cpuid`: CPUID.(0DH,0) EBX and ECX equal to the sender's.
   */
  readonly length?: "exact" | "at-least" | "same-cpuid";
  /** The receiver refuses a component whose size in CPUID differs. */
  readonly sameSizes?: true;
  /** Linux moves it, so that XCR0 holds what Linux enables. */
  readonly linux: boolean;
  readonly source: string;
}

const ALL = ~0n & ((1n << 63n) - 1n);
const LINUX_USER = kernelFamilies("7.3").userSupported;

const CARRIERS: Readonly<Record<CarrierName, Carrier>> = {
  standard: {
    name: "standard",
    title: "an area in the standard format",
    path: "XSAVE to XRSTOR",
    format: "standard",
    carries: ALL,
    linux: false,
    source: "SDM vol. 1, 13.7 and 13.8.1",
  },
  compacted: {
    name: "compacted",
    title: "an area in the compacted format",
    path: "XSAVEC to XRSTOR or, with IA32_XSS, XSAVES to XRSTORS",
    format: "compacted",
    carries: ALL,
    linux: false,
    source: "SDM vol. 1, 13.8.2, 13.10 to 13.12",
  },
  kvm: {
    name: "kvm",
    title: "a KVM blob",
    path: "KVM_GET_XSAVE2 to KVM_SET_XSAVE, at the host's standard offsets",
    format: "standard",
    carries: LINUX_USER,
    length: "at-least",
    linux: true,
    source: "arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate(), fpu/core.c fpu_copy_uabi_to_guest_fpstate(), v7.3-rc7",
  },
  ptrace: {
    name: "ptrace",
    title: "a register set of ptrace or a core",
    path: "NT_X86_XSTATE, at the kernel's standard offsets",
    format: "standard",
    carries: LINUX_USER,
    length: "exact",
    linux: true,
    source: "arch/x86/kernel/fpu/regset.c xstateregs_set(), v7.3-rc7",
  },
  criu: {
    name: "criu",
    title: "a CRIU image",
    path: "one field for each component",
    format: "registers",
    // ymmh_space, bndreg_state, bndcsr_state, opmask_reg, zmm_upper, hi16_zmm, pkru, cet
    carries: maskOfBits([0, 1, 2, 3, 4, 5, 6, 7, 9, 11]),
    length: "same-cpuid",
    sameSizes: true,
    linux: true,
    source: "CRIU 2cf8f13ca1f1 criu/arch/x86/crtools.c assign_xsave(), cpu.c cpu_validate_features()",
  },
  qemu: {
    name: "qemu",
    title: "QEMU's migration stream",
    path: "one field for each register",
    format: "registers",
    // The cpu section, mpx, avx512, intel_pt, pkru, arch_lbr, intel_amx_xtile. For CET and APX there are patches (2025, 2026).
    carries: maskOfBits([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 18]),
    linux: true,
    source: "QEMU 36089deafe88 target/i386/machine.c vmstate_x86_cpu",
  },
};

/** The rules of a carrier. */
export function carrierNamed(name: CarrierName): Carrier {
  return CARRIERS[name];
}
