/**
 * The one layout walk: rows of leaf 0DH and a mask in, offsets and size of an XSAVE area out.
 * Source: Intel SDM vol. 1, 13.4.2 (standard) and 13.4.3 (compacted).
 */

import { bitsOf, maskWithNames } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { ComponentRow, LayoutSource } from "./component-row.ts";

/** The two formats of an XSAVE area. */
export type AreaFormat = "standard" | "compacted";

/** A component's place in an area. */
export interface PlacedComponent {
  readonly row: ComponentRow;
  /** Byte offset in the area. */
  readonly offset: number;
}

/** Where everything lies for one mask in one format. */
export interface AreaLayout {
  readonly format: AreaFormat;
  /** The mask laid out: RFBM for a save, XCOMP_BV[62:0] for a compacted area. */
  readonly rfbm: bigint;
  /** Extended components (2..62) in index order. */
  readonly components: readonly PlacedComponent[];
  /** End of the last byte that belongs to the area, at least 576, not rounded up. */
  readonly size: number;
}

/** A mask names a component that the layout cannot place. */
export class LayoutError extends Error {
  override readonly name = "LayoutError";
}

/**
 * Lays out an area. Bits 0 and 1 move nothing: their state is in the legacy region.
 * Compacted: an aligned running sum over the mask's bits, its end not rounded.
 * Standard: CPUID's offsets; the size is a maximum over offset + size, since order of
 * offsets is not order of indices (APX at 960).
 * Throws LayoutError for a bit below 64 without a row and, standard only, for a supervisor component; a mask has no others.
 */
export function areaLayout(source: LayoutSource, rfbm: bigint, format: AreaFormat): AreaLayout {
  const rows = new Map(source.components.map((row) => [row.index, row]));
  const components: PlacedComponent[] = [];
  let end = EXTENDED_REGION_OFFSET;
  for (const index of bitsOf(rfbm)) {
    if (index < 2) continue;
    const row = rows.get(index);
    if (!row) throw new LayoutError(`no leaf 0DH row for a component of mask ${maskWithNames(rfbm)}: sub-leaf ${index}`);
    let offset: number;
    if (format === "compacted") {
      offset = row.align64 ? Math.ceil(end / 64) * 64 : end;
      end = offset + row.size;
    } else {
      if (row.standardOffset === undefined) {
        throw new LayoutError(`supervisor component ${index} has no place in the standard format (mask ${maskWithNames(rfbm)})`);
      }
      offset = row.standardOffset;
      end = Math.max(end, offset + row.size);
    }
    components.push({ row, offset });
  }
  return { format, rfbm, components, size: end };
}

/** Offset of a component in a layout, or undefined if it is not there (or in the legacy region). */
export function offsetOf(layout: AreaLayout, index: number): number | undefined {
  return layout.components.find((placed) => placed.row.index === index)?.offset;
}
