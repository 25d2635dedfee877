/**
 * A policy: the rule by which one version of a kernel's XSAVES/XRSTORS helper lets a mask through, in one
 * context, and what it does otherwise. All policies run over one path, `runXsaves` of `nmi-gate.ts`.
 */

import { maskPair } from "../../isa/feature-mask.ts";
import type { KernelVersion } from "../kernel-families.ts";
import { type CpuFeatures, type FilteredCpu, maskFamilies } from "../mask-families.ts";

/** The instruction ran without a fault. */
export const SAVED = 0;
/** The same, for a restore. */
export const RESTORED = 0;
/** Outside an NMI. */
export const REFUSED_NOT_IN_NMI = 1;
/** The mask is not one that the rule lets through here. */
export const REFUSED_MASK = 2;
/** The CPU has no XSAVES; noticed by debug builds only. */
export const REFUSED_NO_XSAVES = 3;
/** The area is not 64-byte aligned. */
export const REFUSED_ALIGNMENT = 4;
/** The area is smaller than the mask needs. */
export const REFUSED_SIZE = 5;
/** The policy has no function in this direction. */
export const NOT_OFFERED = 6;
/** The instruction ran and raised an exception; nothing was written. The gate keeps the vector. */
export const FAULTED = 7;

/** Names of the statuses, by value. */
export const STATUS_NAMES = ["done", "not in NMI", "mask", "no XSAVES", "alignment", "size", "not offered", "faulted"] as const;

/** `debug` has CONFIG_X86_DEBUG_FPU. Without it WARN_ON_FPU(x) is the constant 0: it neither warns nor rejects. */
export type Build = "production" | "debug";

/** The masks that a rule compares with, as signed 32-bit words; bound once. */
export interface PolicyWords {
  readonly independentLow: number;
  readonly independentHigh: number;
  readonly taskLow: number;
  readonly taskHigh: number;
  readonly xsaves: boolean;
}

/** One system of validation, as data and one rule. */
export interface Policy {
  /** Words joined by `-`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Commit or message it was read in. */
  readonly source: string;
  /** What in this model is concluded and not read; absent if all was read. */
  readonly inferred?: string;
  readonly saves: boolean;
  readonly restores: boolean;
  /** Void functions tell their caller nothing: it cannot tell saved from refused. The gate's status is then for us alone. */
  readonly visibleToCaller: "nothing" | "status";
  /** What a refusal says. "once" is about the message, never about the refusal. */
  readonly onRefusal: "silent" | "warn-once" | "status";
  /** What an exception of the instruction says. */
  readonly onFault: "warn-once" | "warn-once-in-debug" | "status";
  /** XSTATE_BV is set to 0 when a save is refused or faults; else it still holds the previous sample. */
  readonly clearsXstateBv: boolean;
  /** `unchecked`: a misaligned area is the instruction's #GP. `warned`: the same after a WARN_ON. `refused`: not run. */
  readonly alignment: "unchecked" | "warned" | "refused";
  /** The area's size is checked against what the mask needs. */
  readonly checksSize: boolean;
  /** The function has the parameter that lifts the limit. */
  readonly hasLiftParameter: boolean;
  /** The masks that it compares with, on a CPU; absent: it looks at no mask. */
  words?(cpu: FilteredCpu, features: CpuFeatures | undefined): PolicyWords;
  /** True: bits outside the independent set are cut off before the rule is asked. */
  readonly cutsToIndependent?: true;
  /**
   * The rule: 0 runs the instruction, anything else is the status of the refusal. `maskLow` and `maskHigh` are
   * cut already, as signed or unsigned words. `lifted` is the caller's flag where there is such a parameter.
   */
  decide(
    words: PolicyWords,
    save: boolean,
    inNmi: boolean,
    maskLow: number,
    maskHigh: number,
    debug: boolean,
    lifted: boolean,
  ): number;
}

/**
 * validate_independent_components(): `!mask || mask & ~xfeatures_mask_independent()` is refused.
 * Source: f5daf836f292; unchanged in v7.3-rc7, arch/x86/kernel/fpu/xstate.c:1415.
 */
export function decideIndependentOnly(words: PolicyWords, maskLow: number, maskHigh: number, debug: boolean): number {
  if (debug && !words.xsaves) return REFUSED_NO_XSAVES;
  if ((maskLow | maskHigh) === 0) return REFUSED_MASK;
  if (((maskLow & ~words.independentLow) | (maskHigh & ~words.independentHigh)) !== 0) return REFUSED_MASK;
  return SAVED;
}

/**
 * The words of a kernel's families on a CPU. `xfeatures_mask_independent()` is one of two: before 2848ff28d180 it goes by
 * ARCH_LBR, since then by what leaf 0DH enumerates.
 */
export function wordsOf(
  kernel: KernelVersion,
  set: "independentByArchLbr" | "independentEnumerated",
): NonNullable<Policy["words"]> {
  return (cpu, features) => {
    const families = maskFamilies(kernel, cpu, features);
    const [independentLow, independentHigh] = maskPair(families[set]);
    const [taskLow, taskHigh] = maskPair(families.allTask);
    return { independentLow, independentHigh, taskLow, taskHigh, xsaves: families.xsaves };
  };
}

/** What all versions of xsaves() and xrstors() have in common: void, warning once, checking no area. */
export const VOID_PAIR: Pick<
  Policy,
  | "saves"
  | "restores"
  | "visibleToCaller"
  | "onRefusal"
  | "onFault"
  | "clearsXstateBv"
  | "alignment"
  | "checksSize"
  | "hasLiftParameter"
> = {
  saves: true,
  restores: true,
  visibleToCaller: "nothing",
  onRefusal: "warn-once",
  onFault: "warn-once",
  clearsXstateBv: false,
  alignment: "unchecked",
  checksSize: false,
  hasLiftParameter: false,
};

/** The rule of xsaves() and xrstors() of 5.14 and since. */
export const independentOnly: Policy["decide"] = (words, _save, _inNmi, maskLow, maskHigh, debug) =>
  decideIndependentOnly(words, maskLow, maskHigh, debug);

/** Any mask but zero, where a proposal lifts the limit to independent features. */
export function decideAnyButZero(words: PolicyWords, maskLow: number, maskHigh: number, debug: boolean): number {
  if (debug && !words.xsaves) return REFUSED_NO_XSAVES;
  return (maskLow | maskHigh) === 0 ? REFUSED_MASK : SAVED;
}

/** The rule of xsaves_nmi(): where it is called from, and nothing else. */
export const inNmiOnly: Policy["decide"] = (_words, _save, inNmi) => (inNmi ? SAVED : REFUSED_NOT_IN_NMI);
