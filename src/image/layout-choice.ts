/** The layout chosen for an area, and what the ways of choosing share. */

import { bitsOf, maskHex } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { OFFSET_MAPS } from "../layout/offset-maps.ts";
import type { LayoutCandidate } from "./layout-candidates.ts";
import type { LayoutEvidence } from "./layout-evidence.ts";

/** What is odd about the evidence. */
export interface LayoutWarning {
  readonly rule:
    | "size-contradicts"
    | "features-contradict"
    | "several-layouts"
    | "gap-not-zero"
    | "gcore-on-amd"
    | "no-known-layout"
    | "weak-evidence";
  readonly message: string;
}

/** The layout chosen, why, and how sure that is. */
export interface LayoutChoice {
  /**
   * What decided. `model`: the caller named it. `declared`: the file holds the rows. `features-and-size`: user features
   * and size. `contents`: several layouts fit those, and zeros in the gaps of only one. `xcomp-bv`: compacted, where
   * only sizes count. `size`: no features known. `none`: nothing fits, or there are no extended components.
   */
  readonly source: "model" | "declared" | "features-and-size" | "contents" | "xcomp-bv" | "size" | "none";
  /** Name of the OFFSET_MAPS entry (the first that fits), `any` where all agree, a model's id, `compacted`, or `unknown`. */
  readonly map: string;
  readonly rows: readonly ComponentRow[];
  /** Ids of the models that have this layout for these components. */
  readonly sharedBy: readonly string[];
  /**
   * `certain`: the file or the caller says so, or all known layouts agree. `likely`: one known layout fits. `weak`: several
   * fit, or something speaks against it. `unknown`: none fits.
   */
  readonly certainty: "certain" | "likely" | "weak" | "unknown";
  /** Other layouts that fit as well: maps or models. */
  readonly alternatives: readonly { readonly map: string; readonly sharedBy: readonly string[] }[];
  readonly warnings: readonly LayoutWarning[];
}

/** What the user can do about a layout that is not sure. */
export const NAME_A_MODEL = "name the CPU's model to say otherwise";

/** No extended component can be placed. */
export const NOTHING_TO_PLACE: LayoutChoice = {
  source: "none",
  map: "unknown",
  rows: [],
  sharedBy: [],
  certainty: "certain",
  alternatives: [],
  warnings: [],
};

export function sizeWarning(evidence: LayoutEvidence, features: bigint, size: number): LayoutWarning[] {
  if (evidence.sizePadded ? size <= evidence.size : size === evidence.size) return [];
  return [
    {
      rule: "size-contradicts",
      message: `the area has ${evidence.size} bytes, the layout of features ${maskHex(features)} has ${size}`,
    },
  ];
}

export function severalLayouts(first: LayoutCandidate, others: readonly LayoutCandidate[]): LayoutWarning {
  const list = others.map((each) => `${nameOf(each)} (${each.sharedBy.length} models)`).join(", ");
  return {
    rule: "several-layouts",
    message: `taken as ${nameOf(first)} (${first.sharedBy.length} models); as well fits ${list}; ${NAME_A_MODEL}`,
  };
}

export function alternative(each: LayoutCandidate): LayoutChoice["alternatives"][number] {
  return { map: nameOf(each), sharedBy: each.sharedBy };
}

export function nameOf({ maps, sharedBy }: LayoutCandidate): string {
  return maps.length === OFFSET_MAPS.length ? "any" : (maps[0] ?? sharedBy[0] ?? "unknown");
}

export function namesOf(mask: bigint): string {
  return bitsOf(mask).map(componentName).join(", ");
}

export function keyOf(rows: readonly ComponentRow[]): string {
  return rows.map(({ index, size, standardOffset }) => `${index}:${standardOffset}:${size}`).join(" ");
}

export function endOf(rows: readonly ComponentRow[]): number {
  return rows.reduce(
    (end, { standardOffset, size }) => Math.max(end, (standardOffset ?? 0) + (standardOffset === undefined ? 0 : size)),
    EXTENDED_REGION_OFFSET,
  );
}

export function xstateBvOf({ bytes }: LayoutEvidence): bigint {
  if (!bytes || bytes.length < EXTENDED_REGION_OFFSET) return 0n;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(XSTATE_BV_OFFSET, true);
}
