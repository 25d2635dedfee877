/**
 * struct perf_event_attr as a perf.data file has it: the fields that decide where a sample's registers lie.
 * Source: include/uapi/linux/perf_event.h of v7.3-rc7. The fields of the SIMD interface are V4's and V5's (byte 136
 * on, sizes 168 and 176); V6 rearranged them and its order was not seen, so other sizes have none here.
 */

import { enabledSimd, type SampleAttributes, type SimdRequest } from "../../perf/sample-attributes.ts";
import { u64 } from "../range-reader.ts";

/** PERF_SAMPLE_* bits of sample_type that stand before the registers, or are registers. */
export const SAMPLE_IP = 0x1;
export const SAMPLE_TID = 0x2;
export const SAMPLE_TIME = 0x4;
export const SAMPLE_ADDR = 0x8;
export const SAMPLE_READ = 0x10;
export const SAMPLE_CALLCHAIN = 0x20;
export const SAMPLE_ID = 0x40;
export const SAMPLE_CPU = 0x80;
export const SAMPLE_PERIOD = 0x100;
export const SAMPLE_STREAM_ID = 0x200;
export const SAMPLE_RAW = 0x400;
export const SAMPLE_BRANCH_STACK = 0x800;
export const SAMPLE_REGS_USER = 0x1000;
export const SAMPLE_STACK_USER = 0x2000;
export const SAMPLE_WEIGHT = 0x4000;
export const SAMPLE_DATA_SRC = 0x8000;
export const SAMPLE_IDENTIFIER = 0x10000;
export const SAMPLE_TRANSACTION = 0x20000;
export const SAMPLE_REGS_INTR = 0x40000;
export const SAMPLE_WEIGHT_STRUCT = 0x1000000;

/** Oldest attribute (PERF_ATTR_SIZE_VER0) and the largest that the kernel takes (a page). */
export const SMALLEST_ATTRIBUTE = 64;
export const LARGEST_ATTRIBUTE = 4096;

/** What an event asked for, and what its samples look like. */
export interface PerfEvent extends SampleAttributes {
  /** Bits of sample_type. */
  readonly sampleType: number;
  readonly readFormat: number;
  readonly branchSampleType: number;
  /** Bytes of the attribute. */
  readonly size: number;
  /** True where the attribute is too long for what is known, so that SIMD fields may lie in what was not read. */
  readonly unknownFields: boolean;
  /** Ids of its counters. */
  readonly ids: readonly bigint[];
}

const SIMD_FIELDS = 136;
const SIMD_SIZES = [168, 176];
/** PERF_ATTR_SIZE_VER9 of mainline: config4. */
const LARGEST_KNOWN = 144;

/** Reads the attribute at the beginning of a view that has all of it. */
export function readAttribute(view: DataView, ids: readonly bigint[]): PerfEvent {
  const size = view.getUint32(4, true);
  const has = (end: number): boolean => size >= end && view.byteLength >= end;
  const sampleType = view.getUint32(24, true);
  const flags = view.getBigUint64(40, true);
  const flag = (bit: number): boolean => ((flags >> BigInt(bit)) & 1n) === 1n;
  const simd = SIMD_SIZES.includes(size) && view.byteLength >= 168 ? simdFields(view) : undefined;
  const attributes = {
    ...(sampleType & SAMPLE_REGS_USER && { regsUser: has(88) ? view.getBigUint64(80, true) : 0n }),
    ...(sampleType & SAMPLE_REGS_INTR && { regsIntr: has(104) ? view.getBigUint64(96, true) : 0n }),
    ...(simd && { simd }),
    excludeUser: flag(4),
    excludeKernel: flag(5),
    preciseIp: Number((flags >> 15n) & 3n),
    excludeHost: flag(19),
    excludeGuest: flag(20),
  };
  return {
    ...attributes,
    sampleType,
    readFormat: view.getUint32(32, true),
    branchSampleType: has(80) ? Math.min(u64(view, 72), 0xffff_ffff) : 0,
    size,
    unknownFields: size > LARGEST_KNOWN && enabledSimd(attributes) === undefined,
    ids,
  };
}

function simdFields(view: DataView): SimdRequest {
  return {
    predicateQwords: view.getUint16(SIMD_FIELDS, true),
    predicatesIntr: BigInt(view.getUint32(SIMD_FIELDS + 4, true)),
    predicatesUser: BigInt(view.getUint32(SIMD_FIELDS + 8, true)),
    vectorQwords: view.getUint16(SIMD_FIELDS + 12, true),
    vectorsIntr: view.getBigUint64(SIMD_FIELDS + 16, true),
    vectorsUser: view.getBigUint64(SIMD_FIELDS + 24, true),
  };
}
