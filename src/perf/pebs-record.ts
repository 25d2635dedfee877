/** What both kinds of PEBS record tell; made once and filled for each record. */

import { GROUP_BYTES, GROUPS, type RegisterGroups } from "./register-groups.ts";
import { PebsError } from "./pebs-error.ts";

/** A PEBS buffer: its bytes, readable as words. */
export class PebsBuffer {
  readonly words: Int32Array;
  readonly length: number;
  readonly view: DataView;

  /** Throws RangeError where the bytes do not lie at a multiple of 4 of their buffer. */
  constructor(bytes: Uint8Array) {
    if (bytes.byteOffset % 4 !== 0) throw new RangeError(`a PEBS buffer must lie at a multiple of 4, got ${bytes.byteOffset}`);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.length = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Checks that `size` bytes follow `offset`. */
  need(offset: number, size: number, end: number, what: string): void {
    if (offset + size > end) {
      throw new PebsError("truncated", offset, `${what}: ${size} bytes expected, ${Math.max(0, end - offset)} are left`);
    }
  }
}

/** Order of a PEBS record's general registers -> perf's register numbers (struct pebs_gprs, arch/x86/events/intel/ds.c). */
export const PEBS_GENERAL_ORDER = [9, 8, 0, 2, 3, 1, 7, 6, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23] as const;

/** Groups of one decoded record, as byte offsets in its buffer; -1 where the record has none. */
export class PebsRecord {
  declare readonly groups: Int32Array;
  /** Instruction pointer's place (8 bytes). */
  declare ip: number;
  /** General registers (18 quadwords in PEBS_GENERAL_ORDER). */
  declare general: number;
  /** Last branch entries and how many. */
  declare lbr: number;
  declare lbrCount: number;
  /** Bytes of the whole record, all fragments. */
  declare size: number;

  constructor() {
    this.groups = new Int32Array(GROUPS);
    this.clear();
  }

  clear(): void {
    this.groups.fill(-1);
    this.ip = -1;
    this.general = -1;
    this.lbr = -1;
    this.lbrCount = 0;
    this.size = 0;
  }

  /** Hands the register groups over to a sample. What PEBS delivers has no XSTATE_BV: it is always in use. */
  deliver(buffer: PebsBuffer, to: RegisterGroups): void {
    for (let group = 0; group < GROUPS; group++) {
      const at = this.groups[group] as number;
      if (at >= 0) to.put(group, buffer.words, at >> 2);
    }
  }

  /** Copies the general registers into perf's order: 24 pairs of words; what the record lacks keeps its value. */
  copyGeneral(buffer: PebsBuffer, out: Int32Array): void {
    if (this.general < 0) return;
    for (let i = 0; i < PEBS_GENERAL_ORDER.length; i++) {
      const word = (this.general >> 2) + 2 * i;
      const register = PEBS_GENERAL_ORDER[i] as number;
      out[2 * register] = buffer.words[word] as number;
      out[2 * register + 1] = buffer.words[word + 1] as number;
    }
  }
}

/** Notes a group and returns the offset behind it. */
export function takeGroup(record: PebsRecord, buffer: PebsBuffer, group: number, at: number, end: number): number {
  const size = GROUP_BYTES[group] as number;
  buffer.need(at, size, end, "a group of registers");
  record.groups[group] = at;
  return at + size;
}

/** Number of set bits of a word. */
export function popcount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
