/** An image as `portable` judges it: what is laid out, what is in use, what a restore would refuse at once. */

import { maskOfBits, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { INITIAL_MXCSR, LEGACY_REGION_SIZE } from "../isa/xsave-area.ts";
import type { SavedState } from "../model/portability-rules.ts";
import type { DecodedImage } from "./decode-image.ts";
import { refusedContents } from "./refused-contents.ts";
import { canBeLeftOut, mxcsrOf } from "./register-state.ts";

/**
 * The state of an image. `id` names it in reasons. `userFeatures` are those that its writer noted (byte 464 and the
 * like): what was enabled in the standard format, which the header does not tell.
 */
export function savedStateOf(id: string, { image, layout, state }: DecodedImage, userFeatures = 0n): SavedState {
  const { form, xstateBv, xcompBv, components } = layout;
  const compacted = form !== "standard";
  const legacy = form === "compacted-without-legacy";
  // Windows' header leaves out x87 and SSE, which are in CONTEXT and always in use.
  const inUse = legacy ? xstateBv | 3n : xstateBv;
  const laidOut = compacted ? (xcompBv & ~XCOMP_BV_COMPACTED) | (legacy ? 3n : 0n) : userFeatures | inUse | 3n;
  const rows = compacted ? components.map(({ row }) => row) : image.rows;
  const supervisor = maskOfBits(rows.filter((row) => row.supervisor).map(({ index }) => index));
  const mxcsr = mxcsrOf(state) ?? INITIAL_MXCSR;
  const initial = [...state.values()].filter((each) => each.inUse && canBeLeftOut(each));
  return {
    source: { id, components: rows, instructions: { xsavec: compacted, xsaves: (laidOut & supervisor) !== 0n } },
    xcr0: laidOut & ~supervisor,
    xss: laidOut & supervisor,
    mayUse: inUse,
    initial: maskOfBits(initial.map(({ index }) => index)) & inUse,
    mxcsr,
    bytes: image.bytes.length + (legacy ? LEGACY_REGION_SIZE : 0),
    contentFaults: [...state.values()].flatMap(refusedContents),
    headerFaults: layout.warnings
      .filter(({ rule }) => rule === "header-reserved")
      .map(({ offset, message }) => `byte ${offset}: ${message}`),
  };
}
