/** Regions that savers have in common: each is copied by a function of its own, which all of them call. */

import type { SaveSegment } from "../runtime/save-segments.ts";
import type { GroupSpec } from "./saver-spec.ts";

/** Bytes at the same offset in a processor's block and in the area. Offset and length in bytes. */
export interface RegionSpec {
  /** Identifier of the exported copy. */
  readonly name: string;
  readonly at: number;
  readonly length: number;
}

/**
 * Texts per region. V8 folds the views that a closure captured only while it is the one closure of its text
 * (function-context specialisation); without, a mask-7 save takes 2.2 times as long. So each set of register files
 * and memory, and each fixed place, takes a text that no other has bound: one for a place and one for all else.
 * What comes later is copied by `set`, which does not mind.
 */
export const TEXTS_PER_REGION = 2;

/** A shorter region is moved where it is: a call costs as much as a dozen moves. */
export const REGION_MINIMUM = 128;

/**
 * Longest region that is moved by 8-byte elements; longer ones by one `set`. Measured: `set` costs 20 ns on
 * Zen 3 and 10 (Node 20) or 7 (Node 24) on Zen 5 whatever the length, a move at a fixed place 0.25 and 0.12 ns,
 * in a ring 0.37 and 0.2. At 416 bytes, x87 and SSE together, moves are ahead on Zen 3 and even on Zen 5.
 */
export const REGION_LIMIT = 416;

/**
 * The region of a segment that is copied by a shared function; undefined for any other. Where the initial
 * configuration may be the source, the range of the block's number would be wider, and every copy slower.
 */
export function regionOf(segment: SaveSegment): RegionSpec | undefined {
  const { kind, rule, registers, area, length } = segment;
  if (kind === "select" || rule !== "copy" || registers !== area || area % 8 !== 0 || length % 8 !== 0) return undefined;
  if (length < REGION_MINIMUM || length > REGION_LIMIT) return undefined;
  return { name: `copy_${area}_${length}`, at: area, length };
}

/** All regions of some groups, each once, in order of offset. */
export function regionsOf(groups: Iterable<GroupSpec>): RegionSpec[] {
  const found = new Map<string, RegionSpec>();
  for (const group of groups) {
    for (const form of group.forms) {
      for (const segment of form.segments) {
        const region = regionOf(segment);
        if (region) found.set(region.name, region);
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.at - b.at || a.length - b.length);
}

/** What the body template of a copy is given: indices of 8-byte elements. */
export function regionContext(region: RegionSpec): { readonly moves: readonly { readonly to: string; readonly from: string }[] } {
  return {
    moves: Array.from({ length: region.length / 8 }, (_, i) => {
      const index = region.at / 8 + i;
      return index === 0 ? { to: "q", from: "t" } : { to: `q + ${index}`, from: `t + ${index}` };
    }),
  };
}
