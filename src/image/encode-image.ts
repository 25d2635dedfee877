/** Registers -> an image: the inverse of decoding. */

import { hasBit, maskOfBits, maskWithNames, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { INITIAL_MXCSR, LEGACY_REGION_SIZE, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import { componentName } from "../isa/state-component.ts";
import { areaLayout, type PlacedComponent } from "../layout/area-layout.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { ImageError } from "./image-error.ts";
import { decodeImage } from "./decode-image.ts";
import {
  type ComponentState,
  componentsOf,
  holdsInitial,
  initialState,
  inUseOf,
  legacyRanges,
  mxcsrOf,
  type RegisterState,
  registerRanges,
} from "./register-state.ts";
import type { ImageForm, XsaveImage } from "./xsave-image.ts";

/** Where registers shall go. */
export interface EncodeTarget {
  readonly form: ImageForm;
  readonly rows: readonly ComponentRow[];
  /** Components that get room: RFBM of the save that this stands for. Absent: all that the state has. */
  readonly mask?: bigint;
}

/**
 * Writes the area that XSAVE (standard) or XSAVEC/XSAVES (compacted) would write into zeroed memory from these
 * registers: in the standard form what is in init is written with its initial values, in the compacted one not at all.
 * XSTATE_BV[1] is set in the compacted form where MXCSR is not 1F80H, else MXCSR would be lost (SDM vol. 1, 13.10).
 * The image ends with its last component. Throws ImageError for a component in use that has no room.
 */
export function encodeImage(state: RegisterState, { form, rows, mask = componentsOf(state) }: EncodeTarget): XsaveImage {
  const standard = form === "standard";
  let xstateBv = inUseOf(state);
  const lost = xstateBv & ~mask;
  if (lost) throw new ImageError("no-place", `in use, but not in the mask: ${maskWithNames(lost)}`);
  const placeable = maskOfBits([
    0,
    1,
    ...rows.filter((row) => !standard || row.standardOffset !== undefined).map(({ index }) => index),
  ]);
  const unplaced = mask & ~placeable;
  if (unplaced & xstateBv)
    throw new ImageError("no-place", `no row of the ${form} form for ${maskWithNames(unplaced & xstateBv)}`);
  const rfbm = mask & placeable;
  if (!standard && mxcsrOf(state) !== undefined && mxcsrOf(state) !== INITIAL_MXCSR) xstateBv |= 2n & rfbm;
  const layout = areaLayout({ components: rows }, rfbm, standard ? "standard" : "compacted");
  const area = new Uint8Array(layout.size);
  const isWritten = (index: number): boolean => standard || hasBit(xstateBv, index);
  for (const index of [0, 1] as const) {
    const part = state.get(index) ?? initialState(index, 0);
    // XRSTOR of a standard area loads MXCSR whatever XSTATE_BV says, so that it must be there.
    const written = form !== "compacted" || (hasBit(rfbm, index) && isWritten(index));
    if (written) for (const [offset, size] of legacyRanges(index)) area.set(part.bytes.subarray(offset, offset + size), offset);
  }
  const components = layout.components.map(({ row, offset }) => ({
    offset,
    component: state.get(row.index) ?? initialState(row.index, row.size),
    size: row.size,
  }));
  if (standard) refuseOverlap(layout.components.filter(({ row }) => hasBit(xstateBv, row.index)));
  // In a layout with APX over BNDREGS what is in use must not be overwritten by the other's initial values.
  for (const { component, size, offset } of components.toSorted((a, b) => Number(a.component.inUse) - Number(b.component.inUse)))
    if (isWritten(component.index)) area.set(resized(component, size), offset);
  const header = new DataView(area.buffer);
  header.setBigUint64(XSTATE_BV_OFFSET, xstateBv, true);
  if (!standard) header.setBigUint64(XCOMP_BV_OFFSET, rfbm | XCOMP_BV_COMPACTED, true);
  if (form !== "compacted-without-legacy") return { bytes: area, form, rows };
  const bytes = area.slice(LEGACY_REGION_SIZE);
  // Of x87 and SSE the CONTEXT beside the area speaks, the header does not.
  const own = new DataView(bytes.buffer);
  own.setBigUint64(0, xstateBv & ~3n, true);
  return { bytes, form, rows, ...((state.has(0) || state.has(1)) && { legacy: area.slice(0, LEGACY_REGION_SIZE) }) };
}

function refuseOverlap(inUse: readonly PlacedComponent[]): void {
  let before: PlacedComponent | undefined;
  for (const each of inUse.toSorted((a, b) => a.offset - b.offset)) {
    if (before && each.offset < before.offset + before.row.size) {
      const both = `${componentName(before.row.index)} and ${componentName(each.row.index)}`;
      throw new ImageError("no-place", `${both} are in use and overlap at ${each.offset}: no CPU enables both`);
    }
    before = each;
  }
}

/** A component's registers in another size: PKRU has 64 bytes on Zen 2, 8 elsewhere, and 4 that are a register. */
function resized(component: ComponentState, size: number): Uint8Array {
  if (!fits(component, size))
    throw new ImageError("does-not-fit", `component ${component.index} has registers beyond the ${size} bytes of its row`);
  const bytes = initialState(component.index, size).bytes;
  const shared = Math.min(size, component.bytes.length);
  bytes.set(component.bytes.subarray(0, shared));
  return bytes;
}

/** True if all registers of a component lie within `size` bytes. */
export function fits(component: ComponentState, size: number): boolean {
  return registerRanges(component).every(([offset, length]) => offset + length <= size);
}

function normalisedState(state: RegisterState): RegisterState {
  return new Map(
    [...state].map(([index, component]) => {
      const bytes = initialState(index, component.bytes.length).bytes;
      if (index === 1 || !holdsInitial(component))
        for (const [offset, size] of registerRanges(component))
          bytes.set(component.bytes.subarray(offset, offset + size), offset);
      return [index, { index, inUse: component.inUse && !holdsInitial(component), bytes }];
    }),
  );
}

/**
 * The same registers as the one image that all images with these registers share: XSTATE_BV has only what is not in its
 * initial configuration, padding, stale bytes, MXCSR_MASK and the software bytes are cleared, reserved header bytes 0.
 * Two normalised images of one form and one layout are equal exactly where their registers are.
 */
export function normaliseImage(image: XsaveImage): XsaveImage {
  const { state, layout } = decodeImage(image);
  // With the rows that decoding had to assume for components of XCOMP_BV.
  const placed = layout.components.map(({ row }) => row);
  const rows = [...placed, ...image.rows.filter(({ index }) => !placed.some((row) => row.index === index))];
  return encodeImage(normalisedState(state), { form: image.form, rows });
}
