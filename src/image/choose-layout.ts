/** Which layout an area has: as the caller or the file says, else from what else the file tells. */

import { bitsOf, maskHex, maskOfBits, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import { offsetMapsWith } from "../layout/offset-maps.ts";
import { fromFeatures, fromSize } from "./choose-by-features.ts";
import { FP_XSTATE_MAGIC1 } from "../isa/signal-frame-bytes.ts";
import { firstByteInGap, type KnownCpu, layoutCandidates, rowOf } from "./layout-candidates.ts";
import {
  alternative,
  endOf,
  keyOf,
  type LayoutChoice,
  type LayoutWarning,
  namesOf,
  NOTHING_TO_PLACE,
  severalLayouts,
  sizeWarning,
  xstateBvOf,
} from "./layout-choice.ts";
import type { LayoutEvidence } from "./layout-evidence.ts";

/** Chooses a layout for an area from the evidence in its file, against `models`; `chosen` overrides all evidence. */
export function chooseLayout(given: LayoutEvidence, models: readonly KnownCpu[], chosen?: KnownCpu): LayoutChoice {
  const evidence = withFrameFeatures(given);
  if (chosen) return fromModel(evidence, chosen);
  const features = plausibleFeatures(evidence);
  if (evidence.form === "compacted" || evidence.form === "compacted-without-legacy") return fromXcompBv(evidence, models);
  if (evidence.declared) return fromDeclared(evidence, evidence.declared, models);
  if (evidence.size < EXTENDED_REGION_OFFSET) return NOTHING_TO_PLACE;
  const vendors =
    evidence.vendorHint === undefined
      ? models
      : models.filter(({ vendor }) => vendor === undefined || vendor === evidence.vendorHint);
  return features === undefined
    ? withUnusedFeatures(evidence, fromSize(evidence, vendors))
    : fromFeatures(evidence, features, vendors);
}

/**
 * User features, if those bytes can be what a kernel wrote there: x87 and SSE, no bit 63, not half of all bits, and
 * nothing in use that they lack. Undefined where they are something else, as software may put anything there.
 */
function plausibleFeatures(evidence: LayoutEvidence): bigint | undefined {
  const mask = evidence.userFeatures?.mask ?? 0n;
  const possible = (mask & 3n) === 3n && !(mask & XCOMP_BV_COMPACTED) && bitsOf(mask).length < 32;
  return possible && (xstateBvOf(evidence) & ~mask) === 0n ? mask : undefined;
}

/** A signal frame that is read as a raw area: magic and size at 464, features at 472. */
function withFrameFeatures(evidence: LayoutEvidence): LayoutEvidence {
  const { userFeatures, bytes } = evidence;
  if (!userFeatures || !bytes || bytes.length < 480 || Number(userFeatures.mask & 0xffff_ffffn) !== FP_XSTATE_MAGIC1)
    return evidence;
  const mask = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(472, true);
  return { ...evidence, userFeatures: { mask, where: "byte 472" } };
}

/** Said where bytes that are not used look as if they should have been. */
function withUnusedFeatures(evidence: LayoutEvidence, choice: LayoutChoice): LayoutChoice {
  const { mask, where } = evidence.userFeatures ?? { mask: 0n, where: "" };
  if (mask === 0n || choice.certainty === "certain") return choice;
  const message = `${where} holds ${maskHex(mask)}, which cannot be the features of an area with XSTATE_BV ${maskHex(xstateBvOf(evidence))}: not used`;
  return { ...choice, warnings: [...choice.warnings, { rule: "features-contradict", message }] };
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
