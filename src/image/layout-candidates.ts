/** Layouts that could be an area's: offset maps and models, cut to a mask, grouped where they place everything alike. */

import { bitsOf } from "../isa/feature-mask.ts";
import { stateComponent } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { AreaFormat } from "../layout/area-layout.ts";
import { areaLayout } from "../layout/area-layout.ts";
import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";
import { OFFSET_MAPS } from "../layout/offset-maps.ts";

/** What is needed of a CPU whose layout may be an area's: a CpuModel or a generated module's `cpu` (which has no vendor). */
export interface KnownCpu extends LayoutSource {
  readonly id: string;
  readonly vendor?: string;
  readonly xcr0Supported: bigint;
  readonly xssSupported: bigint;
}

/** One way to lay out a mask, and who does. */
export interface LayoutCandidate {
  /** Names of OFFSET_MAPS that place it so; empty where only models do. */
  readonly maps: readonly string[];
  /** Ids of models that support the mask and place it so. */
  readonly sharedBy: readonly string[];
  readonly rows: readonly ComponentRow[];
  /** Bytes of the area. */
  readonly size: number;
}

/** A row where only size and offset are known: the flags are the architecture's, which all dumps agree on. */
export function rowOf(index: number, size: number, standardOffset: number | undefined): ComponentRow {
  const known = stateComponent(index);
  return {
    index,
    size,
    standardOffset,
    supervisor: known?.kind === "supervisor",
    align64: known?.align64 ?? false,
    xfd: known?.xfd ?? false,
  };
}

interface Source {
  readonly map?: string;
  readonly model?: KnownCpu;
  readonly rows: readonly ComponentRow[];
}

/**
 * Every distinct layout of the extended components of `mask` in a format, those of known maps first. Compacted:
 * sizes and alignment decide, so that maps count for nothing.
 */
export function layoutCandidates(mask: bigint, format: AreaFormat, models: readonly KnownCpu[]): LayoutCandidate[] {
  const wanted = bitsOf(mask).filter((index) => index >= 2 && index < 63);
  const sources: Source[] = models
    .filter((model) => ((model.xcr0Supported | model.xssSupported | 3n) & mask) === mask)
    .map((model) => ({ model, rows: model.components }));
  if (format === "standard") {
    sources.unshift(
      ...OFFSET_MAPS.map(({ name, components }) => ({
        map: name,
        rows: [...components].map(([index, [offset, size]]) => rowOf(index, size, offset)),
      })),
    );
  }
  const groups = new Map<string, { maps: string[]; sharedBy: string[]; rows: readonly ComponentRow[]; size: number }>();
  for (const { map, model, rows } of sources) {
    const cut = rows.filter(
      ({ index, standardOffset }) => wanted.includes(index) && (format === "compacted" || standardOffset !== undefined),
    );
    if (cut.length < wanted.length) continue;
    const { components, size } = areaLayout({ components: cut }, mask, format);
    const key = components.map(({ row, offset }) => `${row.index}:${offset}:${row.size}`).join(" ");
    const group = groups.get(key) ?? { maps: [], sharedBy: [], rows: cut, size };
    if (map !== undefined) group.maps.push(map);
    if (model) {
      group.sharedBy.push(model.id);
      // A model's rows have the real flags; a map's are the architecture's.
      if (group.sharedBy.length === 1) group.rows = cut;
    }
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Components of a map or model that end within `size` bytes of a standard area. */
export function componentsWithin(rows: readonly ComponentRow[], size: number): ComponentRow[] {
  return rows.filter(({ standardOffset, size: bytes }) => standardOffset !== undefined && standardOffset + bytes <= size);
}

/**
 * First byte behind the header that is not zero and lies in no component of a standard layout: Linux fills gaps and tail with
 * zeros where it writes an area for user space (`__copy_xstate_to_uabi_buf`).
 */
export function firstByteInGap(bytes: Uint8Array, rows: readonly ComponentRow[], size: number): number | undefined {
  const places = rows.flatMap(({ standardOffset, size: length }) =>
    standardOffset === undefined ? [] : [[standardOffset, standardOffset + length] as const],
  );
  for (let at = EXTENDED_REGION_OFFSET; at < Math.min(bytes.length, size); at++) {
    if (bytes[at] === 0) continue;
    const inside = places.find(([start, end]) => at >= start && at < end);
    if (!inside) return at;
    at = inside[1] - 1;
  }
  return undefined;
}
