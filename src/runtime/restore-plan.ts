/**
 * What a restore does for one RFBM and one XCOMP_BV, as data: the description that the generated restores and the
 * general path share. Source: Intel SDM vol. 1, 13.8 (XRSTOR) and 13.12 (XRSTORS). Offsets and lengths in bytes.
 */

import { hasBit, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { XMM_OFFSET, XMM_SIZE } from "../isa/xsave-area.ts";
import { type AreaFormat, type AreaLayout, areaLayout } from "../layout/area-layout.ts";
import type { ProcessorDescription } from "./processor-description.ts";
import { registerSlots } from "./register-slots.ts";
import { CONTENT_CHECKS, type ContentCheck, type FieldCheck, restoreChecks } from "./restore-checks.ts";
import { lengthInMode, MODE_64, type SaveMode } from "./save-plan.ts";

/** A component's bytes that a restore loads, or sets to their initial values where XSTATE_BV has its bit clear. */
export interface RestorePiece {
  readonly component: number;
  /** `x87`: bytes 0-23 and 32-159, by `loadX87`. */
  readonly rule: "copy" | "x87";
  /** Byte offset in the processor's block. */
  readonly registers: number;
  /** Byte offset in the area; undefined where XCOMP_BV does not lay the component out, so that it can only be initial. */
  readonly area: number | undefined;
  readonly length: number;
  /** From this byte of the piece on there is no register: the bytes are 0, whatever the image holds (PKRU: 4). */
  readonly registerBytes: number;
}

/** A check of a component's contents, placed. */
export interface PlacedContentCheck extends ContentCheck {
  /** Byte offset of the looked-at byte, in the area or in the processor's block. */
  readonly at: number;
}

/** Everything a restore does for one RFBM and XCOMP_BV on one CPU. */
export interface RestorePlan {
  readonly mode: SaveMode;
  readonly rfbm: bigint;
  readonly format: AreaFormat;
  readonly xcompBv: bigint;
  /** Where the components of XCOMP_BV, in the standard format those of RFBM, lie. */
  readonly layout: AreaLayout;
  /** End of the last byte that may be loaded. */
  readonly size: number;
  readonly checks: readonly FieldCheck[];
  readonly contents: readonly PlacedContentCheck[];
  /**
   * Where MXCSR comes from. `area`: always from the area. `area-or-initial`: from the area if SSE is loaded, else
   * 1F80H. `kept`: it stays.
   */
  readonly mxcsr: "area" | "area-or-initial" | "kept";
  /** By component. */
  readonly pieces: readonly RestorePiece[];
}

/**
 * Plans a restore. `xcompBv` is that of the area: 0, or bit 63 and the components laid out. Throws LayoutError for
 * components that the CPU has no row of; what the header checks accept has rows.
 */
export function restorePlan(cpu: ProcessorDescription, rfbm: bigint, xcompBv: bigint, mode: SaveMode = MODE_64): RestorePlan {
  const format = hasBit(xcompBv, 63) ? "compacted" : "standard";
  const laidOut = format === "compacted" ? xcompBv & ~XCOMP_BV_COMPACTED : rfbm;
  const layout = areaLayout(cpu, laidOut, format);
  const areaOf = new Map(layout.components.map(({ row, offset }) => [row.index, offset]));
  const { slots } = registerSlots(cpu);
  const pieces: RestorePiece[] = [];
  if (hasBit(rfbm, 0)) pieces.push({ component: 0, rule: "x87", registers: 0, area: 0, length: 160, registerBytes: 160 });
  if (hasBit(rfbm, 1)) {
    const length = mode.mode64 ? XMM_SIZE : XMM_SIZE / 2;
    pieces.push({ component: 1, rule: "copy", registers: XMM_OFFSET, area: XMM_OFFSET, length, registerBytes: length });
  }
  let size = 576;
  for (const row of cpu.components.toSorted((a, b) => a.index - b.index)) {
    const slot = slots.get(row.index);
    const length = lengthInMode(row, mode);
    if (!hasBit(rfbm, row.index) || !slot || length === 0) continue;
    const area = areaOf.get(row.index);
    if (area !== undefined) size = Math.max(size, area + row.size);
    const registerBytes = row.index === 9 ? 4 : length;
    pieces.push({ component: row.index, rule: "copy", registers: slot.offset, area, length, registerBytes });
  }
  const contents = pieces.flatMap((piece) => contentChecks(piece, cpu));
  const standard = format === "standard";
  const mxcsr = standard ? hasBit(rfbm, 1) || hasBit(rfbm, 2) : hasBit(rfbm, 1);
  return {
    mode,
    rfbm,
    format,
    xcompBv,
    layout,
    size,
    checks: restoreChecks(cpu, format),
    contents,
    mxcsr: !mxcsr ? "kept" : standard ? "area" : "area-or-initial",
    pieces,
  };
}

/** The checks of a component's contents, at their places. A row that is shorter than the architecture's has fewer bytes. */
function contentChecks({ component, area, registers }: RestorePiece, { components }: ProcessorDescription): PlacedContentCheck[] {
  const checks = CONTENT_CHECKS.filter((check) => check.component === component);
  const size = components.find(({ index }) => index === component)?.size ?? 0;
  return checks.flatMap((check) => {
    const start = check.where === "area" ? area : registers;
    if (start === undefined || check.byte >= size || (area === undefined && !check.evenInitial)) return [];
    return [{ ...check, at: start + check.byte }];
  });
}
