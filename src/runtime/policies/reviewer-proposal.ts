import { decideAnyButZero, decideIndependentOnly, VOID_PAIR, wordsOf, type Policy } from "./policy.ts";

/**
 * Keep xsaves() and widen it: independent features anywhere, and "another allowance: features in tightly
 * constrained contexts (e.g., NMI)". Of such contexts only the NMI is modelled.
 */
export const REVIEWER_PROPOSAL: Policy = {
  name: "reviewer-proposal",
  title: "xsaves() widened to NMI, the reviewer's proposal",
  source: "Chang S. Bae, 2025-07-01, reply to RFC V2 patch 03",
  inferred:
    "no code was posted: that xrstors() stays independent-only, that a mixed mask is accepted in an NMI, that zero " +
    "stays refused there and that no other bit is checked there",
  ...VOID_PAIR,
  words: wordsOf("7.3", "independentEnumerated"),
  decide(words, save, inNmi, maskLow, maskHigh, debug) {
    if (!save || !inNmi) return decideIndependentOnly(words, maskLow, maskHigh, debug);
    return decideAnyButZero(words, maskLow, maskHigh, debug);
  },
};
