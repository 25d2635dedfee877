/**
 * Architectural PEBS (v6): a record of one or more fragments, each with a header that names its groups.
 * Source: setup_arch_pebs_sample_data() of v7.3-rc7 (which parses XMM of the vector groups alone); the order of the
 * others, XMM, YMMH, opmask, ZMM_Hi256, Hi16_ZMM, from the series that adds them (2025-2026). Inferred: that a vector
 * group's bit is 48 + its component number (the five positions that were read all are).
 */

import { skipCounters } from "./pebs-adaptive.ts";
import { PebsError } from "./pebs-error.ts";
import { type PebsBuffer, type PebsRecord, takeGroup } from "./pebs-record.ts";
import { GROUP_HI16_ZMM, GROUP_OPMASK, GROUP_SSP, GROUP_XMM, GROUP_YMMH, GROUP_ZMMH } from "./register-groups.ts";

const HEADER_BYTES = 16;
const BASIC_BYTES = 48;
const AUX_BYTES = 64;
/** 18 registers, SSP, a reserved quadword. */
const GP_BYTES = 160;
const XER_HEADER_BYTES = 16;
const LBR_HEADER_BYTES = 48;
const LBR_ENTRY_BYTES = 24;

/** Bits of the format's low word. */
const CONT = 0x8000_0000 | 0;
/** Bits of its high word (format bit minus 32). */
const CNTR_MASK = 0x0000_00f8;
const LBR_SHIFT = 8;
const XER_GROUPS: readonly (readonly [bit: number, group: number])[] = [
  [1 << 17, GROUP_XMM],
  [1 << 18, GROUP_YMMH],
  [1 << 21, GROUP_OPMASK],
  [1 << 22, GROUP_ZMMH],
  [1 << 23, GROUP_HI16_ZMM],
];
const XER_MASK = XER_GROUPS.reduce((bits, [bit]) => bits | bit, 0);
const GPR = 1 << 29;
const AUX = 1 << 30;
const BASIC = 0x8000_0000 | 0;

/** LBR field 3: as many entries as the group's header says. */
const LBR_VARIABLE = 3;
/** Deepest LBR of the architecture. */
const MAX_LBR_DEPTH = 64;
/** A record has each group once; more fragments than groups and empty links are no record. */
const MAX_FRAGMENTS = 32;

/**
 * Decodes the record at byte `at`, a multiple of 8, through all its fragments. Throws PebsError for a fragment of size 0 (which would
 * end the kernel's walk in a loop without 68aca309e49c), one that ends early, and a chain without end.
 */
export function decodeArchitecturalPebs(buffer: PebsBuffer, at: number, record: PebsRecord): void {
  record.clear();
  buffer.needQuadwords(at, at, "a record's offset");
  let fragment = at;
  for (let count = 1; ; count++) {
    if (count > MAX_FRAGMENTS) throw new PebsError("too-many-fragments", fragment, `more than ${MAX_FRAGMENTS} fragments`);
    buffer.need(fragment, HEADER_BYTES, buffer.length, "a fragment's header");
    const low = buffer.view.getInt32(fragment, true);
    const high = buffer.view.getInt32(fragment + 4, true);
    const size = low & 0xffff;
    if (size === 0) throw new PebsError("empty-fragment", fragment, "a fragment of size 0");
    if (size < HEADER_BYTES) throw new PebsError("size-mismatch", fragment, `fragment size ${size} is less than its header's 16`);
    buffer.needQuadwords(fragment, size, "fragment size");
    buffer.need(fragment, size, buffer.length, "a fragment");
    decodeFragment(buffer, fragment, fragment + size, high, record);
    fragment += size;
    // Another fragment follows: the continue bit, or a null record (no format bit of 63:16).
    if ((low & CONT) === 0 && ((low >>> 16) | high) !== 0) break;
  }
  record.size = fragment - at;
}

function decodeFragment(buffer: PebsBuffer, at: number, end: number, format: number, record: PebsRecord): void {
  let next = at + HEADER_BYTES;
  if (format & BASIC) {
    buffer.need(next, BASIC_BYTES, end, "the basic group");
    record.ip = next;
    next += BASIC_BYTES;
  }
  if (format & AUX) next += AUX_BYTES;
  if (format & GPR) {
    buffer.need(next, GP_BYTES, end, "the general registers");
    record.general = next;
    record.groups[GROUP_SSP] = next + 144;
    next += GP_BYTES;
  }
  if (format & XER_MASK) {
    buffer.need(next, XER_HEADER_BYTES, end, "the header of the vector groups");
    next += XER_HEADER_BYTES;
    for (let i = 0; i < XER_GROUPS.length; i++) {
      const [bit, group] = XER_GROUPS[i]!;
      if (format & bit) next = takeGroup(record, buffer, group, next, end);
    }
  }
  const lbr = (format >>> LBR_SHIFT) & 3;
  if (lbr !== 0) next = takeBranches(buffer, next, end, lbr, record);
  if (format & CNTR_MASK) next = skipCounters(buffer, next, end);
  if (next > end) throw new PebsError("size-mismatch", at, `the groups take ${next - at} bytes, the fragment has ${end - at}`);
}

/** The LBR group: a header of 48 bytes (depth its third quadword), then entries of from, to and info. */
function takeBranches(buffer: PebsBuffer, at: number, end: number, lbr: number, record: PebsRecord): number {
  buffer.need(at, LBR_HEADER_BYTES, end, "the LBR group");
  let count = 8 * lbr;
  if (lbr === LBR_VARIABLE) {
    count = buffer.view.getUint32(at + 16, true);
    if (count > MAX_LBR_DEPTH) throw new PebsError("size-mismatch", at + 16, `LBR depth ${count}; there are at most 64`);
  }
  record.lbr = at + LBR_HEADER_BYTES;
  record.lbrCount = count;
  return record.lbr + count * LBR_ENTRY_BYTES;
}
