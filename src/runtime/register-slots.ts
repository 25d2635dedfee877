/**
 * The one register-file layout for all models: a block per logical processor, in the shape of a
 * compacted area of every known component in a fixed order, each as wide as the widest CPU has it.
 * What is contiguous in most areas is contiguous here, so that neighbours merge into one move.
 * Offsets and sizes in bytes.
 */

import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";

/** Where a component's registers lie in a processor's block. */
export interface RegisterSlot {
  readonly offset: number;
  /** Bytes available. */
  readonly width: number;
}

const slot = (offset: number, width: number): RegisterSlot => ({ offset, width });

/**
 * Extended components; the legacy region has its own shape at 0-511 (as FXSAVE64 stores it).
 * A new component goes to the end: offsets are part of the generated savers.
 */
const KNOWN_SLOTS: ReadonlyMap<number, RegisterSlot> = new Map([
  [2, slot(576, 256)],
  [5, slot(832, 64)],
  [6, slot(896, 512)],
  [7, slot(1408, 1024)],
  [9, slot(2432, 64)], // 64 bytes on Zen 2, 8 elsewhere
  [10, slot(2496, 8)],
  [11, slot(2504, 16)],
  [12, slot(2520, 24)],
  [13, slot(2544, 8)],
  [14, slot(2552, 48)],
  [15, slot(2600, 808)],
  [16, slot(3408, 8)],
  [3, slot(3456, 64)],
  [4, slot(3520, 64)],
  [8, slot(3584, 128)],
  [17, slot(3712, 64)],
  [18, slot(3776, 8192)],
  [19, slot(11968, 128)],
  [20, slot(12096, 128)],
  [62, slot(12224, 128)],
]);

/** End of the slots that all models share. */
const SHARED_SLOTS_END = 12352;

/** Side state: bytes of a block's header region (512-575) that no saver reads as registers or touches. */
export const XINUSE_OFFSET = 512;
export const XCR0_OFFSET = 520;
export const XSS_OFFSET = 528;
export const XFD_OFFSET = 536;
/** FCS and FDS (16 bits each): only the 32-bit operand forms store them. */
export const FCS_OFFSET = 544;
export const FDS_OFFSET = 546;

/** Slots for one CPU and the size of a processor's block (a multiple of 64). */
export interface RegisterSlots {
  readonly slots: ReadonlyMap<number, RegisterSlot>;
  readonly blockSize: number;
  /** Identifies the tail: empty unless the CPU has components that the shared slots cannot hold. */
  readonly extension: string;
}

/**
 * Slots for the rows of a CPU. Components that no table knows, or that are larger than their shared
 * slot, follow behind the shared part in index order, each at a multiple of 64.
 */
export function registerSlots(source: LayoutSource): RegisterSlots {
  let found = slotsOf.get(source);
  if (!found) slotsOf.set(source, (found = makeSlots(source)));
  return found;
}

/** Every plan of a CPU asks for them. */
const slotsOf = new WeakMap<LayoutSource, RegisterSlots>();

function makeSlots(source: LayoutSource): RegisterSlots {
  const slots = new Map(KNOWN_SLOTS);
  let end = SHARED_SLOTS_END;
  const extension: string[] = [];
  for (const row of source.components.toSorted((a: ComponentRow, b: ComponentRow) => a.index - b.index)) {
    const known = KNOWN_SLOTS.get(row.index);
    if (known && row.size <= known.width) continue;
    slots.set(row.index, slot(end, row.size));
    extension.push(`${row.index}:${row.size}`);
    end = Math.ceil((end + row.size) / 64) * 64;
  }
  return { slots, blockSize: end, extension: extension.join(",") };
}
