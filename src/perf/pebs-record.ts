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

  /** Checks that a record, or a fragment, of whole quadwords can lie at `offset`. */
  needQuadwords(offset: number, value: number, what: string): void {
    if (value % 8 !== 0) throw new PebsError("misaligned", offset, `${what} ${value} is no multiple of 8`);
  }

  /** Checks that `size` bytes follow `offset` before `end`. */
  need(offset: number, size: number, end: number, what: string): void {
    if (offset < 0 || offset + size > end) {
      throw new PebsError(
        "truncated",
        offset,
        `${what}: ${size} bytes expected, ${offset < 0 ? 0 : Math.max(0, end - offset)} are left`,
      );
    }
  }
}

/** Order of a PEBS record's general registers -> perf's register numbers (struct pebs_gprs, arch/x86/events/intel/ds.c). */
export const PEBS_GENERAL_ORDER = [9, 8, 0, 2, 3, 1, 7, 6, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23] as const;

/** Registers of that order that a record's basic group has a say in, and the selectors of arch/x86/include/asm/segment.h. */
const IP = 8;
const CS = 10;
const SS = 11;
const KERNEL_CS = 0x10;
const KERNEL_DS = 0x18;
const USER_DS = 0x2b;
const USER_CS = 0x33;

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

  /** Forgets the record: no group and no other part is there until a decoder says so. */
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

  /**
   * True where the record is of user code: kernel_ip() of its instruction pointer, as the kernel decides. A record
   * without one (no basic group) counts as the kernel's, of which REGS_USER shows nothing.
   */
  ofUserMode(buffer: PebsBuffer): boolean {
    return this.ip >= 0 && (buffer.words[(this.ip >> 2) + 1] as number) >= 0;
  }

  /**
   * Copies the general registers into perf's order: 24 pairs of words; what the record lacks keeps its value. The ip is
   * the eventing one of the basic group where `exact` (precise_ip 2 or 3) or where there is no other; cs follows the
   * record's mode, as set_linear_ip() has it (recalled, not read), and so does ss, which the kernel leaves as the NMI found it.
   */
  copyGeneral(buffer: PebsBuffer, out: Int32Array, exact = false): void {
    if (this.ip >= 0) {
      out[2 * IP] = buffer.words[this.ip >> 2] as number;
      out[2 * IP + 1] = buffer.words[(this.ip >> 2) + 1] as number;
      const user = this.ofUserMode(buffer);
      out[2 * CS] = user ? USER_CS : KERNEL_CS;
      out[2 * CS + 1] = 0;
      out[2 * SS] = user ? USER_DS : KERNEL_DS;
      out[2 * SS + 1] = 0;
    }
    if (this.general < 0) return;
    for (let i = 0; i < PEBS_GENERAL_ORDER.length; i++) {
      const word = (this.general >> 2) + 2 * i;
      const register = PEBS_GENERAL_ORDER[i] as number;
      if (register === IP && exact && this.ip >= 0) continue;
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
