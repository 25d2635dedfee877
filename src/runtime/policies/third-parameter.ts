import { decideAnyButZero, decideIndependentOnly, VOID_PAIR, wordsOf, type Policy } from "./policy.ts";

/**
 * `void xsaves(struct xregs_state *xsave, u64 mask, bool nmi)`: the flag removes the limit to independent
 * features. Only the save gets it, since perf only saves. Without the flag it is mainline.
 */
export const THIRD_PARAMETER: Policy = {
  name: "third-parameter",
  title: "xsaves() with a third parameter `nmi`",
  source: "Kan Liang, 2025-07-07, reply to the reviewer; not adopted",
  inferred: "no body was posted: that the flag is believed and in_nmi() not asked, and that zero stays refused",
  ...VOID_PAIR,
  hasLiftParameter: true,
  words: wordsOf("7.3", "independentEnumerated"),
  decide(words, save, _inNmi, maskLow, maskHigh, debug, lifted) {
    if (!save || !lifted) return decideIndependentOnly(words, maskLow, maskHigh, debug);
    return decideAnyButZero(words, maskLow, maskHigh, debug);
  },
};
