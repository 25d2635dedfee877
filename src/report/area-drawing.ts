/** An XSAVE area as a drawing in text: offsets on the left, boxes whose height follows their size, holes hatched. */

import { hasBit, maskHex } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET, LEGACY_REGION_SIZE, XSAVE_HEADER_SIZE } from "../isa/xsave-area.ts";
import type { AreaLayout } from "../layout/area-layout.ts";

/** A stretch of an area. */
export interface AreaPart {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly kind: "region" | "component" | "hole";
  /** The component starts at a multiple of 64 in the compacted format. */
  readonly align64: boolean;
  /** Index of a component. */
  readonly index?: number;
}

/** The area in order of offsets, holes included. */
export function areaParts(layout: AreaLayout): AreaPart[] {
  const region = { kind: "region", align64: false } as const;
  const parts: AreaPart[] = [
    { ...region, name: "legacy region", offset: 0, size: LEGACY_REGION_SIZE },
    { ...region, name: "XSAVE header", offset: LEGACY_REGION_SIZE, size: XSAVE_HEADER_SIZE },
  ];
  let end = EXTENDED_REGION_OFFSET;
  for (const { row, offset } of layout.components.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end) parts.push({ name: "hole", offset: end, size: offset - end, kind: "hole", align64: false });
    parts.push({
      name: componentName(row.index),
      offset,
      size: row.size,
      kind: "component",
      align64: row.align64,
      index: row.index,
    });
    end = Math.max(end, offset + row.size);
  }
  return parts;
}

const OFFSET_WIDTH = 7;
const BOX_WIDTH = 56;

/** Lines of a box: one up to 127 bytes, one more for each factor of four. */
function heightOf(size: number): number {
  return size < 128 ? 1 : Math.floor(Math.log2(size / 128) / 2) + 2;
}

/**
 * The drawing, at most 80 columns wide. Offsets are decimal, with the hexadecimal one at the right. With `xstateBv`
 * every component shows whether it is in use.
 */
export function drawArea(layout: AreaLayout, xstateBv?: bigint): string {
  const rule = (offset: number, left: string, right: string): string =>
    `${String(offset).padStart(OFFSET_WIDTH)} ${left}${"─".repeat(BOX_WIDTH)}${right} 0x${offset.toString(16)}`;
  const parts = areaParts(layout);
  const lines = parts.flatMap((part, at) => [
    rule(part.offset, at === 0 ? "┌" : "├", at === 0 ? "┐" : "┤"),
    ...box(part, xstateBv),
  ]);
  return [...lines, rule(layout.size, "└", "┘")].join("\n");
}

function box(part: AreaPart, xstateBv: bigint | undefined): string[] {
  const fill = part.kind === "hole" ? "╱" : " ";
  const label = ` ${part.kind === "hole" ? "hole, nothing is written" : part.name}${part.align64 ? " (aligned to 64)" : ""}${useOf(part, xstateBv)} `;
  const size = ` ${part.size} bytes `;
  const first = label + fill.repeat(Math.max(1, BOX_WIDTH - label.length - size.length)) + size;
  const inside = [first.slice(0, BOX_WIDTH), ...Array.from({ length: heightOf(part.size) - 1 }, () => fill.repeat(BOX_WIDTH))];
  return inside.map((text) => `${" ".repeat(OFFSET_WIDTH)} │${text}│`);
}

/** `: in use`, `: in init`; the legacy region has two components. */
function useOf({ kind, index, offset }: AreaPart, xstateBv: bigint | undefined): string {
  if (kind === "hole") return "";
  if (xstateBv === undefined) return index === undefined && offset === 0 ? " (x87, SSE)" : "";
  const use = (component: number): string => (hasBit(xstateBv, component) ? "in use" : "in init");
  if (index !== undefined) return `: ${use(index)}`;
  return offset === 0 ? `: x87 ${use(0)}, SSE ${use(1)}` : ` ${maskHex(xstateBv)}`;
}
