/**
 * Adaptive PEBS (v4, v5): one record with the groups that MSR_PEBS_DATA_CFG asked for.
 * Source: setup_pebs_adaptive_sample_data() of v7.3-rc7, arch/x86/events/intel/ds.c; arch/x86/include/asm/perf_event.h.
 * It has XMM as the one vector group: all 16 registers, without MXCSR and without XSTATE_BV.
 */

import { PebsError } from "./pebs-error.ts";
import { type PebsBuffer, type PebsRecord, popcount, takeGroup } from "./pebs-record.ts";
import { GROUP_XMM } from "./register-groups.ts";

/** PEBS_DATACFG_*, bits of the format word. */
const MEMINFO = 1 << 0;
const GP = 1 << 1;
const XMMS = 1 << 2;
const LBRS = 1 << 3;
const CNTR = 1 << 4;
const METRICS = 1 << 5;
const LBR_COUNT_SHIFT = 24;

const BASIC_BYTES = 32;
const MEMINFO_BYTES = 32;
const GP_BYTES = 144;
const LBR_ENTRY_BYTES = 24;

/**
 * Decodes the record at byte `at`, a multiple of 8; its size is then `record.size`. Throws PebsError where it ends early
 * or where its groups do not add up to its format size (the kernel's WARN in the same place).
 */
export function decodeAdaptivePebs(buffer: PebsBuffer, at: number, record: PebsRecord): void {
  record.clear();
  buffer.needQuadwords(at, at, "a record's offset");
  buffer.need(at, BASIC_BYTES, buffer.length, "the basic group");
  const format = buffer.view.getInt32(at, true);
  const size = buffer.view.getUint16(at + 6, true);
  if (size < BASIC_BYTES) throw new PebsError("size-mismatch", at + 6, `format size ${size} is less than the basic group's 32`);
  buffer.needQuadwords(at + 6, size, "the format size");
  buffer.need(at, size, buffer.length, "the record");
  const end = at + size;
  record.ip = at + 8;
  let next = at + BASIC_BYTES;
  if (format & MEMINFO) next += MEMINFO_BYTES;
  if (format & GP) {
    buffer.need(next, GP_BYTES, end, "the general registers");
    record.general = next;
    next += GP_BYTES;
  }
  if (format & XMMS) next = takeGroup(record, buffer, GROUP_XMM, next, end);
  if (format & LBRS) {
    record.lbr = next;
    record.lbrCount = ((format >>> LBR_COUNT_SHIFT) & 0xff) + 1;
    next += record.lbrCount * LBR_ENTRY_BYTES;
  }
  if (format & (CNTR | METRICS)) next = skipCounters(buffer, next, end);
  if (next !== end) {
    throw new PebsError("size-mismatch", at + 6, `the groups take ${next - at} bytes, the format size says ${size}`);
  }
  record.size = size;
}

/** INTEL_CNTR_METRICS: the group has the two metrics MSRs as well. */
const ALL_METRICS = 3;

/** The counters group: a header of 16 bytes (masks of counters, fixed counters, metrics), a quadword each. */
export function skipCounters(buffer: PebsBuffer, at: number, end: number): number {
  buffer.need(at, 16, end, "the counters group");
  const counters = popcount(buffer.view.getInt32(at, true)) + popcount(buffer.view.getInt32(at + 4, true));
  const metrics = buffer.view.getInt32(at + 8, true) === ALL_METRICS ? 2 : 0;
  return at + 16 + 8 * (counters + metrics);
}
