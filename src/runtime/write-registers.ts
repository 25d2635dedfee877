/** Whole components written at once: an FXSAVE image, and initial configurations. */

import { x87PointerBits } from "../isa/vendor-behaviour.ts";
import { LEGACY_UNWRITTEN_OFFSET, MXCSR_OFFSET, ST_OFFSET, XMM_OFFSET } from "../isa/xsave-area.ts";
import type { Processors } from "./processors.ts";
import { FCS_OFFSET } from "./register-slots.ts";

/** Upper halves of FIP and FDP. */
const X87_FIP_HIGH = 12;
const X87_FDP_HIGH = 20;

/** Loads x87, MXCSR, MXCSR_MASK and XMM from an FXSAVE64 image, clearing the bytes and pointer bits that no register has. */
export function loadLegacy(processors: Processors, processor: number, fxsave: Uint8Array): void {
  if (fxsave.length < LEGACY_UNWRITTEN_OFFSET) {
    throw new RangeError(`"fxsave" expected at least ${LEGACY_UNWRITTEN_OFFSET} bytes, got ${fxsave.length}`);
  }
  const { u8, i32 } = processors;
  const base = processors.base(processor);
  u8.set(fxsave.subarray(0, LEGACY_UNWRITTEN_OFFSET), base);
  u8[base + 5] = 0;
  for (let st = 0; st < 8; st++) {
    const pad = base + ST_OFFSET + 16 * st + 10;
    u8.fill(0, pad, pad + 6);
  }
  const unused = 64 - x87PointerBits(processors.cpu.quirks);
  for (const high of [X87_FIP_HIGH, X87_FDP_HIGH]) {
    const word = (base + high) >> 2;
    i32[word] = ((i32[word] ?? 0) << unused) >> unused;
  }
}

/**
 * Puts the components of a mask into their initial configuration and clears their XINUSE bits. Bit 1
 * covers XMM only: MXCSR has no initial state of its own (SDM vol. 1, 13.6).
 */
export function initialise(processors: Processors, processor: number, mask: bigint): void {
  const { u8, slots } = processors;
  const base = processors.base(processor);
  const initial = processors.count * processors.blockSize;
  const copy = (offset: number, length: number): unknown =>
    u8.copyWithin(base + offset, initial + offset, initial + offset + length);
  if (mask & 1n) {
    copy(0, MXCSR_OFFSET);
    copy(ST_OFFSET, XMM_OFFSET - ST_OFFSET);
    copy(FCS_OFFSET, 4);
  }
  if (mask & 2n) copy(XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET - XMM_OFFSET);
  for (const [index, { offset, width }] of slots.slots) if ((mask >> BigInt(index)) & 1n) copy(offset, width);
  processors.setXinuse(processor, processors.xinuse(processor) & ~mask);
  processors.modifiedOptimisation?.wrote(processor, mask);
}
