/** An XSAVE area as a container holds it, and what it tells about its layout. */

import { XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { SOFTWARE_OFFSET, XCOMP_BV_OFFSET } from "../isa/xsave-area.ts";
import type { ImageForm } from "../image/xsave-image.ts";
import type { LayoutEvidence } from "../image/layout-evidence.ts";
import type { ContainedArea, FileRange } from "./container.ts";
import { viewOf } from "./range-reader.ts";

/**
 * The area with its evidence: form from XCOMP_BV, user features from byte 464 unless the container keeps them
 * elsewhere. `range` has at least 576 bytes, 64 in the form that begins with the header.
 */
export function areaOf(
  range: FileRange,
  known: {
    readonly declared?: LayoutEvidence["declared"] | undefined;
    readonly userFeatures?: LayoutEvidence["userFeatures"] | undefined;
    readonly sizePadded?: boolean;
    readonly vendorHint?: string;
    readonly form?: ImageForm;
    readonly legacy?: Uint8Array;
  } = {},
): ContainedArea {
  const view = viewOf(range.bytes);
  const headerFirst = known.form === "compacted-without-legacy";
  const xcompBv = view.getBigUint64(headerFirst ? 8 : XCOMP_BV_OFFSET, true);
  const form = known.form ?? ((xcompBv & XCOMP_BV_COMPACTED) === 0n ? "standard" : "compacted");
  const mask = headerFirst ? 0n : view.getBigUint64(SOFTWARE_OFFSET, true);
  const userFeatures = known.userFeatures ?? (mask === 0n ? undefined : { mask, where: `byte ${SOFTWARE_OFFSET}` });
  const evidence: LayoutEvidence = {
    ...(known.declared && { declared: known.declared }),
    ...(userFeatures && { userFeatures }),
    size: range.bytes.length,
    ...(known.vendorHint !== undefined && { vendorHint: known.vendorHint }),
    ...(known.sizePadded && { sizePadded: true }),
    xcompBv,
    form,
    bytes: range.bytes,
  };
  return { ...range, form, ...(known.legacy && { legacy: known.legacy }), evidence };
}
