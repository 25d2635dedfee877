/**
 * What a save instruction writes, as data: the one description that the generated savers, the general
 * path, `verify` and `compare` share.
 * Source: Intel SDM vol. 1, 13.7 (XSAVE), 13.9 (XSAVEOPT), 13.10 (XSAVEC), 13.11 (XSAVES), 13.5 (components);
 * cell by cell confirmed on Zen 5 for XSAVE, XSAVEOPT and XSAVEC. Offsets and lengths in bytes.
 */

import { hasBit } from "../isa/feature-mask.ts";
import { LBR_COMPONENT, LBR_SIZE } from "../isa/lbr.ts";
import type { X87Pointers } from "../isa/vendor-behaviour.ts";
import {
  MXCSR_OFFSET,
  MXCSR_SIZE,
  ST_OFFSET,
  ST_SIZE,
  X87_CONTROL_OFFSET,
  X87_CONTROL_SIZE,
  XMM_OFFSET,
  XMM_SIZE,
} from "../isa/xsave-area.ts";
import { type AreaFormat, type AreaLayout, areaLayout } from "../layout/area-layout.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import type { ProcessorDescription } from "./processor-description.ts";
import { registerSlots } from "./register-slots.ts";

/** The save instructions without their operand size. */
export type SaveFamily = "XSAVE" | "XSAVEOPT" | "XSAVEC" | "XSAVES";

/** How the instruction runs: operand size (REX.W) and mode decide which bytes of a component are written. */
export interface SaveMode {
  /** 64: FIP and FDP are 64 bits; 32: 32 bits with FCS and FDS. */
  readonly operandSize: 32 | 64;
  /** False outside 64-bit mode: XMM8-15, YMM8-15, ZMM8-31 do not exist (SDM vol. 1, 13.5). */
  readonly mode64: boolean;
}

/** The generated savers' mode: 64-bit operand in 64-bit mode. */
export const MODE_64: SaveMode = { operandSize: 64, mode64: true };

/** How the bytes of a piece come about. */
export type PieceRule =
  /** copied as they are */
  | "copy"
  /** FCW, FSW, FTW, FOP, FIP, FDP, where the pointers follow the CPU's rule or the operand size */
  | "x87-control"
  /** 40 bytes and the first IA32_LBR_DEPTH triples (SDM vol. 1, 13.5.12) */
  | "lbr";

/** A run of bytes that belongs to one component. */
export interface SavePiece {
  readonly component: number;
  /** Byte offset in the processor's block. */
  readonly registers: number;
  /** Byte offset in the area. */
  readonly area: number;
  readonly length: number;
  readonly rule: PieceRule;
  /** True: written whatever XINUSE says (MXCSR under XSAVE and XSAVEOPT). */
  readonly always: boolean;
}

/** Everything an instruction does for one RFBM on one CPU. */
export interface SavePlan {
  readonly family: SaveFamily;
  readonly mode: SaveMode;
  readonly rfbm: bigint;
  readonly format: AreaFormat;
  readonly layout: AreaLayout;
  /** End of the area. */
  readonly size: number;
  readonly x87Pointers: X87Pointers;
  /** The 32-bit forms store FCS and FDS, or zeros in their place. */
  readonly x87Selectors: "saved" | "zero";
  /** In order of area offset. */
  readonly pieces: readonly SavePiece[];
  /**
   * What happens to a component in its initial configuration: XSAVE writes the initial values, the others
   * write nothing (init optimisation).
   */
  readonly whenInitial: "write-initial-values" | "write-nothing";
  /**
   * `merge`: XSTATE_BV = old & ~RFBM | XINUSE & RFBM, XCOMP_BV untouched.
   * `replace`: XSTATE_BV = XINUSE & RFBM, XCOMP_BV = RFBM | 1 << 63.
   */
  readonly header: "merge" | "replace";
  readonly mxcsrCounts: boolean;
  readonly modifiedOptimisation: boolean;
  /** XSAVES only: MSR fields that change after the save (SDM vol. 1, 13.5.6 and 13.5.11). */
  readonly clearsAfterSave: readonly { readonly component: number; readonly registers: number; readonly keep: number }[];
}

/** Bytes of a component that exist: YMM8-15, ZMM8-15 and ZMM16-31 do in 64-bit mode only (SDM vol. 1, 13.5.3 and 13.5.5). */
export function lengthInMode({ index, size }: ComponentRow, { mode64 }: Pick<SaveMode, "mode64">): number {
  if (mode64) return size;
  if (index === 7) return 0;
  return index === 2 || index === 6 ? size / 2 : size;
}

/** True if XSAVES does more than XSAVEC for this plan: it changes registers, or stores only as many LBRs as there are. */
export function hasXsavesEffects({ clearsAfterSave, pieces }: SavePlan): boolean {
  return clearsAfterSave.length > 0 || pieces.some(({ rule }) => rule === "lbr");
}

/** XSAVEC and XSAVES write the compacted format, the others the standard one. */
export function formatOf(family: SaveFamily): AreaFormat {
  return family === "XSAVEC" || family === "XSAVES" ? "compacted" : "standard";
}

/** True: what was not modified since a matching restore may be left out (SDM vol. 1, 13.6). */
export function hasModifiedOptimisation(family: SaveFamily): boolean {
  return family === "XSAVEOPT" || family === "XSAVES";
}

/** True: MXCSR other than 1F80H makes SSE count as in use (XSAVEC, XSAVES with RFBM[1]; SDM vol. 1, 13.10). */
export function mxcsrCounts(family: SaveFamily, rfbm: bigint): boolean {
  return formatOf(family) === "compacted" && hasBit(rfbm, 1);
}

/** Bytes of a component that a save writes. */
export function savedLength(cpu: ProcessorDescription, row: ComponentRow, mode: SaveMode): number {
  return row.index === 9 && cpu.quirks.pkruUpperBytes === "kept" ? 4 : lengthInMode(row, mode);
}

/** Plans a save. `rfbm` must be within what the CPU supports; throws LayoutError otherwise. */
export function savePlan(cpu: ProcessorDescription, family: SaveFamily, rfbm: bigint, mode: SaveMode = MODE_64): SavePlan {
  const format = formatOf(family);
  const standard = format === "standard";
  const layout = areaLayout(cpu, rfbm, format);
  const { slots } = registerSlots(cpu);
  const pieces: SavePiece[] = [];
  const piece = (
    component: number,
    registers: number,
    area: number,
    length: number,
    rule: PieceRule = "copy",
    always = false,
  ): void => {
    if (length > 0) pieces.push({ component, registers, area, length, rule, always });
  };
  if (hasBit(rfbm, 0)) {
    const plain = cpu.quirks.x87Pointers === "saved" && mode.operandSize === 64;
    piece(0, X87_CONTROL_OFFSET, X87_CONTROL_OFFSET, X87_CONTROL_SIZE, plain ? "copy" : "x87-control");
  }
  // MXCSR and MXCSR_MASK follow SSE; the standard-format saves store them for AVX alone too.
  if (hasBit(rfbm, 1) || (standard && hasBit(rfbm, 2))) piece(1, MXCSR_OFFSET, MXCSR_OFFSET, MXCSR_SIZE, "copy", standard);
  if (hasBit(rfbm, 0)) piece(0, ST_OFFSET, ST_OFFSET, ST_SIZE);
  if (hasBit(rfbm, 1)) piece(1, XMM_OFFSET, XMM_OFFSET, mode.mode64 ? XMM_SIZE : XMM_SIZE / 2);
  for (const { row, offset } of layout.components.toSorted((a, b) => a.offset - b.offset)) {
    const slot = slots.get(row.index);
    if (!slot) throw new Error(`no register slot for component ${row.index}`);
    piece(
      row.index,
      slot.offset,
      offset,
      savedLength(cpu, row, mode),
      row.index === LBR_COMPONENT && family === "XSAVES" && row.size === LBR_SIZE ? "lbr" : "copy",
    );
  }
  const clears: { component: number; registers: number; keep: number }[] = [];
  if (family === "XSAVES") {
    const pt = slots.get(8);
    const uintr = slots.get(14);
    // RTIT_CTL.TraceEn is bit 0 of the first dword; UINV is byte 4 of UINTR_MISC, the dword at 20.
    if (hasBit(rfbm, 8) && pt) clears.push({ component: 8, registers: pt.offset, keep: ~1 });
    if (hasBit(rfbm, 14) && uintr) clears.push({ component: 14, registers: uintr.offset + 20, keep: ~0xff });
  }
  return {
    family,
    mode,
    rfbm,
    format,
    layout,
    size: layout.size,
    x87Pointers: cpu.quirks.x87Pointers,
    x87Selectors: cpu.quirks.x87Selectors ?? "saved",
    pieces,
    whenInitial: family === "XSAVE" ? "write-initial-values" : "write-nothing",
    header: standard ? "merge" : "replace",
    mxcsrCounts: mxcsrCounts(family, rfbm),
    modifiedOptimisation: hasModifiedOptimisation(family),
    clearsAfterSave: clears,
  };
}
