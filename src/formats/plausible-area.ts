/** Could these bytes be an XSAVE area? For files that have no magic. */

import { maskHex, maskOfBits, maskWithNames, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { STATE_COMPONENTS } from "../isa/state-component.ts";
import { LEGACY_REGION_SIZE, MXCSR_MASK_OFFSET, MXCSR_OFFSET, XSAVE_HEADER_SIZE } from "../isa/xsave-area.ts";
import type { ImageForm } from "../image/xsave-image.ts";

/** What speaks for and against an area of a form. */
export interface Plausibility {
  readonly form: ImageForm;
  /** Short statements for people: `XSTATE_BV 0xe7 names known components`. */
  readonly reasons: readonly string[];
  /** What no CPU and no kernel writes, with its byte offset in the area. */
  readonly objections: readonly { readonly offset: number; readonly message: string }[];
}

const KNOWN: bigint = maskOfBits(STATE_COMPONENTS.map(({ index }) => index));
/** MXCSR_MASK as CPUs report it; 0 where the writer had none (SDM vol. 1, 11.6.6; bit 17 is AMD's MM). */
const MXCSR_MASKS = [0, 0xffbf, 0xffff, 0x2ffff];
const MXCSR_DEFINED = 0x2ffff;

/** Judges the first 576 bytes (64 of a header that comes first) of what may be an area. */
export function plausibleArea(view: DataView, form: "area" | "without-legacy"): Plausibility {
  const header = form === "area" ? LEGACY_REGION_SIZE : 0;
  const reasons: string[] = [];
  const objections: { offset: number; message: string }[] = [];
  const object = (offset: number, message: string): void => void objections.push({ offset, message });
  const least = header + XSAVE_HEADER_SIZE;
  if (view.byteLength < least) {
    object(
      view.byteLength,
      `${view.byteLength} bytes; ${form === "area" ? "an XSAVE area" : "an XSAVE header"} has ${least} or more`,
    );
    return { form: form === "area" ? "standard" : "compacted-without-legacy", reasons, objections };
  }
  const xstateBv = view.getBigUint64(header, true);
  const xcompBv = view.getBigUint64(header + 8, true);
  const compacted = (xcompBv & XCOMP_BV_COMPACTED) !== 0n;
  const judge = (name: string, offset: number, mask: bigint): void => {
    const unknown = mask & ~KNOWN;
    if (unknown !== 0n) object(offset, `${name} ${maskHex(mask)} names components that no document has: ${maskHex(unknown)}`);
    else if (mask !== 0n) reasons.push(`${name} is ${maskWithNames(mask)}`);
  };
  judge("XSTATE_BV", header, xstateBv);
  if (compacted) {
    judge("XCOMP_BV", header + 8, xcompBv & ~XCOMP_BV_COMPACTED);
    if ((xstateBv & ~xcompBv) !== 0n)
      object(header, `XSTATE_BV ${maskHex(xstateBv)} has bits that XCOMP_BV ${maskHex(xcompBv)} lacks`);
  } else if (xcompBv !== 0n) object(header + 8, `XCOMP_BV ${maskHex(xcompBv)} without bit 63`);
  for (let at = header + 16; at < least; at += 8) {
    if (view.getBigUint64(at, true) === 0n) continue;
    object(at, "reserved bytes of the XSAVE header are not zero");
    break;
  }
  if (form === "area") {
    const mxcsr = view.getUint32(MXCSR_OFFSET, true);
    const mask = view.getUint32(MXCSR_MASK_OFFSET, true);
    if ((mxcsr & ~MXCSR_DEFINED) !== 0) object(MXCSR_OFFSET, `MXCSR 0x${mxcsr.toString(16)} has bits that do not exist`);
    else if (mxcsr !== 0) reasons.push(`MXCSR is 0x${mxcsr.toString(16)}`);
    if (!MXCSR_MASKS.includes(mask)) object(MXCSR_MASK_OFFSET, `MXCSR_MASK 0x${mask.toString(16)} is none that CPUs report`);
    else if (mask !== 0) reasons.push(`MXCSR_MASK is 0x${mask.toString(16)}`);
  } else if (!compacted) object(8, "XCOMP_BV without bit 63: an area that begins with its header is compacted");
  return {
    form: form === "without-legacy" ? "compacted-without-legacy" : compacted ? "compacted" : "standard",
    reasons,
    objections,
  };
}

/** True if nothing speaks against it and something for it. */
export function isPlausible({ reasons, objections }: Plausibility): boolean {
  return objections.length === 0 && reasons.length > 0;
}
