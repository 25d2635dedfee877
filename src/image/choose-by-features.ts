/** Which layout an area has by user features, size and contents, against all known layouts. */

import { maskHex, maskOfBits } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import { OFFSET_MAPS } from "../layout/offset-maps.ts";
import {
  componentsWithin,
  firstByteInGap,
  type KnownCpu,
  type LayoutCandidate,
  layoutCandidates,
  rowOf,
} from "./layout-candidates.ts";
import {
  alternative,
  endOf,
  keyOf,
  type LayoutChoice,
  type LayoutWarning,
  NAME_A_MODEL,
  nameOf,
  NOTHING_TO_PLACE,
  severalLayouts,
  sizeWarning,
  xstateBvOf,
} from "./layout-choice.ts";
import type { LayoutEvidence } from "./layout-evidence.ts";

/** By user features and size; by contents where several layouts fit. */
export function fromFeatures(evidence: LayoutEvidence, features: bigint, models: readonly KnownCpu[]): LayoutChoice {
  const known = layoutCandidates(features, "standard", models);
  const ofVendor = known.filter(({ sharedBy }) => sharedBy.length > 0);
  const all = evidence.vendorHint !== undefined && ofVendor.length > 0 ? ofVendor : known;
  const exact = all.filter(({ size }) => size === evidence.size);
  const within = all.filter(({ size }) => size <= evidence.size);
  const fitting = evidence.sizePadded || exact.length === 0 ? within : exact;
  if (fitting.length === 0) {
    const sizes = [...new Set(all.map(({ size }) => size))].join(", ");
    const message = `no known layout places features ${maskHex(features)} in ${evidence.size} bytes${sizes === "" ? "" : ` (known: ${sizes})`}: extended components are not shown; ${NAME_A_MODEL}`;
    return { ...NOTHING_TO_PLACE, certainty: "unknown", warnings: [{ rule: "no-known-layout", message }] };
  }
  const warnings = evidence.sizePadded
    ? []
    : sizeWarning(evidence, features, exact.length > 0 ? evidence.size : (within[0]?.size ?? 0));
  const choice = decide(evidence, fitting, all.length === 1 ? "certain" : "likely", "features-and-size", warnings);
  return choice.map === "intel" && !evidence.sizePadded ? withGcoreDoubt(evidence, features, choice) : choice;
}

/** No features: every component of each map that ends inside the area, as far as XSTATE_BV needs it. */
export function fromSize(evidence: LayoutEvidence, models: readonly KnownCpu[]): LayoutChoice {
  const xstateBv = xstateBvOf(evidence);
  const candidates = OFFSET_MAPS.flatMap(({ name, components }): LayoutCandidate[] => {
    const rows = componentsWithin(
      [...components].map(([index, [offset, size]]) => rowOf(index, size, offset)),
      evidence.size,
    );
    // APX lies where MPX did; no area has both.
    const apx = (xstateBv >> 19n) & 1n;
    const kept = rows.filter(({ index }) => (apx ? index !== 3 && index !== 4 : index !== 19));
    const mask = maskOfBits(kept.map(({ index }) => index));
    if (xstateBv & ~(mask | 3n)) return [];
    const sharedBy =
      layoutCandidates(mask & xstateBv, "standard", models).find((each) => each.maps.includes(name))?.sharedBy ?? [];
    return [{ maps: [name], sharedBy, rows: kept, size: endOf(kept) }];
  });
  const exact = candidates.filter(({ size }) => size === evidence.size || evidence.size === EXTENDED_REGION_OFFSET);
  const merged = mergeAlike(exact.length > 0 && !evidence.sizePadded ? exact : candidates, xstateBv);
  if (merged.length === 0) {
    const message = `no known layout places XSTATE_BV ${maskHex(xstateBv)} in ${evidence.size} bytes: extended components are not shown; ${NAME_A_MODEL}`;
    return { ...NOTHING_TO_PLACE, certainty: "unknown", warnings: [{ rule: "no-known-layout", message }] };
  }
  // XSTATE_BV with nothing beyond AVX: all CPUs agree.
  const agree = merged.length === 1 && !(xstateBv & ~7n);
  return decide(evidence, merged, agree ? "certain" : merged.length === 1 && exact.length > 0 ? "likely" : "weak", "size", []);
}

/** Candidates that place what is in use alike are one. */
function mergeAlike(candidates: readonly LayoutCandidate[], xstateBv: bigint): LayoutCandidate[] {
  const groups = new Map<string, LayoutCandidate>();
  for (const each of candidates) {
    const key = keyOf(each.rows.filter(({ index }) => (xstateBv >> BigInt(index)) & 1n));
    const before = groups.get(key);
    groups.set(
      key,
      before
        ? { ...before, maps: [...before.maps, ...each.maps], sharedBy: [...new Set([...before.sharedBy, ...each.sharedBy])] }
        : each,
    );
  }
  return [...groups.values()];
}

/** One of the candidates that fit: the only one, the only one with zeros in its gaps, or the one most models have, with a warning. */
function decide(
  evidence: LayoutEvidence,
  fitting: readonly LayoutCandidate[],
  sure: LayoutChoice["certainty"],
  source: LayoutChoice["source"],
  before: readonly LayoutWarning[],
): LayoutChoice {
  const warnings = [...before];
  const gap = ({ rows }: LayoutCandidate): number | undefined =>
    evidence.bytes ? firstByteInGap(evidence.bytes, rows, evidence.size) : undefined;
  const clean = evidence.bytes ? fitting.filter((each) => gap(each) === undefined) : fitting;
  const ranked = (clean.length > 0 ? clean : fitting).toSorted((a, b) => b.sharedBy.length - a.sharedBy.length);
  const [first, ...others] = ranked as [LayoutCandidate, ...LayoutCandidate[]];
  let certainty = sure;
  if (clean.length === 0) {
    certainty = "weak";
    const at = gap(first);
    warnings.push({
      rule: "gap-not-zero",
      message: `byte ${at} lies in no component of the layout and is not 0, as Linux leaves such bytes: perhaps another CPU's layout; ${NAME_A_MODEL}`,
    });
  }
  if (others.length > 0) {
    certainty = "weak";
    warnings.push(severalLayouts(first, others));
  } else if (sure === "weak")
    warnings.push({
      rule: "weak-evidence",
      message: `only XSTATE_BV and ${evidence.size} bytes speak for this layout; ${NAME_A_MODEL}`,
    });
  const decided = clean.length > 0 && clean.length < fitting.length ? "contents" : source;
  return {
    source: decided,
    map: nameOf(first),
    rows: first.rows,
    sharedBy: first.sharedBy,
    certainty: certainty === "certain" && fitting.length > 1 ? "likely" : certainty,
    alternatives: others.map(alternative),
    warnings,
  };
}

/**
 * gdb before version 14 takes every CPU for Intel's: on an AMD CPU its gcore copies what the kernel gave into Intel's
 * places. Such a core has Intel's size and no layout note, XSTATE_BV has every feature, and nothing lies behind the end
 * of AMD's area, from where the rest was read.
 */
function withGcoreDoubt(evidence: LayoutEvidence, features: bigint, choice: LayoutChoice): LayoutChoice {
  const amd = layoutCandidates(features, "standard", []).find(({ maps }) => maps.includes("amd-zen-3"));
  if (!amd || amd.size >= evidence.size || (evidence.bytes && xstateBvOf(evidence) !== features)) return choice;
  const tail = evidence.bytes?.subarray(amd.size);
  const typical = tail?.every((byte) => byte === 0) === true;
  const message =
    `${evidence.size} bytes, features ${maskHex(features)}, no layout note: Intel's layout fits, but gdb's gcore writes the same on an AMD CPU, with the ` +
    `bytes of AMD's layout in it${typical ? `, and as there bytes ${amd.size}-${evidence.size - 1} are 0` : ""}; if it was one, name the model (amd-zen-4, amd-zen-3): what lies in a gap of Intel's layout is lost`;
  return {
    ...choice,
    certainty: typical ? "weak" : choice.certainty,
    warnings: [...choice.warnings, { rule: "gcore-on-amd", message }],
  };
}
