/** An XSAVE area with legacy region and header, as most containers hold it, and what it tells about its layout. */

import { XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { SOFTWARE_OFFSET, XCOMP_BV_OFFSET } from "../isa/xsave-area.ts";
import type { LayoutEvidence } from "../image/layout-evidence.ts";
import type { ContainedArea, FileRange } from "./container.ts";
import { viewOf } from "./range-reader.ts";

/**
 * The area with its evidence: form from XCOMP_BV, user features from byte 464 unless the container keeps them
 * elsewhere. `range` has at least 576 bytes.
 */
export function areaOf(
  range: FileRange,
  known: {
    readonly declared?: LayoutEvidence["declared"] | undefined;
    readonly userFeatures?: LayoutEvidence["userFeatures"] | undefined;
    readonly sizePadded?: boolean;
  } = {},
): ContainedArea {
  const view = viewOf(range.bytes);
  const xcompBv = view.getBigUint64(XCOMP_BV_OFFSET, true);
  const form = (xcompBv & XCOMP_BV_COMPACTED) === 0n ? "standard" : "compacted";
  const evidence: LayoutEvidence = {
    ...(known.declared && { declared: known.declared }),
    userFeatures: known.userFeatures ?? {
      mask: view.getBigUint64(SOFTWARE_OFFSET, true),
      where: `byte ${SOFTWARE_OFFSET}`,
    },
    size: range.bytes.length,
    ...(known.sizePadded && { sizePadded: true }),
    xcompBv,
    form,
    bytes: range.bytes,
  };
  return { ...range, form, evidence };
}
