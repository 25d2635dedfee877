/**
 * The kernels' families of XSAVE features, as constants of their headers. What a CPU makes of them is in
 * `mask-families.ts`.
 * Sources: arch/x86/include/asm/fpu/xstate.h and xsave_cpuid_features[] in arch/x86/kernel/fpu/xstate.c of v5.14,
 * v6.12 and v7.3-rc7.
 */

import { maskOfBits } from "../isa/feature-mask.ts";

/** Kernels whose families are known. */
export const KERNELS = ["5.14", "6.12", "7.3"] as const;
export type KernelVersion = (typeof KERNELS)[number];

/** CPU features, in Linux's words, that decide whether a kernel keeps a component or independent feature. */
export type CpuFeature = "avx" | "mpx" | "avx512f" | "pku" | "ospke" | "enqcmd" | "shstk" | "amxTile" | "apx" | "archLbr";

/** One kernel's families; each a constant of its header. */
export interface KernelFamilies {
  readonly kernel: KernelVersion;
  /** XFEATURE_MASK_USER_SUPPORTED (of a 64-bit kernel; a 32-bit one lacks the XTILE bits). */
  readonly userSupported: bigint;
  /** XFEATURE_MASK_USER_RESTORE: restored on return to user space. PKRU is not, it is switched eagerly. */
  readonly userRestore: bigint;
  /** XFEATURE_MASK_USER_DYNAMIC: enabled for a process on request. */
  readonly userDynamic: bigint;
  /** XFEATURE_MASK_SUPERVISOR_SUPPORTED */
  readonly supervisorSupported: bigint;
  /** XFEATURE_MASK_GUEST_SUPERVISOR: enabled in guest FPUs only. */
  readonly guestSupervisor: bigint;
  /** XFEATURE_MASK_INDEPENDENT: saved on demand, never part of a task's state. */
  readonly independent: bigint;
  /** XFEATURE_MASK_SUPERVISOR_UNSUPPORTED */
  readonly supervisorUnsupported: bigint;
  /** XFEATURE_MASK_SUPERVISOR_ALL */
  readonly supervisorAll: bigint;
  /** XFEATURE_MASK_FPSTATE (5.14: the constant inside xfeatures_mask_fpstate()). */
  readonly fpstate: bigint;
  /** XFEATURE_MASK_SIGFRAME_INITOPT */
  readonly signalFrameInitOptimised: bigint;
  /** Since 2848ff28d180 an independent feature must also be enumerated by leaf 0DH. */
  readonly independentNeedsEnumeration: boolean;
  /** XSAVE is disabled on a CPU that enumerates APX and a component of MPX. */
  readonly refusesApxWithMpx: boolean;
  /** Component index -> the CPU feature without which the kernel drops it. */
  readonly needs: readonly (readonly [component: number, feature: CpuFeature])[];
  readonly source: string;
}

type Given = Omit<KernelFamilies, "userRestore" | "supervisorAll" | "fpstate">;

const PKRU = maskOfBits([9]);
const LBR = maskOfBits([15]);
const XTILE = maskOfBits([17, 18]);

/** Three families are defined by the header in terms of the others. */
const families = (given: Given): KernelFamilies => ({
  ...given,
  userRestore: given.userSupported & ~PKRU,
  supervisorAll: given.supervisorSupported | given.independent | given.supervisorUnsupported,
  fpstate: (given.userSupported & ~PKRU) | given.supervisorSupported,
});

const NEEDS_5_14: KernelFamilies["needs"] = [
  [2, "avx"],
  [3, "mpx"],
  [4, "mpx"],
  [5, "avx512f"],
  [6, "avx512f"],
  [7, "avx512f"],
  [9, "pku"],
  [10, "enqcmd"],
];
// PKRU by OSPKE instead of PKU: seen for v7.3 and in patches against 6.x; for v6.12 itself not re-read.
const NEEDS_6_12: KernelFamilies["needs"] = [
  [2, "avx"],
  [3, "mpx"],
  [4, "mpx"],
  [5, "avx512f"],
  [6, "avx512f"],
  [7, "avx512f"],
  [9, "ospke"],
  [10, "enqcmd"],
  [11, "shstk"],
  [17, "amxTile"],
  [18, "amxTile"],
];

const KERNEL_5_14 = families({
  kernel: "5.14",
  userSupported: maskOfBits([0, 1, 2, 3, 4, 5, 6, 7, 9]),
  userDynamic: 0n,
  supervisorSupported: maskOfBits([10]),
  guestSupervisor: 0n,
  independent: LBR,
  supervisorUnsupported: maskOfBits([8]),
  signalFrameInitOptimised: 0n,
  independentNeedsEnumeration: false,
  refusesApxWithMpx: false,
  needs: NEEDS_5_14,
  source: "v5.14 arch/x86/include/asm/fpu/xstate.h, as of a75c52896b6d",
});

const KERNEL_6_12 = families({
  kernel: "6.12",
  userSupported: maskOfBits([0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18]),
  userDynamic: maskOfBits([18]),
  supervisorSupported: maskOfBits([10, 11]),
  guestSupervisor: 0n,
  independent: LBR,
  supervisorUnsupported: maskOfBits([8, 12]),
  signalFrameInitOptimised: XTILE,
  independentNeedsEnumeration: true,
  refusesApxWithMpx: false,
  needs: NEEDS_6_12,
  source: "v6.12.117 arch/x86/include/asm/fpu/xstate.h, with 2848ff28d180",
});

const KERNEL_7_3 = families({
  kernel: "7.3",
  userSupported: maskOfBits([0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18, 19]),
  userDynamic: maskOfBits([18]),
  supervisorSupported: maskOfBits([10, 11, 12]),
  guestSupervisor: maskOfBits([12]),
  independent: LBR,
  supervisorUnsupported: maskOfBits([8]),
  signalFrameInitOptimised: XTILE,
  independentNeedsEnumeration: true,
  refusesApxWithMpx: true,
  needs: [...NEEDS_6_12, [12, "shstk"], [19, "apx"]],
  source: "v7.3-rc7 arch/x86/include/asm/fpu/xstate.h, arch/x86/kernel/fpu/xstate.c:805-905",
});

/** The families of one kernel. */
export function kernelFamilies(kernel: KernelVersion): KernelFamilies {
  if (kernel === "5.14") return KERNEL_5_14;
  return kernel === "6.12" ? KERNEL_6_12 : KERNEL_7_3;
}
