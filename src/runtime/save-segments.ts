/** From a save plan to the runs of bytes that one straight-line saver moves: neighbours merged. */

import type { SavePiece, SavePlan } from "./save-plan.ts";

/**
 * Where a segment's bytes come from and go to.
 * `live`: registers to area. `select`: registers, or the initial configuration where the component is
 * initial. `sink`: to the area, or to the sink where the component is initial.
 */
export type SegmentKind = "live" | "select" | "sink";

/** One run of bytes that a saver moves. Offsets and length in bytes. */
export interface SaveSegment {
  readonly kind: SegmentKind;
  /** Of the first bytes: behind x87's 24 bytes of control and pointers, `x87-control`, may follow what is copied. */
  readonly rule: SavePiece["rule"];
  /** Components in it, ascending by offset; just one unless `live`. */
  readonly components: readonly number[];
  readonly registers: number;
  readonly area: number;
  readonly length: number;
}

/**
 * The segments of a save for one set of components in use (all others of RFBM in their initial
 * configuration), or for any. Throws for a set that a `write-initial-values` plan has no saver for:
 * that instruction has two forms, everything in use and any.
 */
export function saveSegments(plan: SavePlan, inUse: bigint | "any"): SaveSegment[] {
  const segments: SaveSegment[] = [];
  for (const piece of plan.pieces) {
    const used = inUse === "any" || ((inUse >> BigInt(piece.component)) & 1n) === 1n;
    if (!piece.always && !used) {
      if (plan.whenInitial === "write-nothing") continue;
      throw new Error(`${plan.family} has no form for a component in its initial configuration but "any"`);
    }
    const kind: SegmentKind = piece.always || inUse !== "any" ? "live" : plan.whenInitial === "write-nothing" ? "sink" : "select";
    const last = segments.at(-1);
    const joins =
      last !== undefined &&
      last.kind === kind &&
      (last.rule === "copy" || (last.rule === "x87-control" && kind === "live")) &&
      piece.rule === "copy" &&
      last.registers + last.length === piece.registers &&
      last.area + last.length === piece.area &&
      (kind === "live" || last.components.includes(piece.component));
    if (joins) {
      const components = last.components.includes(piece.component) ? last.components : [...last.components, piece.component];
      segments[segments.length - 1] = { ...last, components, length: last.length + piece.length };
    } else {
      segments.push({
        kind,
        rule: piece.rule,
        components: [piece.component],
        registers: piece.registers,
        area: piece.area,
        length: piece.length,
      });
    }
  }
  return segments;
}
