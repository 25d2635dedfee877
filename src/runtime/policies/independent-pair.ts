import { REFUSED_MASK, REFUSED_NO_XSAVES, SAVED, wordsOf, type Policy } from "./policy.ts";

/**
 * copy_independent_supervisor_to_kernel() (save) and copy_kernel_to_independent_supervisor() (restore): the mask
 * is cut to the independent set. Both checks and the report of a fault are WARN_ON_FPU, so a production build
 * rejects nothing: an empty mask runs with RFBM 0 and rewrites the header.
 */
export const INDEPENDENT_PAIR: Policy = {
  name: "independent-pair",
  title: "copy_independent_supervisor_to_kernel() and twin",
  source: "the lines that a75c52896b6d removes from arch/x86/kernel/fpu/xstate.c",
  saves: true,
  restores: true,
  visibleToCaller: "nothing",
  // Only a debug build gets as far as refusing.
  onRefusal: "warn-once",
  onFault: "warn-once-in-debug",
  clearsXstateBv: false,
  alignment: "unchecked",
  checksSize: false,
  hasLiftParameter: false,
  words: wordsOf("5.14", "independentByArchLbr"),
  cutsToIndependent: true,
  decide(words, _save, _inNmi, maskLow, maskHigh, debug) {
    if (!debug) return SAVED;
    if (!words.xsaves) return REFUSED_NO_XSAVES;
    return (maskLow | maskHigh) === 0 ? REFUSED_MASK : SAVED;
  },
};
