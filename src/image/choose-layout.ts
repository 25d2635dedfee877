/** Which layout an area has: from what the file says, else from features, size and contents against all known layouts. */

import { bitsOf, maskHex, maskOfBits, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { OFFSET_MAPS, offsetMapsWith } from "../layout/offset-maps.ts";
import {
  componentsWithin,
  firstByteInGap,
  type KnownCpu,
  type LayoutCandidate,
  layoutCandidates,
  rowOf,
} from "./layout-candidates.ts";
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

const NAME_A_MODEL = "name the CPU's model to say otherwise";

/** Chooses a layout for an area from the evidence in its file, against `models`; `chosen` overrides all evidence. */
export function chooseLayout(evidence: LayoutEvidence, models: readonly KnownCpu[], chosen?: KnownCpu): LayoutChoice {
  if (chosen) return fromModel(evidence, chosen);
  const features = plausibleFeatures(evidence);
  if (evidence.form === "compacted" || evidence.form === "compacted-without-legacy") return fromXcompBv(evidence, models);
  if (evidence.declared) return fromDeclared(evidence, evidence.declared, models);
  if (evidence.size < EXTENDED_REGION_OFFSET) return nothingToPlace();
  const vendors =
    evidence.vendorHint === undefined
      ? models
      : models.filter(({ vendor }) => vendor === undefined || vendor === evidence.vendorHint);
  return features === undefined ? fromSize(evidence, vendors) : fromFeatures(evidence, features, vendors);
}

/** User features that a kernel can have written: x87 in, no bit 63, and not more than the architecture has. */
function plausibleFeatures({ userFeatures }: LayoutEvidence): bigint | undefined {
  const mask = userFeatures?.mask ?? 0n;
  return mask & 1n && !(mask & XCOMP_BV_COMPACTED) && bitsOf(mask).length < 32 ? mask : undefined;
}

function nothingToPlace(): LayoutChoice {
  return { source: "none", map: "unknown", rows: [], sharedBy: [], certainty: "certain", alternatives: [], warnings: [] };
}

function fromModel(evidence: LayoutEvidence, model: KnownCpu): LayoutChoice {
  const features = plausibleFeatures(evidence);
  const warnings: LayoutWarning[] = [];
  let rows = model.components;
  if (evidence.form === "standard" && features !== undefined) {
    const missing = features & ~(model.xcr0Supported | 3n);
    if (missing)
      warnings.push({
        rule: "features-contradict",
        message: `${evidence.userFeatures?.where}: features ${maskHex(features)} have ${namesOf(missing)}, which ${model.id} does not support`,
      });
    const kept = features | xstateBvOf(evidence);
    rows = rows.filter(({ index }) => (kept >> BigInt(index)) & 1n);
    warnings.push(...sizeWarning(evidence, features, endOf(rows)));
    const gap = evidence.bytes ? firstByteInGap(evidence.bytes, rows, evidence.size) : undefined;
    if (gap !== undefined)
      warnings.push({
        rule: "gap-not-zero",
        message: `byte ${gap} lies in no component of ${model.id} and is not 0, as Linux leaves such bytes`,
      });
  }
  return { source: "model", map: model.id, rows, sharedBy: [model.id], certainty: "certain", alternatives: [], warnings };
}

function fromDeclared(
  evidence: LayoutEvidence,
  declared: NonNullable<LayoutEvidence["declared"]>,
  models: readonly KnownCpu[],
): LayoutChoice {
  const rows = declared.rows
    .map(({ index, size, standardOffset }) => rowOf(index, size, standardOffset))
    .toSorted((a, b) => a.index - b.index);
  const warnings: LayoutWarning[] = [];
  const features = plausibleFeatures(evidence);
  if (features !== undefined) {
    const unplaced = features & ~maskOfBits([0, 1, ...rows.map(({ index }) => index)]);
    if (unplaced)
      warnings.push({
        rule: "features-contradict",
        message: `${evidence.userFeatures?.where}: features ${maskHex(features)} have ${namesOf(unplaced)}, ${declared.source} has no row for that`,
      });
    warnings.push(...sizeWarning(evidence, features, endOf(rows)));
  }
  const maps = offsetMapsWith(rows.map(({ index, size, standardOffset }) => [index, standardOffset ?? 0, size]));
  const key = keyOf(rows);
  const sharedBy = models
    .filter(({ components }) => keyOf(components.filter(({ index }) => rows.some((row) => row.index === index))) === key)
    .map(({ id }) => id);
  return {
    source: "declared",
    map: maps[0]?.name ?? "unknown",
    rows,
    sharedBy,
    certainty: "certain",
    alternatives: [],
    warnings,
  };
}

function fromXcompBv(evidence: LayoutEvidence, models: readonly KnownCpu[]): LayoutChoice {
  const mask = (evidence.xcompBv ?? 0n) & ~XCOMP_BV_COMPACTED;
  const declared = evidence.declared?.rows.map(({ index, size }) => rowOf(index, size, undefined)) ?? [];
  const known = layoutCandidates(mask, "compacted", models).filter(({ rows }) =>
    declared.every((row) => rows.every((other) => other.index !== row.index || other.size === row.size)),
  );
  const size = evidence.form === "compacted-without-legacy" ? evidence.size + 512 : evidence.size;
  const fitting = evidence.sizePadded ? known.filter((each) => each.size <= size) : known.filter((each) => each.size === size);
  const [first, ...others] = fitting.length > 0 ? fitting : known.filter((each) => each.size <= size);
  const warnings: LayoutWarning[] = [];
  const from = declared.length > 0 ? "declared" : "xcomp-bv";
  if (!first) {
    // What no model has is placed by the architecture's sizes; imageLayout says so bit by bit.
    if (bitsOf(mask).some((index) => index > 1 && !declared.some((row) => row.index === index)))
      warnings.push({
        rule: "no-known-layout",
        message: `no known CPU has all of XCOMP_BV ${maskHex(mask)} (${namesOf(mask & ~3n)}) in ${size} bytes: sizes are the architecture's`,
      });
    return {
      source: from,
      map: "compacted",
      rows: declared,
      sharedBy: [],
      certainty: declared.length > 0 ? "certain" : "weak",
      alternatives: [],
      warnings,
    };
  }
  if (others.length > 0) warnings.push(severalLayouts(first, others));
  const sharedBy = first.sharedBy;
  const certainty = known.length === 1 || declared.length > 0 ? "certain" : others.length > 0 ? "weak" : "likely";
  return {
    source: from,
    map: "compacted",
    rows: first.rows,
    sharedBy,
    certainty,
    alternatives: others.map(alternative),
    warnings,
  };
}

function fromFeatures(evidence: LayoutEvidence, features: bigint, models: readonly KnownCpu[]): LayoutChoice {
  const known = layoutCandidates(features, "standard", models);
  const ofVendor = known.filter(({ sharedBy }) => sharedBy.length > 0);
  const all = evidence.vendorHint !== undefined && ofVendor.length > 0 ? ofVendor : known;
  const exact = all.filter(({ size }) => size === evidence.size);
  const within = all.filter(({ size }) => size <= evidence.size);
  const fitting = evidence.sizePadded || exact.length === 0 ? within : exact;
  if (fitting.length === 0) {
    const sizes = [...new Set(all.map(({ size }) => size))].join(", ");
    const message = `no known layout places features ${maskHex(features)} in ${evidence.size} bytes${sizes === "" ? "" : ` (known: ${sizes})`}: extended components are not shown; ${NAME_A_MODEL}`;
    return { ...nothingToPlace(), certainty: "unknown", warnings: [{ rule: "no-known-layout", message }] };
  }
  const warnings = evidence.sizePadded
    ? []
    : sizeWarning(evidence, features, exact.length > 0 ? evidence.size : (within[0]?.size ?? 0));
  const choice = decide(evidence, fitting, all.length === 1 ? "certain" : "likely", "features-and-size", warnings);
  return choice.map === "intel" && !evidence.sizePadded ? withGcoreDoubt(evidence, features, choice) : choice;
}

/** No features: every component of each map that ends inside the area, as far as XSTATE_BV needs it. */
function fromSize(evidence: LayoutEvidence, models: readonly KnownCpu[]): LayoutChoice {
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
    return { ...nothingToPlace(), certainty: "unknown", warnings: [{ rule: "no-known-layout", message }] };
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
 * gdb before version 14 takes every CPU for Intel's: on an AMD CPU with AVX-512 its gcore copies what the kernel gave into
 * Intel's places. Such a core has Intel's size and no layout note, XSTATE_BV has every feature, and nothing lies
 * behind the end of AMD's area, from which the rest was read.
 */
function withGcoreDoubt(evidence: LayoutEvidence, features: bigint, choice: LayoutChoice): LayoutChoice {
  const amd = layoutCandidates(features, "standard", []).find(({ maps }) => maps.includes("amd-zen-3"));
  if ((features & 0xe0n) !== 0xe0n || !amd || amd.size >= evidence.size) return choice;
  const tail = evidence.bytes?.subarray(amd.size);
  const typical = tail?.every((byte) => byte === 0) === true && xstateBvOf(evidence) === features;
  const message =
    `${evidence.size} bytes, features ${maskHex(features)}, no layout note: Intel's layout fits, but gdb's gcore writes the same on an AMD CPU, with the ` +
    `bytes of AMD's layout in it${typical ? `, and as there XSTATE_BV is ${maskHex(features)} and bytes ${amd.size}-${evidence.size - 1} are 0` : ""}; if it was one, name the model (amd-zen-4): what lies in a gap of Intel's layout is lost`;
  return {
    ...choice,
    certainty: typical ? "weak" : choice.certainty,
    warnings: [...choice.warnings, { rule: "gcore-on-amd", message }],
  };
}

function sizeWarning(evidence: LayoutEvidence, features: bigint, size: number): LayoutWarning[] {
  if (evidence.sizePadded ? size <= evidence.size : size === evidence.size) return [];
  return [
    {
      rule: "size-contradicts",
      message: `the area has ${evidence.size} bytes, the layout of features ${maskHex(features)} has ${size}`,
    },
  ];
}

function severalLayouts(first: LayoutCandidate, others: readonly LayoutCandidate[]): LayoutWarning {
  const list = others.map((each) => `${nameOf(each)} (${each.sharedBy.length} models)`).join(", ");
  return {
    rule: "several-layouts",
    message: `taken as ${nameOf(first)} (${first.sharedBy.length} models); as well fits ${list}; ${NAME_A_MODEL}`,
  };
}

function alternative(each: LayoutCandidate): LayoutChoice["alternatives"][number] {
  return { map: nameOf(each), sharedBy: each.sharedBy };
}

function nameOf({ maps, sharedBy }: LayoutCandidate): string {
  return maps.length === OFFSET_MAPS.length ? "any" : (maps[0] ?? sharedBy[0] ?? "unknown");
}

function namesOf(mask: bigint): string {
  return bitsOf(mask).map(componentName).join(", ");
}

function keyOf(rows: readonly ComponentRow[]): string {
  return rows.map(({ index, size, standardOffset }) => `${index}:${standardOffset}:${size}`).join(" ");
}

function endOf(rows: readonly ComponentRow[]): number {
  return rows.reduce(
    (end, { standardOffset, size }) => Math.max(end, (standardOffset ?? 0) + (standardOffset === undefined ? 0 : size)),
    EXTENDED_REGION_OFFSET,
  );
}

function xstateBvOf({ bytes }: LayoutEvidence): bigint {
  if (!bytes || bytes.length < EXTENDED_REGION_OFFSET) return 0n;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(XSTATE_BV_OFFSET, true);
}
