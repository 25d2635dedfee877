/** How generated savers are called, from what they are for. */

import { maskOf } from "../isa/feature-mask.ts";
import type { SaverForm, SaverGroup } from "./generated-v1.ts";
import type { SaveFamily } from "./save-plan.ts";

/** `xsavec_rfbm_e7`: a group, by the first of its instructions; with what is in use one of its savers, `xsavec_rfbm_e7_all`. */
export function saverName(family: SaveFamily, rfbm: bigint, inUse?: bigint | "any"): string {
  const group = `${family.toLowerCase()}_rfbm_${rfbm.toString(16)}`;
  if (inUse === undefined) return group;
  return `${group}_${inUse === "any" ? inUse : inUse === rfbm ? "all" : `inuse_${inUse.toString(16)}`}`;
}

/** The name of one of a group's savers. */
export function formName({ families, rfbm }: SaverGroup, { inUse }: SaverForm): string {
  return saverName(families[0]!, maskOf(...rfbm), inUse === "any" ? inUse : maskOf(...inUse));
}
