import { inNmiOnly, type Policy } from "./policy.ts";

/** `if (!in_nmi()) return;` is the only check: neither the mask nor the area is looked at. */
export const XSAVES_NMI_AS_POSTED: Policy = {
  name: "xsaves-nmi-as-posted",
  title: "xsaves_nmi() as posted",
  source: "RFC V2 20250626195610.405379-1 and V4 20250925061213.178796-1, patch 03",
  inferred: "V3 is taken as the same: its body was not read, the versions before and after are identical",
  saves: true,
  restores: false,
  visibleToCaller: "nothing",
  onRefusal: "silent",
  onFault: "warn-once",
  clearsXstateBv: false,
  // "must be 64 byte aligned" is a comment there; a misaligned area is the instruction's #GP.
  alignment: "unchecked",
  checksSize: false,
  hasLiftParameter: false,
  decide: inNmiOnly,
};
