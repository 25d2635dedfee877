/** The RFBMs for which a check against this CPU generates savers. */

import type { RequestedMask } from "../../generator/saver-spec.ts";
import { bitsOf } from "../../isa/feature-mask.ts";
import type { SaveFamily } from "../../runtime/save-plan.ts";
import type { Prng } from "../random/prng.ts";
import { randomMask, type StateSpace } from "../random/state-space.ts";

/** Beyond this many the proof of the savers takes longer than the cases. */
const MOST_MASKS = 28;

/** All subsets of XCR0 where there are few, else those that differ in rule and some random ones. */
export function hardwareMasks(prng: Prng, space: StateSpace): RequestedMask[] {
  const { xcr0 } = space;
  const bits = bitsOf(xcr0);
  const masks = new Set<bigint>([xcr0, 0n, 1n, 2n, 3n, 4n & xcr0, 7n & xcr0, xcr0 & ~1n, xcr0 & ~2n]);
  const subsets = 2 ** bits.length;
  if (subsets <= MOST_MASKS) {
    for (let subset = 0; subset < subsets; subset++)
      masks.add(bits.reduce((mask, bit, i) => ((subset >> i) & 1 ? mask | (1n << BigInt(bit)) : mask), 0n));
  } else while (masks.size < MOST_MASKS) masks.add(randomMask(prng, space) & xcr0);
  const families: SaveFamily[] = [
    "XSAVE",
    ...(space.xsavec ? (["XSAVEC"] as const) : []),
    ...(space.xsaveopt ? (["XSAVEOPT"] as const) : []),
  ];
  return [...masks].map((rfbm) => ({ name: `rfbm-${rfbm.toString(16)}`, rfbm, families, xinuseClasses: [3n, 7n] }));
}
