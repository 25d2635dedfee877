/** Two layouts, component by component, as data: for tests in any framework. */

import { bitsOf, hasBit, maskOfBits } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { AreaFormat, AreaLayout } from "../layout/area-layout.ts";
import { areaLayout } from "../layout/area-layout.ts";
import type { LayoutSource } from "../layout/component-row.ts";

/** What to lay out. */
export interface LayoutQuestion {
  /** RFBM; each side is laid out for the part of it that it has. Absent: everything that either side has. */
  readonly mask?: bigint;
  /** Absent: `compacted`. */
  readonly format?: AreaFormat;
}

/** Where a component lies, in bytes; null on the side that lacks it. */
export interface ComponentPlace {
  readonly size: number;
  readonly offset: number;
}

/** A component that is not the same on both sides. */
export interface LayoutDifference {
  readonly index: number;
  readonly name: string;
  readonly a: ComponentPlace | null;
  readonly b: ComponentPlace | null;
}

/** The outcome of a comparison. */
export interface LayoutComparison {
  readonly identical: boolean;
  readonly format: AreaFormat;
  /** The mask asked for, or what both sides have together. */
  readonly rfbm: bigint;
  /** Bytes of the whole area. */
  readonly sizeA: number;
  readonly sizeB: number;
  /** By component index. */
  readonly differences: readonly LayoutDifference[];
}

/** A model, rows of leaf 0DH, or a layout that is already computed. */
export type LayoutLike = LayoutSource | AreaLayout;

/** True for a layout that is already computed. */
export function isAreaLayout(value: LayoutLike): value is AreaLayout {
  return "format" in value && "rfbm" in value && "size" in value;
}

/** True for everything that `compareLayouts` takes. */
export function isLayoutLike(value: unknown): value is LayoutLike {
  if (typeof value !== "object" || value === null || !("components" in value) || !Array.isArray(value.components)) return false;
  const hasIndex = (each: unknown): boolean =>
    typeof each === "object" && each !== null && "index" in each && typeof each.index === "number";
  return value.components.every(
    (each: unknown) => hasIndex(each) || (typeof each === "object" && each !== null && "row" in each && hasIndex(each.row)),
  );
}

/** Every extended component of a side that the format can hold. */
function componentsOf(side: LayoutLike, format: AreaFormat): bigint {
  if (isAreaLayout(side)) return maskOfBits(side.components.map(({ row }) => row.index));
  return maskOfBits(
    side.components.filter((row) => format === "compacted" || row.standardOffset !== undefined).map((row) => row.index),
  );
}

const FORMATS: readonly AreaFormat[] = ["standard", "compacted"];

/**
 * Compares the layouts of two sides. A layout that is already computed keeps its own mask and format
 * (a question for another one throws RangeError, as does a format that is none).
 */
export function compareLayouts(a: LayoutLike, b: LayoutLike, question: LayoutQuestion = {}): LayoutComparison {
  const computed = [a, b].find(isAreaLayout);
  const format = question.format ?? computed?.format ?? "compacted";
  if (!FORMATS.includes(format)) throw new RangeError(`"format" expected ${FORMATS.join(" or ")}, got ${String(format)}`);
  const rfbm = question.mask ?? computed?.rfbm ?? componentsOf(a, format) | componentsOf(b, format);
  const layoutOf = (side: LayoutLike): AreaLayout => {
    if (!isAreaLayout(side)) return areaLayout(side, rfbm & componentsOf(side, format), format);
    if (side.format !== format) throw new RangeError(`"format" expected ${side.format}, that of the layout given, got ${format}`);
    if (question.mask !== undefined && side.rfbm >> 2n !== question.mask >> 2n) {
      throw new RangeError(
        `"mask" expected 0x${side.rfbm.toString(16)}, that of the layout given, got 0x${question.mask.toString(16)}`,
      );
    }
    return side;
  };
  const [layoutA, layoutB] = [layoutOf(a), layoutOf(b)];
  const all = componentsOf(layoutA, format) | componentsOf(layoutB, format) | rfbm;
  const differences = bitsOf(all)
    .filter((index) => index >= 2 && (hasBit(layoutA.rfbm, index) || hasBit(layoutB.rfbm, index)))
    .map((index): LayoutDifference => ({
      index,
      name: componentName(index),
      a: placeIn(layoutA, index),
      b: placeIn(layoutB, index),
    }))
    .filter((each) => each.a?.size !== each.b?.size || each.a?.offset !== each.b?.offset);
  const identical = differences.length === 0 && layoutA.size === layoutB.size;
  return { identical, format, rfbm, sizeA: layoutA.size, sizeB: layoutB.size, differences };
}

function placeIn(layout: AreaLayout, index: number): ComponentPlace | null {
  const placed = layout.components.find(({ row }) => row.index === index);
  return placed ? { size: placed.row.size, offset: placed.offset } : null;
}

const shown = (place: ComponentPlace | null): string => (place === null ? "absent" : `${place.size} bytes at ${place.offset}`);

/** One line for the whole and one for each component that differs. */
export function describeComparison(comparison: LayoutComparison, nameA: string, nameB: string): string {
  const { identical, format, rfbm, sizeA, sizeB, differences } = comparison;
  const of = `${format} layout of 0x${rfbm.toString(16)}`;
  if (identical) return `${nameA} and ${nameB} have the same ${of}: ${sizeA} bytes`;
  return [
    `${nameA} and ${nameB} differ in the ${of}: ${sizeA} and ${sizeB} bytes`,
    ...differences.map(({ index, name, a, b }) => `  ${name} (${index}): ${shown(a)} in ${nameA}, ${shown(b)} in ${nameB}`),
  ].join("\n");
}
