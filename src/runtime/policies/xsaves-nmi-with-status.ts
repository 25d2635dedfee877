import { inNmiOnly, type Policy } from "./policy.ts";

/**
 * The same rule, our default: alignment is checked by code and the area's size against the mask, as the reviewers
 * asked; the caller gets a status and a refused save leaves no stale XSTATE_BV behind, as its callers would trust it.
 */
export const XSAVES_NMI_WITH_STATUS: Policy = {
  name: "xsaves-nmi-with-status",
  title: "xsaves_nmi() with status (default)",
  source:
    "this project: buffer size and alignment after Dave Hansen's reviews of v1 and V4, status and cleared XSTATE_BV our conclusion",
  saves: true,
  restores: false,
  visibleToCaller: "status",
  onRefusal: "status",
  onFault: "status",
  clearsXstateBv: true,
  alignment: "refused",
  checksSize: true,
  hasLiftParameter: false,
  decide: inNmiOnly,
};
