import { independentOnly, VOID_PAIR, wordsOf, type Policy } from "./policy.ts";

/** The same rule since 2848ff28d180: an independent feature must also be enumerated by CPUID.(0DH,1). */
export const MAINLINE: Policy = {
  name: "mainline",
  title: "xsaves()/xrstors() since 2848ff28d180, mainline",
  source: "2848ff28d180 (2024-08); v7.3-rc7 arch/x86/kernel/fpu/xstate.c:1415, xstate.h xfeatures_mask_independent()",
  ...VOID_PAIR,
  words: wordsOf("7.3", "independentEnumerated"),
  decide: independentOnly,
};
