/** The generator's plan of restores: which exist, what each moves, where each is written, and every name. */

import { maskPair, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import type { RestoreFamily } from "../runtime/restore-checks.ts";
import { type RestorePiece, type RestorePlan, restorePlan } from "../runtime/restore-plan.ts";
import { digest, layoutParts, type RequestedMask } from "./saver-spec.ts";

/** A run of bytes that a restore moves by one copy. */
export interface RestoreSegment {
  /** Components in it, by area offset. */
  readonly components: readonly number[];
  readonly registers: number;
  readonly area: number;
  readonly length: number;
}

/** One restore to be generated. */
export interface RestoreSpec {
  /** Identifier of the generated function and export. */
  readonly name: string;
  /** File under `generated/restores/`, without folder and extension. */
  readonly file: string;
  readonly families: readonly RestoreFamily[];
  readonly plan: RestorePlan;
}

/** A mask and an XCOMP_BV that shall have a restore. */
export interface RequestedRestore {
  readonly rfbm: bigint;
  readonly xcompBv: bigint;
}

/** The restores of what the declared masks save: the standard format, and the compacted one laid out by the same mask. */
export function restoresOfMasks(masks: readonly RequestedMask[]): RequestedRestore[] {
  return masks.flatMap(({ rfbm, families }) => {
    const standard = families.includes("XSAVE") || families.includes("XSAVEOPT");
    const compacted = families.includes("XSAVEC") || families.includes("XSAVES");
    return [...(standard ? [{ rfbm, xcompBv: 0n }] : []), ...(compacted ? [{ rfbm, xcompBv: rfbm | XCOMP_BV_COMPACTED }] : [])];
  });
}

/** Plans restores of one CPU. Equal specs of different CPUs are equal by content (`restoreKey`). */
export function restoresFor(cpu: ProcessorDescription, requested: readonly RequestedRestore[]): RestoreSpec[] {
  return requested.map(({ rfbm, xcompBv }) => {
    const plan = restorePlan(cpu, rfbm, xcompBv);
    const laidOut = xcompBv & ~XCOMP_BV_COMPACTED;
    const supervisor = cpu.components.some(({ index, supervisor: is }) => is && ((rfbm | laidOut) >> BigInt(index)) & 1n);
    const within = plan.format === "compacted" && laidOut !== rfbm ? `_in_${laidOut.toString(16)}` : "";
    return {
      name: `${supervisor ? "xrstors" : "xrstor"}_${plan.format}_rfbm_${rfbm.toString(16)}${within}`,
      file: layoutParts(plan.format, rfbm, plan.layout).join("-"),
      families: plan.format === "standard" ? ["XRSTOR"] : supervisor ? ["XRSTORS"] : ["XRSTOR", "XRSTORS"],
      plan,
    };
  });
}

/** Pieces that the area lays out and that are copied, by area offset. */
export function copiedPieces({ pieces }: RestorePlan): (RestorePiece & { readonly area: number })[] {
  return pieces
    .flatMap((piece) => (piece.rule === "copy" && piece.area !== undefined ? [{ ...piece, area: piece.area }] : []))
    .toSorted((a, b) => a.area - b.area);
}

/** True where x87 and SSE are both restored: one function loads both if both are in use. */
export function loadsLegacy({ rfbm }: RestorePlan): boolean {
  return (rfbm & 3n) === 3n;
}

/** Pieces that stand alone: SSE beside x87 goes with that. */
function copiedAlone(plan: RestorePlan): (RestorePiece & { readonly area: number })[] {
  return copiedPieces(plan).filter(({ component }) => component !== 1 || !loadsLegacy(plan));
}

/**
 * What is copied when everything is in use: neighbours merged. Empty where nothing can be merged, or where RFBM has
 * components that the area does not lay out: piece by piece is as fast then.
 */
export function wholeSegments(plan: RestorePlan): RestoreSegment[] {
  const alone = copiedAlone(plan);
  if (plan.pieces.some(({ area }) => area === undefined)) return [];
  const segments = mergedSegments(alone);
  return segments.length < alone.length ? segments : [];
}

function mergedSegments(pieces: readonly (RestorePiece & { readonly area: number })[]): RestoreSegment[] {
  const segments: RestoreSegment[] = [];
  for (const { component, registers, area, registerBytes } of pieces) {
    const last = segments.at(-1);
    if (last && last.registers + last.length === registers && last.area + last.length === area) {
      segments[segments.length - 1] = {
        ...last,
        components: [...last.components, component],
        length: last.length + registerBytes,
      };
    } else segments.push({ components: [component], registers, area, length: registerBytes });
  }
  return segments;
}

/** Digest of everything that a restore's code depends on. */
export function restoreKey({ name, families, plan }: RestoreSpec): string {
  const { rfbm, xcompBv, size, pieces, checks, contents, mxcsr } = plan;
  return digest([
    name,
    families,
    maskPair(rfbm),
    maskPair(xcompBv),
    size,
    pieces.map((each) => [each.component, each.rule, each.registers, each.area ?? -1, each.length, each.registerBytes]),
    checks.map(({ rule, offset, bytes, allowed, applies }) => [rule, offset, bytes, String(allowed), applies]),
    contents,
    mxcsr,
  ]);
}
