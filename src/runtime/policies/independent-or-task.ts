import { REFUSED_MASK, REFUSED_NO_XSAVES, SAVED, VOID_PAIR, wordsOf, type Policy } from "./policy.ts";

/**
 * validate_xsaves_xrstors(): a mask with any independent bit must be all independent, any other must be all of
 * task state; zero is refused.
 */
export const INDEPENDENT_OR_TASK: Policy = {
  name: "independent-or-task",
  title: "xsaves()/xrstors() at a75c52896b6d",
  source: "a75c52896b6d (2021-06), arch/x86/kernel/fpu/xstate.c validate_xsaves_xrstors()",
  ...VOID_PAIR,
  words: wordsOf("5.14", "independentByArchLbr"),
  decide(words, _save, _inNmi, maskLow, maskHigh, debug) {
    if (debug && !words.xsaves) return REFUSED_NO_XSAVES;
    if ((maskLow | maskHigh) === 0) return REFUSED_MASK;
    const touchesIndependent = ((maskLow & words.independentLow) | (maskHigh & words.independentHigh)) !== 0;
    const allowedLow = touchesIndependent ? words.independentLow : words.taskLow;
    const allowedHigh = touchesIndependent ? words.independentHigh : words.taskHigh;
    return ((maskLow & ~allowedLow) | (maskHigh & ~allowedHigh)) === 0 ? SAVED : REFUSED_MASK;
  },
};
