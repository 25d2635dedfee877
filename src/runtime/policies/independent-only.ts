import { independentOnly, VOID_PAIR, wordsOf, type Policy } from "./policy.ts";

/**
 * validate_independent_components() as introduced: independent features only, LBR among them if the CPU has
 * ARCH_LBR. It uses nothing of the kernel's other families, so those of 5.14, the nearest known, do no harm.
 */
export const INDEPENDENT_ONLY: Policy = {
  name: "independent-only",
  title: "xsaves()/xrstors() at f5daf836f292",
  source: "f5daf836f292 (2021-10), arch/x86/kernel/fpu/xstate.c validate_independent_components()",
  ...VOID_PAIR,
  words: wordsOf("5.14", "independentByArchLbr"),
  decide: independentOnly,
};
