/** Regions that savers have in common: each is copied by a function of its own, which all of them call. */

import type { X87Pointers } from "../isa/vendor-behaviour.ts";
import { X87_CONTROL_SIZE } from "../isa/xsave-area.ts";
import type { SaveSegment } from "../runtime/save-segments.ts";
import type { GroupSpec } from "./saver-spec.ts";
import { controlLive, controlWords, type DwordStore } from "./x87-control-words.ts";

/** Bytes at the same offset in a processor's block and in the area. Offset and length in bytes. */
export interface RegionSpec {
  /** Identifier of the exported copy. */
  readonly name: string;
  readonly at: number;
  readonly length: number;
  /** `saved`: all bytes are copied; else x87's control part is the first 24 bytes, and is stored by this rule. */
  readonly x87Pointers: X87Pointers;
}

/**
 * The texts of a region: numbers of functions that do the same. V8 folds the views that a closure captured only while it is the one closure of its text
 * (function-context specialisation); without, a mask-7 save takes 2.2 times as long. So each set of register files
 * and memory, and each fixed place, takes a text that no other has bound: one for a place and one for all else.
 * What comes later is copied by `set`, which does not mind.
 */
export const REGION_TEXTS: readonly number[] = [1, 2];

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
export function regionOf(segment: SaveSegment, x87Pointers: X87Pointers): RegionSpec | undefined {
  const { kind, rule, registers, area, length } = segment;
  if (kind === "select" || rule === "lbr" || registers !== area || area % 8 !== 0 || length % 8 !== 0) return undefined;
  if (length < REGION_MINIMUM || length > REGION_LIMIT) return undefined;
  const pointers = rule === "copy" ? "saved" : x87Pointers;
  const suffix = pointers === "saved" ? "" : `_${pointers.replaceAll("-", "_")}`;
  return { name: `copy_${area}_${length}${suffix}`, at: area, length, x87Pointers: pointers };
}

/** All regions of some groups, each once, in order of offset. */
export function regionsOf(groups: Iterable<GroupSpec>): RegionSpec[] {
  const found = new Map<string, RegionSpec>();
  for (const group of groups) {
    for (const form of group.forms) {
      for (const segment of form.segments) {
        const region = regionOf(segment, form.plan.x87Pointers);
        if (region) found.set(region.name, region);
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.at - b.at || a.length - b.length || (a.name < b.name ? -1 : 1));
}

/** What the body template of a copy is given. */
export interface RegionContext {
  /** Value of `e`, or empty: there is no control part. */
  readonly control: string;
  readonly words: readonly DwordStore[];
  /** Indices of 8-byte elements. */
  readonly moves: readonly { readonly to: string; readonly from: string }[];
}

/** Builds the context of a region's copy. */
export function regionContext({ at, length, x87Pointers }: RegionSpec): RegionContext {
  const plain = x87Pointers === "saved";
  const skipped = plain ? 0 : X87_CONTROL_SIZE / 8;
  return {
    control: plain ? "" : controlLive("f"),
    words: plain ? [] : controlWords("f", "w", "e", x87Pointers),
    moves: Array.from({ length: length / 8 - skipped }, (_, i) => {
      const index = at / 8 + skipped + i;
      return index === 0 ? { to: "q", from: "t" } : { to: `q + ${index}`, from: `t + ${index}` };
    }),
  };
}
