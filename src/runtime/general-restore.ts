/**
 * XRSTOR and XRSTORS: every check with its cause, then the registers. A refused restore changes nothing.
 * Source: Intel SDM vol. 1, 13.8 and 13.12; confirmed against recorded executions (Zen 5 hardware, Bochs models).
 * Generated restores do not exist in this version; this one path serves all masks.
 */

import { bitsOf, hasBit, maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { INITIAL_MXCSR, MXCSR_MASK_OFFSET, MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import { areaLayout, type PlacedComponent } from "../layout/area-layout.ts";
import type { AreaMemory } from "./arena.ts";
import type { Processors } from "./processors.ts";

/** The restore instructions without their operand size. */
export type RestoreFamily = "XRSTOR" | "XRSTORS";

/** Why a restore raises an exception, or does not fit into the buffer (vector 14: its bytes are not there). */
export interface RestoreFault {
  /** 13 #GP, 7 #NM, 6 #UD, 14 #PF. */
  readonly vector: 6 | 7 | 13 | 14;
  readonly rule:
    | "no-instruction"
    | "misaligned"
    | "out-of-range"
    | "xcomp-bv-not-compacted"
    | "xcomp-bv-bits"
    | "xcomp-bv-standard"
    | "compaction-unsupported"
    | "xstate-bv-bits"
    | "header-reserved"
    | "mxcsr-reserved"
    | "supervisor-contents"
    | "xfd";
  /** Byte offset in the area; undefined where it is about the area as a whole. */
  readonly offset: number | undefined;
  /** The offending value, for messages. */
  readonly value: bigint;
  readonly message: string;
}

const COMPACTED = 1n << 63n;
const UINTR = 14;
const PT = 8;

/**
 * Restores registers of a processor from the area at `offset`. Returns all causes of an exception (the manual
 * orders #GP causes nowhere; ours come in the order of the area's bytes), empty when the registers were loaded.
 * Control and status words of x87 are normalised as hardware does: reserved FCW bits, ES and B, 11 bits of FOP.
 */
export function restore(
  processors: Processors,
  processor: number,
  areas: AreaMemory,
  offset: number,
  family: RestoreFamily,
  mask: bigint,
): RestoreFault[] {
  const { cpu } = processors;
  const shownOffset = BigInt(Number.isFinite(offset) ? Math.trunc(offset) : 0);
  const faults: RestoreFault[] = [];
  const refuse = (
    vector: RestoreFault["vector"],
    rule: RestoreFault["rule"],
    at: number | undefined,
    value: bigint,
    message: string,
  ): void => {
    faults.push({ vector, rule, offset: at, value, message });
  };
  const xcr0 = processors.xcr0(processor);
  const enabled = family === "XRSTORS" ? xcr0 | processors.xss(processor) : xcr0;
  const rfbm = mask & enabled;
  if (family === "XRSTORS" && !cpu.instructions.xsaves) refuse(6, "no-instruction", undefined, 0n, `${cpu.id} has no XRSTORS`);
  if ((offset & 63) !== 0)
    refuse(13, "misaligned", undefined, shownOffset, `the area lies at ${offset}, ${offset % 64} past a multiple of 64`);
  if (offset < areas.start || offset + 576 > areas.end || !Number.isInteger(offset)) {
    refuse(14, "out-of-range", 0, shownOffset, `576 bytes at ${offset} are not in [${areas.start}, ${areas.end})`);
  }
  if (faults.some((fault) => fault.vector === 14)) return faults;

  const view = new DataView(areas.buffer, offset);
  const u64 = (at: number): bigint => view.getBigUint64(at, true);
  const xstateBv = u64(XSTATE_BV_OFFSET);
  const xcompBv = u64(XCOMP_BV_OFFSET);
  const compacted = (xcompBv & COMPACTED) !== 0n;
  const laidOut = xcompBv & ~COMPACTED;
  if (compacted) {
    if (!cpu.instructions.xsavec)
      refuse(13, "compaction-unsupported", XCOMP_BV_OFFSET, xcompBv, `${cpu.id} has no compacted form of XRSTOR`);
    if (laidOut & ~enabled)
      refuse(
        13,
        "xcomp-bv-bits",
        XCOMP_BV_OFFSET,
        laidOut & ~enabled,
        `XCOMP_BV has ${maskWithNames(laidOut & ~enabled)}, which is not enabled`,
      );
    if (xstateBv & ~laidOut)
      refuse(
        13,
        "xstate-bv-bits",
        XSTATE_BV_OFFSET,
        xstateBv & ~laidOut,
        `XSTATE_BV has ${maskHex(xstateBv & ~laidOut)}, which XCOMP_BV lacks`,
      );
  } else if (family === "XRSTORS") {
    refuse(13, "xcomp-bv-not-compacted", XCOMP_BV_OFFSET, xcompBv, "XRSTORS wants XCOMP_BV[63] = 1");
  } else {
    if (xcompBv !== 0n) refuse(13, "xcomp-bv-standard", XCOMP_BV_OFFSET, xcompBv, "XCOMP_BV is not 0 in the standard format");
    if (xstateBv & ~xcr0)
      refuse(
        13,
        "xstate-bv-bits",
        XSTATE_BV_OFFSET,
        xstateBv & ~xcr0,
        `XSTATE_BV has ${maskHex(xstateBv & ~xcr0)}, which XCR0 lacks`,
      );
  }
  // Standard form: bytes 16-23 of the header only; the rest is not looked at (SDM 13.8.1, measured on Zen 5).
  const checkedEnd = compacted || family === "XRSTORS" ? 576 : 536;
  for (let at = 528; at < checkedEnd; at += 8) {
    if (u64(at) !== 0n) refuse(13, "header-reserved", at, u64(at), `reserved header bytes ${at}-${at + 7} are not 0`);
  }
  const loads = rfbm & xstateBv;
  const mxcsrFromArea = compacted ? hasBit(loads, 1) : hasBit(rfbm, 1) || hasBit(rfbm, 2);
  const mxcsr = view.getUint32(MXCSR_OFFSET, true);
  if (mxcsrFromArea && (mxcsr & ~cpu.quirks.mxcsrMask) !== 0) {
    refuse(
      13,
      "mxcsr-reserved",
      MXCSR_OFFSET,
      BigInt(mxcsr),
      `MXCSR 0x${mxcsr.toString(16)} has bits outside 0x${cpu.quirks.mxcsrMask.toString(16)}`,
    );
  }
  const disabled = loads & processors.xfd(processor);
  if (faults.length === 0 && disabled)
    refuse(7, "xfd", XSTATE_BV_OFFSET, disabled, `IA32_XFD disables ${maskWithNames(disabled)}`);
  if (faults.length > 0) return faults;

  const placed = new Map<number, PlacedComponent>();
  // All that the header names in the compacted form, since the offsets follow XCOMP_BV; RFBM in the standard form.
  for (const each of areaLayout(cpu, compacted ? laidOut : rfbm, compacted ? "compacted" : "standard").components)
    placed.set(each.row.index, each);
  for (const index of bitsOf(loads)) {
    const place = placed.get(index);
    if (index < 2 || !place) continue;
    if (offset + place.offset + place.row.size > areas.end) {
      refuse(
        14,
        "out-of-range",
        place.offset,
        xstateBv,
        `component ${index} needs ${place.row.size} bytes at ${place.offset}, the buffer ends before`,
      );
    } else if (index === PT && (view.getUint8(place.offset) & 1) !== 0) {
      refuse(13, "supervisor-contents", place.offset, u64(place.offset), "RTIT_CTL.TraceEn is 1");
    } else if (index === UINTR && processors.component(processor, UINTR)[20] !== 0) {
      // The register's UINV, not the image's: recorded XRSTORS loads images with any UINV while the register's is 0.
      refuse(
        13,
        "supervisor-contents",
        place.offset + 20,
        0n,
        "UINV of the processor is not 0: XSAVES clears it, so the state was not saved before",
      );
    }
  }
  if (faults.length > 0) return faults;

  const legacy = processors.component(processor, 0);
  const mxcsrBefore = legacy.slice(MXCSR_OFFSET, MXCSR_MASK_OFFSET + 4);
  processors.initialise(processor, rfbm & ~loads);
  const area = areas.u8.subarray(offset, areas.end);
  if (hasBit(loads, 0)) {
    const image = legacy.slice(0, 416);
    image.set(area.subarray(0, 24), 0);
    image.set(area.subarray(32, 160), 32);
    normaliseX87(new DataView(image.buffer));
    processors.loadLegacy(processor, image);
  }
  legacy.set(mxcsrBefore, MXCSR_OFFSET);
  if (hasBit(loads, 1)) legacy.set(area.subarray(160, 416), 160);
  const control = new DataView(legacy.buffer, legacy.byteOffset);
  if (mxcsrFromArea) control.setUint32(MXCSR_OFFSET, mxcsr, true);
  else if (compacted && hasBit(rfbm, 1)) control.setUint32(MXCSR_OFFSET, INITIAL_MXCSR, true);
  for (const index of bitsOf(loads)) {
    const place = placed.get(index);
    if (index < 2 || !place) continue;
    processors.component(processor, index).set(area.subarray(place.offset, place.offset + place.row.size));
    if (index === 9) processors.component(processor, 9).fill(0, 4);
  }
  processors.setXinuse(processor, (processors.xinuse(processor) & ~rfbm) | loads);
  return [];
}

/** FCW bits 13-15 and 7 read 0 and bit 6 reads 1; ES and B follow from flags and masks; FOP has 11 bits (measured on Zen 5). */
function normaliseX87(image: DataView): void {
  const fcw = (image.getUint16(0, true) & 0x1f7f) | 0x40;
  const fsw = image.getUint16(2, true);
  const pending = (fsw & ~fcw & 0x3f) !== 0;
  image.setUint16(0, fcw, true);
  image.setUint16(2, (fsw & 0x7f7f) | (pending ? 0x8080 : 0), true);
  image.setUint16(6, image.getUint16(6, true) & 0x07ff, true);
}
