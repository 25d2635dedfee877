/** An image -> the registers in it. */

import { hasBit } from "../isa/feature-mask.ts";
import { LEGACY_REGION_SIZE, LEGACY_UNWRITTEN_OFFSET, MXCSR_OFFSET, MXCSR_SIZE } from "../isa/xsave-area.ts";
import type { ImageWarning } from "./image-error.ts";
import { type ImageLayout, imageLayout } from "./image-layout.ts";
import { type ComponentState, initialState, legacyRanges, type RegisterState } from "./register-state.ts";
import type { XsaveImage } from "./xsave-image.ts";

/** An image taken apart. */
export interface DecodedImage {
  readonly image: XsaveImage;
  readonly layout: ImageLayout;
  /** Every component that the image has room for; what is in init holds its initial configuration, not the stale bytes. */
  readonly state: RegisterState;
  readonly warnings: readonly ImageWarning[];
}

/**
 * Decodes an image as a restore would load it: XSTATE_BV decides what is read. MXCSR comes from the area in the
 * standard form, and in the compacted one where XSTATE_BV[1] = 1 (SDM vol. 1, 13.8). Throws ImageError.
 */
export function decodeImage(image: XsaveImage): DecodedImage {
  const layout = imageLayout(image);
  const warnings: ImageWarning[] = [...layout.warnings];
  const state = new Map<number, ComponentState>();
  const legacy = legacyOf(image);
  if (legacy) {
    // CONTEXT always holds x87 and SSE; the header of Windows' form does not speak of them.
    const xstateBv = layout.form === "compacted-without-legacy" ? 3n : layout.xstateBv;
    // A compacted area says in XCOMP_BV what was asked for: perf's buffers have no x87.
    const asked = layout.form === "compacted" ? layout.xcompBv : 3n;
    for (const index of [0, 1] as const) {
      if (hasBit(asked, index))
        state.set(index, decodeLegacy(legacy, index, hasBit(xstateBv, index), layout.form === "standard"));
    }
  } else {
    warnings.push({
      rule: "no-legacy",
      offset: undefined,
      message: "the image has no legacy region: x87, MXCSR and XMM are not in it",
    });
  }
  for (const { row, offset } of layout.components) {
    const inUse = hasBit(layout.xstateBv, row.index);
    state.set(
      row.index,
      inUse
        ? { index: row.index, inUse, bytes: image.bytes.slice(offset, offset + row.size) }
        : initialState(row.index, row.size),
    );
  }
  return { image, layout, state: new Map([...state].sort(([a], [b]) => a - b)), warnings };
}

function legacyOf({ bytes, form, legacy }: XsaveImage): Uint8Array | undefined {
  if (form !== "compacted-without-legacy") return bytes;
  return legacy && legacy.length >= LEGACY_UNWRITTEN_OFFSET && legacy.length <= LEGACY_REGION_SIZE ? legacy : undefined;
}

function decodeLegacy(region: Uint8Array, index: 0 | 1, inUse: boolean, mxcsrAlways: boolean): ComponentState {
  const { bytes } = initialState(index, 0);
  const copy = (offset: number, size: number): void => bytes.set(region.subarray(offset, offset + size), offset);
  if (inUse) for (const [offset, size] of legacyRanges(index)) copy(offset, size);
  else if (mxcsrAlways) copy(MXCSR_OFFSET, MXCSR_SIZE);
  return { index, inUse, bytes };
}
