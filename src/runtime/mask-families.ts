/**
 * What a kernel makes of a CPU at boot: the feature masks it keeps, enables and validates against.
 * Source: fpu__init_system_xstate() of v7.3-rc7 (arch/x86/kernel/fpu/xstate.c:805-905), in its order; the same
 * function of v5.14 has a part of the steps. Not modelled: the checks of sizes that disable XSAVE as well.
 */

import { hasBit, maskHex } from "../isa/feature-mask.ts";
import { type CpuFeature, kernelFamilies, type KernelVersion } from "./kernel-families.ts";

/** What the boot filter reads of a CPU. Every CPU model is one. */
export interface FilteredCpu {
  readonly xcr0Supported: bigint;
  readonly xssSupported: bigint;
  readonly instructions: { readonly xsaves: boolean; readonly xfd: boolean };
}

/**
 * CPU features that leaf 0DH does not show. One that is not given counts as present if a component that needs
 * it is enumerated; `archLbr` if component 15 is.
 */
export type CpuFeatures = { readonly [feature in CpuFeature]?: boolean };

/** A kernel's masks on one CPU. All zero if the kernel disables XSAVE. */
export interface MaskFamilies {
  readonly kernel: KernelVersion;
  /** Why the kernel disables XSAVE; absent if it does not. */
  readonly xsaveDisabled?: string;
  /** cpu_feature_enabled(X86_FEATURE_XSAVES) */
  readonly xsaves: boolean;
  /** fpu_kernel_cfg.max_features; xfeatures_mask_all in 5.14. */
  readonly maxFeatures: bigint;
  /** fpu_user_cfg.max_features: what XCR0 is set to. */
  readonly userFeatures: bigint;
  /** fpu_kernel_cfg.default_features: what a task's buffer holds from the start. */
  readonly hostDefault: bigint;
  /** The same for a guest's buffer; since 7.3 a mask of its own. */
  readonly guestDefault: bigint;
  /** All features of task state, independent ones not included: xfeatures_mask_all of a75c52896b6d. */
  readonly allTask: bigint;
  /** xfeatures_mask_independent() of this kernel. */
  readonly independent: bigint;
  /** The same before 2848ff28d180: LBR if the CPU has ARCH_LBR, enumerated or not. */
  readonly independentByArchLbr: bigint;
  /** The same since 2848ff28d180: only what leaf 0DH enumerates, and LBR only with ARCH_LBR. */
  readonly independentEnumerated: bigint;
  /** The value that the kernel writes to IA32_XSS. */
  readonly ia32XssWritten: bigint;
  /** The value IA32_XSS then has: 0 if the write raises #GP for a bit that the CPU lacks (the bug of 2848ff28d180). */
  readonly ia32Xss: bigint;
  /** XCR0 | IA32_XSS */
  readonly enabled: bigint;
}

const FP_SSE = 0b11n;
const MPX = 0b1_1000n;
const APX = 1n << 19n;
const LBR = 1n << 15n;

/** Applies a kernel's boot filter to a CPU. */
export function maskFamilies(kernel: KernelVersion, cpu: FilteredCpu, features: CpuFeatures = {}): MaskFamilies {
  const own = kernelFamilies(kernel);
  const enumerated = cpu.xcr0Supported | cpu.xssSupported;
  if ((enumerated & FP_SSE) !== FP_SSE) {
    return disabled(kernel, `FP/SSE not present amongst the CPU's xstate features: ${maskHex(enumerated)}`);
  }
  if (own.refusesApxWithMpx && enumerated & APX && enumerated & MPX) {
    return disabled(kernel, `both APX and MPX present in the CPU's xstate features: ${maskHex(enumerated)}`);
  }

  // Captured before everything else is filtered, so that dropping LBR from max_features does not touch it.
  const archLbr = features.archLbr ?? hasBit(enumerated, 15);
  const withoutLbr = archLbr ? 0n : LBR;
  const independentByArchLbr = own.independent & ~withoutLbr;
  const independentEnumerated = own.independent & enumerated & ~withoutLbr;
  const independent = own.independentNeedsEnumeration ? independentEnumerated : independentByArchLbr;

  let maxFeatures = enumerated;
  for (const [component, feature] of own.needs) {
    if (features[feature] === false) maxFeatures &= ~(1n << BigInt(component));
  }
  if (!cpu.instructions.xfd) maxFeatures &= ~own.userDynamic;
  maxFeatures &= cpu.instructions.xsaves ? own.userSupported | own.supervisorSupported : own.userSupported;

  const userFeatures = maxFeatures & own.userSupported;
  const ia32XssWritten = cpu.instructions.xsaves ? (maxFeatures & own.supervisorSupported) | independent : 0n;
  const ia32Xss = ia32XssWritten & ~cpu.xssSupported ? 0n : ia32XssWritten;
  return {
    kernel,
    xsaves: cpu.instructions.xsaves,
    maxFeatures,
    userFeatures,
    hostDefault: maxFeatures & ~(own.userDynamic | own.guestSupervisor),
    guestDefault: maxFeatures & ~own.userDynamic,
    allTask: maxFeatures,
    independent,
    independentByArchLbr,
    independentEnumerated,
    ia32XssWritten,
    ia32Xss,
    enabled: userFeatures | ia32Xss,
  };
}

function disabled(kernel: KernelVersion, xsaveDisabled: string): MaskFamilies {
  return {
    kernel,
    xsaveDisabled,
    xsaves: false,
    maxFeatures: 0n,
    userFeatures: 0n,
    hostDefault: 0n,
    guestDefault: 0n,
    allTask: 0n,
    independent: 0n,
    independentByArchLbr: 0n,
    independentEnumerated: 0n,
    ia32XssWritten: 0n,
    ia32Xss: 0n,
    enabled: 0n,
  };
}
