/** Seeded random images to restore, sound or broken in one named way. */

import { bitsOf, hasBit, XCOMP_BV_COMPACTED } from "../../isa/feature-mask.ts";
import { MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../../isa/xsave-area.ts";
import { areaLayout, offsetOf } from "../../layout/area-layout.ts";
import { readU32, writeU32, writeU64 } from "../little-endian.ts";
import type { Prng } from "./prng.ts";
import { fillImage } from "./register-state.ts";
import { randomInUse, type StateSpace } from "./state-space.ts";

/** What is wrong with a restore image; one for each way to be refused, and three that must be accepted. */
export const RESTORE_DEFECTS = [
  "none",
  /** Standard: a bit of XSTATE_BV outside XCR0. Compacted: one outside XCOMP_BV. */
  "xstate-bv",
  /** Compacted: XSTATE_BV bit 63. Standard: the same, which no XCR0 has. */
  "xstate-bv-63",
  /** Standard: any bit in XCOMP_BV except 63. Compacted: a bit outside XCR0. */
  "xcomp-bv",
  /** Header bytes 16-23 not zero. */
  "header-16-23",
  /** Header bytes 24-63 not zero: refused in the compacted format only. */
  "header-24-63",
  /** A reserved MXCSR bit; whether that is a fault depends on format, RFBM and XSTATE_BV. */
  "mxcsr",
  /** Misaligned by 1..63. */
  "misaligned",
] as const;

/** See RESTORE_DEFECTS. */
export type RestoreDefect = (typeof RESTORE_DEFECTS)[number];

/** A restore image and what was done to it. */
export interface RestoreImage {
  readonly image: Uint8Array;
  readonly compacted: boolean;
  readonly xstateBv: bigint;
  readonly xcompBv: bigint;
  readonly defect: RestoreDefect;
  /** 1..63 for `misaligned`, else 0. */
  readonly misalign: number;
}

/** Options of `randomRestoreImage`; what is absent is random (half of the images are sound). */
export interface RestoreOptions {
  readonly compacted?: boolean;
  readonly defect?: RestoreDefect;
}

/** A random image to restore, sound or broken in one named way. */
export function randomRestoreImage(prng: Prng, space: StateSpace, options: RestoreOptions = {}): RestoreImage {
  const compacted = options.compacted ?? (space.xsavec && prng.chance(0.5));
  const defect = options.defect ?? (prng.chance(0.5) ? "none" : prng.pick(RESTORE_DEFECTS));
  const image = new Uint8Array(space.areaBytes);
  const laidOut = compacted ? randomInUse(prng, space.userMask) : space.userMask;
  let xstateBv = randomInUse(prng, space.userMask) & laidOut;
  let xcompBv = compacted ? XCOMP_BV_COMPACTED | laidOut : 0n;
  fillImage(prng, space, image, xstateBv, compacted, laidOut);
  if (!compacted && prng.chance(0.5)) prng.fill(image, 536, 40); // ignored in the standard format
  const outside = (mask: bigint): bigint => {
    const candidates = bitsOf(~mask & 0x7fff_ffff_ffff_ffffn & 0xffff_ffff_ffff_ffffn);
    return 1n << BigInt(prng.pick(candidates));
  };
  switch (defect) {
    case "xstate-bv":
      xstateBv |= outside(compacted ? xcompBv : space.xcr0);
      break;
    case "xstate-bv-63":
      xstateBv |= 1n << 63n;
      break;
    case "xcomp-bv":
      xcompBv |= compacted ? outside(space.xcr0) : 1n << BigInt(prng.below(63));
      break;
    case "header-16-23":
      image[528 + prng.below(8)] = 1 << prng.below(8);
      break;
    case "header-24-63":
      image[536 + prng.below(40)] = 1 << prng.below(8);
      break;
    case "mxcsr": {
      const reserved = bitsOf(BigInt(~space.mxcsrMask >>> 0));
      writeU32(image, MXCSR_OFFSET, (readU32(image, MXCSR_OFFSET) | (1 << prng.pick(reserved))) >>> 0);
      break;
    }
    default:
  }
  writeU64(image, XSTATE_BV_OFFSET, xstateBv);
  writeU64(image, XCOMP_BV_OFFSET, xcompBv);
  const pkru = compacted && hasBit(laidOut, 9) ? offsetOf(areaLayout(space, laidOut, "compacted"), 9) : undefined;
  if (pkru !== undefined) image[pkru] = (image[pkru] ?? 0) & 0xfc; // whatever XSTATE_BV says by now
  return { image, compacted, xstateBv, xcompBv, defect, misalign: defect === "misaligned" ? 1 + prng.below(63) : 0 };
}
