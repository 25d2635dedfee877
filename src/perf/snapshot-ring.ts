/**
 * A ring of snapshots per processor, in one arena: what an NMI writes and a reader takes later.
 * One writer (the processor's NMI) and one reader per ring, in one thread: an NMI of the model is a call, and nothing
 * orders the counters for a reader in another thread. A slot is a header of 64 bytes and an area behind it.
 */

import { XSAVE_AREA_ALIGNMENT } from "../isa/xsave-area.ts";
import { type AreaMemory, createArena } from "../runtime/arena.ts";

/** Bytes of a slot's header. */
export const SLOT_HEADER_SIZE = 64;
/** Word of a slot's header: the running number, low and high. */
export const SLOT_SEQUENCE = 0;
/** Word of a slot's header: the processor. */
export const SLOT_PROCESSOR = 2;
/** Word of a slot's header: what the gate returned. */
export const SLOT_STATUS = 3;
/** Word of a slot's header: the mask asked for, low and high. */
export const SLOT_MASK = 4;
/** Word of a slot's header: the time, low and high. */
export const SLOT_TIME = 6;

/** Settings of a set of rings. */
export interface SnapshotRingsOptions {
  /** Number of processors, each with a ring of its own. */
  readonly processors: number;
  /** Slots of a ring: a power of two. */
  readonly slots: number;
  /** Bytes of the largest area. */
  readonly areaSize: number;
}

/**
 * Rings of snapshots. A full ring keeps what it has and counts the loss, as perf's ring buffer does without
 * overwrite: nothing is lost without a count and no slot is written while its reader may look at it.
 */
export class SnapshotRings {
  /** The arena of all rings; its sink is as large as an area. */
  declare readonly areas: AreaMemory;
  declare readonly processors: number;
  declare readonly slots: number;
  /** Bytes of a slot. */
  declare readonly slotSize: number;
  /** Snapshots written and read, per processor (running, below 2^53 in all). */
  declare private readonly written: Float64Array;
  declare private readonly read: Float64Array;
  declare private readonly lostCounts: Float64Array;

  /** Throws RangeError for numbers that make no ring. */
  constructor(options: SnapshotRingsOptions) {
    const { processors, slots, areaSize } = options;
    if (!Number.isInteger(processors) || processors < 1) {
      throw new RangeError(`"processors" expected a positive integer, got ${processors}`);
    }
    if (!Number.isInteger(slots) || slots < 1 || (slots & (slots - 1)) !== 0) {
      throw new RangeError(`"slots" expected a power of two, got ${slots}`);
    }
    if (!Number.isInteger(areaSize) || areaSize < 1) {
      throw new RangeError(`"areaSize" expected a positive number of bytes, got ${areaSize}`);
    }
    const aligned = Math.ceil(areaSize / XSAVE_AREA_ALIGNMENT) * XSAVE_AREA_ALIGNMENT;
    this.slotSize = SLOT_HEADER_SIZE + aligned;
    this.areas = createArena({ bytes: this.slotSize * slots * processors, largestArea: aligned });
    this.processors = processors;
    this.slots = slots;
    this.written = new Float64Array(processors);
    this.read = new Float64Array(processors);
    this.lostCounts = new Float64Array(processors);
  }

  /**
   * Byte offset of the next free slot's area, or -1 where the ring is full (counted as lost); the same until it is
   * committed. Throws RangeError for a processor without a ring, as every call does.
   */
  reserve(processor: number): number {
    const written = this.written[processor] as number;
    // Written so that a processor that has no ring, whose count is undefined, is looked at too.
    if (!(written - (this.read[processor] as number) < this.slots)) {
      this.checkProcessor(processor);
      this.lostCounts[processor]!++;
      return -1;
    }
    return this.slotOffset(processor, written) + SLOT_HEADER_SIZE;
  }

  /**
   * Publishes the slot that `reserve` gave. `time` is the caller's clock, any number that fits 53 bits. Throws RangeError
   * where the ring is full: `reserve` gave none, and the slot in this place is the reader's.
   */
  commit(processor: number, status: number, maskLow: number, maskHigh: number, time: number): void {
    const written = this.written[processor] as number;
    if (!(written - (this.read[processor] as number) < this.slots)) {
      this.checkProcessor(processor);
      throw new RangeError(`processor ${processor}: no slot was reserved, the ring is full`);
    }
    const word = this.slotOffset(processor, written) >> 2;
    const { i32 } = this.areas;
    i32[word + SLOT_SEQUENCE] = written | 0;
    i32[word + SLOT_SEQUENCE + 1] = (written / 0x1_0000_0000) | 0;
    i32[word + SLOT_PROCESSOR] = processor;
    i32[word + SLOT_STATUS] = status;
    i32[word + SLOT_MASK] = maskLow;
    i32[word + SLOT_MASK + 1] = maskHigh;
    i32[word + SLOT_TIME] = time | 0;
    i32[word + SLOT_TIME + 1] = (time / 0x1_0000_0000) | 0;
    this.written[processor] = written + 1;
  }

  /** Byte offset of the oldest unread slot, or -1 where there is none. */
  peek(processor: number): number {
    const read = this.read[processor] as number;
    if (read !== (this.written[processor] as number)) return this.slotOffset(processor, read);
    this.checkProcessor(processor);
    return -1;
  }

  /** Gives the oldest unread slot back to the writer. Throws RangeError where there is none. */
  release(processor: number): void {
    if (this.peek(processor) < 0) throw new RangeError(`processor ${processor}: no snapshot to release`);
    this.read[processor]!++;
  }

  /** Snapshots that found their ring full. */
  lost(processor: number): number {
    this.checkProcessor(processor);
    return this.lostCounts[processor] as number;
  }

  private checkProcessor(processor: number): void {
    if (this.written[processor] === undefined) {
      throw new RangeError(`"processor" expected 0..${this.processors - 1}, got ${processor}`);
    }
  }

  private slotOffset(processor: number, running: number): number {
    // A remainder of a number beyond 2^31 is a division; `slots` is a power of two, so the low word is enough.
    return (processor * this.slots + ((running | 0) & (this.slots - 1))) * this.slotSize;
  }
}
