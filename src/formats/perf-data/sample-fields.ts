/** The way through a PERF_RECORD_SAMPLE to its registers: every field before them by its own length. */

import { type DecodedRegisters, decodeRegisters, SampleRecordError } from "../../perf/sample-record.ts";
import { u64 } from "../range-reader.ts";
import {
  type PerfEvent,
  SAMPLE_ADDR,
  SAMPLE_BRANCH_STACK,
  SAMPLE_CALLCHAIN,
  SAMPLE_CPU,
  SAMPLE_DATA_SRC,
  SAMPLE_ID,
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_PERIOD,
  SAMPLE_RAW,
  SAMPLE_READ,
  SAMPLE_REGS_INTR,
  SAMPLE_REGS_USER,
  SAMPLE_STACK_USER,
  SAMPLE_STREAM_ID,
  SAMPLE_TID,
  SAMPLE_TIME,
  SAMPLE_TRANSACTION,
  SAMPLE_WEIGHT,
  SAMPLE_WEIGHT_STRUCT,
} from "./event-attributes.ts";

/** A sample's registers and whose they are. */
export interface PerfSample {
  /** Byte offset of the record in the file, or among the decompressed records if it was compressed. */
  readonly fileOffset: number;
  /** Index of the event. */
  readonly event: number;
  readonly ip?: bigint;
  readonly pid?: number;
  readonly tid?: number;
  /** Nanoseconds of perf's clock. */
  readonly time?: bigint;
  readonly cpu?: number;
  /** Name of the task, from the file's PERF_RECORD_COMM. */
  readonly name?: string;
  readonly user?: DecodedRegisters;
  readonly intr?: DecodedRegisters;
}

const READ_TIME_ENABLED = 1;
const READ_TIME_RUNNING = 2;
const READ_ID = 4;
const READ_GROUP = 8;
const READ_LOST = 16;
const BRANCH_HW_INDEX = 1 << 17;
const BRANCH_COUNTERS = 1 << 19;

/** Fields of 8 bytes before READ, in the record's order. */
const FIRST_FIELDS = [
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_TID,
  SAMPLE_TIME,
  SAMPLE_ADDR,
  SAMPLE_ID,
  SAMPLE_STREAM_ID,
  SAMPLE_CPU,
  SAMPLE_PERIOD,
];

/** Byte offset of a field of FIRST_FIELDS behind the record's header; undefined where the samples have none. */
function placeOf(sampleType: number, field: number): number | undefined {
  if ((sampleType & field) === 0) return undefined;
  return 8 * FIRST_FIELDS.slice(0, FIRST_FIELDS.indexOf(field)).filter((each) => sampleType & each).length;
}

/** The id that tells which event a sample belongs to; all events of a file have it in the same place. */
export function sampleId(body: DataView, sampleType: number): bigint | undefined {
  const place = placeOf(sampleType, SAMPLE_IDENTIFIER) ?? placeOf(sampleType, SAMPLE_ID);
  return place === undefined || place + 8 > body.byteLength ? undefined : body.getBigUint64(place, true);
}

/** Decodes a sample's body. Throws SampleRecordError (offset in the body) where a field does not fit. */
export function readSample(body: DataView, event: PerfEvent): Omit<PerfSample, "fileOffset" | "event" | "name"> {
  const { sampleType } = event;
  const first = (field: number): number | undefined => placeOf(sampleType, field);
  const at = { next: 8 * FIRST_FIELDS.filter((each) => sampleType & each).length };
  if (at.next > body.byteLength)
    throw new SampleRecordError(body.byteLength, `the fields before the registers take ${at.next} bytes`);
  const [ip, tid, time, cpu] = [first(SAMPLE_IP), first(SAMPLE_TID), first(SAMPLE_TIME), first(SAMPLE_CPU)];
  const identity = {
    ...(ip !== undefined && { ip: body.getBigUint64(ip, true) }),
    ...(tid !== undefined && { pid: body.getInt32(tid, true), tid: body.getInt32(tid + 4, true) }),
    ...(time !== undefined && { time: body.getBigUint64(time, true) }),
    ...(cpu !== undefined && { cpu: body.getUint32(cpu, true) }),
  };
  if (sampleType & SAMPLE_READ) skip(body, at, readSize(body, at.next, event.readFormat), "the counter values");
  if (sampleType & SAMPLE_CALLCHAIN) skip(body, at, 8 + 8 * count(body, at.next), "the call chain");
  if (sampleType & SAMPLE_RAW) skip(body, at, rawSize(body, at.next), "the raw data");
  if (sampleType & SAMPLE_BRANCH_STACK) skip(body, at, branchSize(body, at.next, event), "the branch stack");
  const user = sampleType & SAMPLE_REGS_USER ? registers(body, at, event, "User") : undefined;
  if (sampleType & SAMPLE_STACK_USER) skip(body, at, stackSize(body, at.next), "the user stack");
  for (const field of [SAMPLE_WEIGHT | SAMPLE_WEIGHT_STRUCT, SAMPLE_DATA_SRC, SAMPLE_TRANSACTION]) {
    if (sampleType & field) skip(body, at, 8, "a field before REGS_INTR");
  }
  const intr = sampleType & SAMPLE_REGS_INTR ? registers(body, at, event, "Intr") : undefined;
  return { ...identity, ...(user && { user }), ...(intr && { intr }) };
}

function skip(body: DataView, at: { next: number }, size: number, what: string): void {
  if (at.next + size > body.byteLength) {
    throw new SampleRecordError(at.next, `${what}: ${size} bytes, ${body.byteLength - at.next} are left`);
  }
  at.next += size;
}

/** A count (u64) at an offset; what lies outside the record counts as too many. */
function count(body: DataView, offset: number): number {
  return offset + 8 <= body.byteLength ? u64(body, offset) : Infinity;
}

function readSize(body: DataView, offset: number, format: number): number {
  const times = 8 * ((format & READ_TIME_ENABLED ? 1 : 0) + (format & READ_TIME_RUNNING ? 1 : 0));
  const value = 8 * (1 + (format & READ_ID ? 1 : 0) + (format & READ_LOST ? 1 : 0));
  return format & READ_GROUP ? 8 + times + value * count(body, offset) : times + value;
}

function rawSize(body: DataView, offset: number): number {
  // The size is chosen so that size and data together end at a multiple of 8.
  return offset + 4 <= body.byteLength ? 4 + body.getUint32(offset, true) : Infinity;
}

function branchSize(body: DataView, offset: number, { branchSampleType }: PerfEvent): number {
  const entry = 24 + (branchSampleType & BRANCH_COUNTERS ? 8 : 0);
  return 8 + (branchSampleType & BRANCH_HW_INDEX ? 8 : 0) + entry * count(body, offset);
}

function stackSize(body: DataView, offset: number): number {
  const size = count(body, offset);
  return size === 0 ? 8 : 16 + size;
}

function registers(body: DataView, at: { next: number }, event: PerfEvent, set: "User" | "Intr"): DecodedRegisters {
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  const masks = {
    regs: event[`regs${set}`] ?? 0n,
    vectors: event.simd?.[`vectors${set}`] ?? 0n,
    predicates: event.simd?.[`predicates${set}`] ?? 0n,
  };
  const decoded = decodeRegisters(bytes, at.next, masks);
  at.next += decoded.size;
  return decoded;
}
