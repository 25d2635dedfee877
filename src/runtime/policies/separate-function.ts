import { inNmiOnly, type Policy } from "./policy.ts";

/**
 * The separate function that a maintainer preferred ("I think we should just add a new one") and that was
 * committed: xsaves_nmi() beside xsaves() and xrstors(), which stay as in mainline.
 */
export const SEPARATE_FUNCTION: Policy = {
  name: "separate-function",
  title: "xsaves_nmi() as a separate function, as committed",
  source: "Dave Hansen, 2025-07-07; tip 03b89c9f202e (2026-09)",
  inferred:
    "the committed body was not seen: the rule is that of V4, and the WARN_ON for alignment is what was asked for " +
    "on V4 and agreed to",
  saves: true,
  restores: false,
  visibleToCaller: "nothing",
  onRefusal: "silent",
  onFault: "warn-once",
  clearsXstateBv: false,
  alignment: "warned",
  checksSize: false,
  hasLiftParameter: false,
  decide: inNmiOnly,
};
