/** The header of an image and where its components lie. */

import { bitsOf, hasBit, maskHex, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { stateComponent } from "../isa/state-component.ts";
import {
  EXTENDED_REGION_OFFSET,
  LEGACY_REGION_SIZE,
  XCOMP_BV_OFFSET,
  XSAVE_HEADER_SIZE,
  XSTATE_BV_OFFSET,
} from "../isa/xsave-area.ts";
import type { PlacedComponent } from "../layout/area-layout.ts";
import { areaLayout } from "../layout/area-layout.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { ImageError, type ImageWarning } from "./image-error.ts";
import type { ImageForm, XsaveImage } from "./xsave-image.ts";

/** What an image says about itself, and the places of its extended components. */
export interface ImageLayout {
  readonly form: ImageForm;
  /** 3 where the image is the legacy region alone (FXSAVE), which has no header. */
  readonly xstateBv: bigint;
  readonly xcompBv: bigint;
  /** Extended components by place; offsets are those in `bytes`. In the standard form: those that end inside the bytes. */
  readonly components: readonly PlacedComponent[];
  /** End of the last component in `bytes`, or of the header. */
  readonly size: number;
  readonly warnings: readonly ImageWarning[];
}

/** Components larger than this are a mistake: the architecture's largest has 8 KiB. */
const MAX_COMPONENT_SIZE = 1 << 24;

/** Byte in an image of a byte in an area: Windows' form begins at the header. */
export function imageOffset(form: ImageForm, areaOffset: number): number {
  return form === "compacted-without-legacy" ? areaOffset - LEGACY_REGION_SIZE : areaOffset;
}

/** `standard` or `compacted` by XCOMP_BV[63] of a whole area. Throws ImageError below 576 bytes. */
export function formOf(bytes: Uint8Array): "standard" | "compacted" {
  if (bytes.length < EXTENDED_REGION_OFFSET) throw tooShort(bytes.length, EXTENDED_REGION_OFFSET);
  return hasBit(u64(bytes, XCOMP_BV_OFFSET), 63) ? "compacted" : "standard";
}

/**
 * Reads header and places. Throws ImageError for bytes too short for their form, for a form that XCOMP_BV
 * contradicts and for rows that cannot be; all else that is odd becomes a warning.
 */
export function imageLayout({ bytes, form, rows }: XsaveImage): ImageLayout {
  for (const { index, size, standardOffset } of rows) {
    const wrong = !Number.isInteger(index) || index < 2 || index > 62 || !(size >= 0 && size <= MAX_COMPONENT_SIZE);
    if (
      wrong ||
      (standardOffset !== undefined && !(standardOffset >= EXTENDED_REGION_OFFSET && standardOffset <= MAX_COMPONENT_SIZE))
    )
      throw new ImageError(
        "bad-row",
        `row of component ${index}: ${size} bytes at ${standardOffset} cannot be; sizes are 0..16 MiB, offsets 576..16 MiB`,
      );
  }
  if (form === "standard" && bytes.length >= LEGACY_REGION_SIZE && bytes.length < EXTENDED_REGION_OFFSET) {
    const message = "the legacy region alone (FXSAVE), no XSAVE header: x87 and SSE are taken as in use";
    const warnings: ImageWarning[] = [{ rule: "no-header", offset: bytes.length, message }];
    return { form, xstateBv: 3n, xcompBv: 0n, components: [], size: LEGACY_REGION_SIZE, warnings };
  }
  const least = imageOffset(form, EXTENDED_REGION_OFFSET);
  if (bytes.length < least) throw tooShort(bytes.length, least);
  const at = (areaOffset: number): number => imageOffset(form, areaOffset);
  const xstateBv = u64(bytes, at(XSTATE_BV_OFFSET));
  const xcompBv = u64(bytes, at(XCOMP_BV_OFFSET));
  const compacted = form !== "standard";
  if (compacted !== hasBit(xcompBv, 63)) {
    const is = compacted ? "standard" : "compacted";
    throw new ImageError(
      "wrong-form",
      `XCOMP_BV ${maskHex(xcompBv)} is that of a ${is} area, not of a ${form} one`,
      at(XCOMP_BV_OFFSET),
    );
  }
  const warnings: ImageWarning[] = [];
  const checkedEnd = at(XSTATE_BV_OFFSET) + (compacted ? XSAVE_HEADER_SIZE : 24);
  for (let offset = at(XCOMP_BV_OFFSET) + 8; offset < checkedEnd; offset += 8) {
    const value = u64(bytes, offset);
    if (value !== 0n)
      warnings.push({
        rule: "header-reserved",
        offset,
        message: `reserved header bytes are ${maskHex(value)}, not 0: a restore would fault`,
      });
  }
  const components = compacted ? placeCompacted(rows, xcompBv, form, warnings) : placeStandard(rows);
  const present = components.filter(({ row, offset }) => {
    if (offset + row.size <= bytes.length) return true;
    if (hasBit(xstateBv, row.index) || compacted)
      warnings.push({
        rule: "cut-short",
        offset: bytes.length,
        message: `component ${row.index} lies at ${offset}-${offset + row.size - 1}, the image ends before`,
      });
    return false;
  });
  const placed = new Set([0, 1, ...components.map(({ row }) => row.index)]);
  const unplaced = bitsOf(xstateBv).filter((index) => !placed.has(index));
  if (unplaced.length > 0) {
    const why = compacted
      ? "which XCOMP_BV lacks: a restore would fault"
      : "for which the layout has no row: where they lie is not known";
    warnings.push({
      rule: "xstate-bv-bits",
      offset: at(XSTATE_BV_OFFSET),
      message: `XSTATE_BV has bits ${unplaced.join(", ")}, ${why}`,
    });
  }
  const size = present.reduce((end, { row, offset }) => Math.max(end, offset + row.size), least);
  return { form, xstateBv, xcompBv, components: present, size, warnings };
}

function placeStandard(rows: readonly ComponentRow[]): PlacedComponent[] {
  return rows.flatMap((row) => (row.standardOffset === undefined ? [] : [{ row, offset: row.standardOffset }]));
}

/** A bit without a row takes the architecture's size, which has been right for all CPUs but Zen 2's PKRU. */
function placeCompacted(
  rows: readonly ComponentRow[],
  xcompBv: bigint,
  form: ImageForm,
  warnings: ImageWarning[],
): PlacedComponent[] {
  const all = [...rows];
  let mask = xcompBv & ~XCOMP_BV_COMPACTED;
  for (const index of bitsOf(mask)) {
    if (index < 2 || all.some((row) => row.index === index)) continue;
    const known = stateComponent(index);
    const offset = imageOffset(form, XCOMP_BV_OFFSET);
    if (known) {
      all.push({
        index,
        size: known.size,
        standardOffset: undefined,
        supervisor: known.kind === "supervisor",
        align64: known.align64,
        xfd: known.xfd,
      });
      warnings.push({
        rule: "assumed-size",
        offset,
        message: `XCOMP_BV has component ${index}, the layout has no row for it: taken as ${known.size} bytes`,
      });
    } else {
      const kept = mask & ((1n << BigInt(index)) - 1n);
      warnings.push({
        rule: "assumed-size",
        offset,
        message: `XCOMP_BV has component ${index}, whose size is not known: it and what follows (${bitsOf(mask & ~kept).join(", ")}) cannot be placed`,
      });
      mask = kept;
      break;
    }
  }
  return areaLayout({ components: all }, mask, "compacted").components.map(({ row, offset }) => ({
    row,
    offset: imageOffset(form, offset),
  }));
}

function tooShort(length: number, least: number): ImageError {
  return new ImageError("too-short", `an XSAVE area has at least ${least} bytes here, this one has ${length}`, length);
}

function u64(bytes: Uint8Array, offset: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 8).getBigUint64(0, true);
}
