/**
 * The register part of a sample, byte for byte: u64 abi; if it is not 0 one u64 for each set bit of the mask, ascending;
 * with ABI_SIMD then u16 nr_vectors, vector_qwords, nr_pred, pred_qwords, and the vectors and predicates.
 * Source: perf_output_sample_regs() of v7.3-rc7; perf_output_sample_simd_regs() of V4, patch 06.
 */

import type { PerfInterface } from "./perf-interface.ts";
import {
  ABI_32,
  ABI_64,
  ABI_NONE,
  ABI_SIMD,
  FIRST_EGPR_BIT,
  FIRST_XMM_BIT,
  SSP_BIT,
  XMM_QWORDS,
  YMM_QWORDS,
  ZMM_QWORDS,
} from "./register-numbers.ts";
import {
  GROUP_EGPR,
  GROUP_HI16_ZMM,
  GROUP_OPMASK,
  GROUP_SSP,
  GROUP_XMM,
  GROUP_YMMH,
  GROUP_ZMMH,
  type RegisterGroups,
} from "./register-groups.ts";

/** One set's request: what `SampleAttributes` says, bound once; the set bits of each mask as a list. */
export interface SetRequest {
  readonly registers: Uint8Array;
  /** 0 without the SIMD interface. */
  readonly abiSimd: number;
  readonly vectorQwords: number;
  readonly vectors: Uint8Array;
  /** How many of `vectors` are below 16. */
  readonly lowVectors: number;
  readonly predicateQwords: number;
  readonly predicates: Uint8Array;
}

const SSE_BIT = 1 << 1;
const AVX_BIT = 1 << 2;
const OPMASK_BIT = 1 << 5;
const ZMM_HI256_BIT = 1 << 6;
const HI16_ZMM_BIT = 1 << 7;

/** The largest register part of one set, in bytes: 41 general registers, 32 vectors of 64 bytes, 8 predicates. */
export const LARGEST_SET: number = 8 + 64 * 8 + 8 + 32 * 64 + 8 * 8;

/** Writes ABI word 0: nothing is delivered. Returns the index of the word behind it. */
export function writeNoRegisters(out: Int32Array, at: number): number {
  out[at] = ABI_NONE;
  out[at + 1] = 0;
  return at + 2;
}

/** Writes one set; returns the index of the word behind it. `abi` is ABI_32 or ABI_64. Allocates nothing. */
export function writeRegisters(
  out: Int32Array,
  at: number,
  abi: number,
  request: SetRequest,
  general: Int32Array,
  groups: RegisterGroups,
  perf: PerfInterface,
): number {
  out[at] = abi | request.abiSimd;
  out[at + 1] = 0;
  let next = at + 2;
  const { registers } = request;
  for (let i = 0; i < registers.length; i++) {
    const bit = registers[i] as number;
    if (bit < FIRST_EGPR_BIT) {
      out[next] = general[2 * bit] as number;
      out[next + 1] = general[2 * bit + 1] as number;
    } else if (request.abiSimd === 0) groups.copy(GROUP_XMM, 2 * (bit - FIRST_XMM_BIT), 2, out, next);
    else if (bit < SSP_BIT) groups.copy(GROUP_EGPR, 2 * (bit - FIRST_EGPR_BIT), 2, out, next);
    else groups.copy(GROUP_SSP, 0, 2, out, next);
    next += 2;
  }
  return request.abiSimd === 0 ? next : writeSimd(out, next, request, groups, perf);
}

function writeSimd(out: Int32Array, at: number, request: SetRequest, groups: RegisterGroups, perf: PerfInterface): number {
  // Components that stand in the record: captured ones, or only those in use, or all that was asked for.
  let there = -1;
  if (perf.notCaptured === "narrower") there = perf.initial === "narrower" ? groups.inUse : groups.captured;
  const vectors = availableVectors(request, there);
  const qwords = availableQwords(request, there);
  const predicates = (there & OPMASK_BIT) !== 0 ? request.predicates.length : 0;
  out[at] = vectors | (qwords << 16);
  out[at + 1] = predicates | (request.predicateQwords << 16);
  let next = at + 2;
  for (let i = 0; i < vectors; i++) {
    const vector = request.vectors[i] as number;
    if (vector >= 16) groups.copy(GROUP_HI16_ZMM, 16 * (vector - 16), 2 * qwords, out, next);
    else copyLowVector(groups, vector, qwords, out, next);
    next += 2 * qwords;
  }
  for (let i = 0; i < predicates; i++) {
    groups.copy(GROUP_OPMASK, 2 * (request.predicates[i] as number), 2, out, next);
    next += 2;
  }
  return next;
}

/** XMM, YMMH and ZMM_Hi256 put together: quadwords 0-1, 2-3 and 4-7 of ZMM0-15. */
function copyLowVector(groups: RegisterGroups, vector: number, qwords: number, out: Int32Array, at: number): void {
  groups.copy(GROUP_XMM, 4 * vector, 4, out, at);
  if (qwords >= YMM_QWORDS) groups.copy(GROUP_YMMH, 4 * vector, 4, out, at + 4);
  if (qwords >= ZMM_QWORDS) groups.copy(GROUP_ZMMH, 8 * vector, 8, out, at + 8);
}

/**
 * How many vectors are written, from the lowest on. A reader takes the lowest bits of its mask for as many as the
 * record has, so without SSE none of 0-15 and nothing behind them can be told; without Hi16_ZMM the list ends at 15.
 * (V4 cut the count by the number of registers and then walked every bit of the mask.)
 */
function availableVectors(request: SetRequest, there: number): number {
  if (request.lowVectors !== 0 && (there & SSE_BIT) === 0) return 0;
  return (there & HI16_ZMM_BIT) !== 0 ? request.vectors.length : request.lowVectors;
}

function availableQwords(request: SetRequest, there: number): number {
  let qwords = request.vectorQwords;
  if (request.lowVectors === 0) return qwords;
  if (qwords >= ZMM_QWORDS && (there & ZMM_HI256_BIT) === 0) qwords = YMM_QWORDS;
  if (qwords >= YMM_QWORDS && (there & AVX_BIT) === 0) qwords = XMM_QWORDS;
  return qwords;
}

/** A set of registers read back from a sample. */
export interface DecodedRegisters {
  readonly abi: number;
  /** Bytes that it takes. */
  readonly size: number;
  /** Bit of the mask and value, ascending. Empty where the ABI word is 0. */
  readonly registers: readonly (readonly [bit: number, value: bigint])[];
  /** Vector number and its bytes in memory order (16, 32 or 64). */
  readonly vectors: readonly (readonly [index: number, bytes: Uint8Array])[];
  readonly predicates: readonly (readonly [index: number, value: bigint])[];
  /** Bytes of a vector in this record; smaller than asked for where the kernel answered narrower. */
  readonly vectorBytes: number;
}

/** A sample's register part does not fit its event's attributes or ends early. */
export class SampleRecordError extends Error {
  override readonly name = "SampleRecordError";
  /** Byte offset in the given bytes. */
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(`${message} (byte ${offset})`);
    this.offset = offset;
  }
}

/** What decoding needs of the event's attributes. */
export interface DecodeMasks {
  /** sample_regs_user or sample_regs_intr. */
  readonly regs: bigint;
  /** sample_simd_vec_reg_* and sample_simd_pred_reg_*; 0n without. */
  readonly vectors: bigint;
  readonly predicates: bigint;
}

const ABI_WORDS = [ABI_NONE, ABI_32, ABI_64, ABI_32 | ABI_SIMD, ABI_64 | ABI_SIMD];

/** Reads one set at byte `at`. Throws SampleRecordError. */
export function decodeRegisters(bytes: Uint8Array, at: number, masks: DecodeMasks): DecodedRegisters {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const need = (offset: number, size: number, what: string): void => {
    if (!(offset >= 0 && offset + size <= bytes.length)) {
      const left = offset >= 0 ? Math.max(0, bytes.length - offset) : 0;
      throw new SampleRecordError(offset, `${what}: ${size} bytes expected, ${left} are left`);
    }
  };
  need(at, 8, "the ABI word");
  const abi = view.getUint32(at, true);
  if (view.getUint32(at + 4, true) !== 0 || !ABI_WORDS.includes(abi)) {
    throw new SampleRecordError(
      at,
      `ABI word 0x${view.getBigUint64(at, true).toString(16)}: expected 0, 1 or 2, or 5 or 6 with SIMD`,
    );
  }
  const none = { abi, size: 8, registers: [], vectors: [], predicates: [], vectorBytes: 0 };
  if (abi === ABI_NONE) return none;
  let next = at + 8;
  const registers: (readonly [number, bigint])[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((masks.regs >> BigInt(bit)) & 1n) === 0n) continue;
    need(next, 8, `register ${bit}`);
    registers.push([bit, view.getBigUint64(next, true)]);
    next += 8;
  }
  if ((abi & ABI_SIMD) === 0) return { ...none, size: next - at, registers };

  need(next, 8, "the counts of vector registers");
  const counts = { vectors: view.getUint16(next, true), predicates: view.getUint16(next + 4, true) };
  const vectorBytes = 8 * view.getUint16(next + 2, true);
  const predicateBytes = 8 * view.getUint16(next + 6, true);
  const vectorBits = lowestBits(masks.vectors, counts.vectors, next, "vectors");
  const predicateBits = lowestBits(masks.predicates, counts.predicates, next + 4, "predicates");
  if (counts.vectors > 0 && ![16, 32, 64].includes(vectorBytes)) {
    throw new SampleRecordError(next + 2, `a vector has 2, 4 or 8 quadwords, got ${vectorBytes / 8}`);
  }
  if (counts.predicates > 0 && predicateBytes !== 8) {
    throw new SampleRecordError(next + 6, `a predicate has 1 quadword, got ${predicateBytes / 8}`);
  }
  next += 8;
  need(next, counts.vectors * vectorBytes + counts.predicates * predicateBytes, "the vector registers");
  const vectors = vectorBits.map((bit, i) => {
    const start = next + i * vectorBytes;
    return [bit, bytes.slice(start, start + vectorBytes)] as const;
  });
  next += counts.vectors * vectorBytes;
  const predicates = predicateBits.map((bit, i) => [bit, view.getBigUint64(next + 8 * i, true)] as const);
  next += counts.predicates * predicateBytes;
  return { abi, size: next - at, registers, vectors, predicates, vectorBytes };
}

function lowestBits(mask: bigint, count: number, offset: number, what: string): number[] {
  const found: number[] = [];
  for (let bit = 0; bit < 64 && found.length < count; bit++) if ((mask >> BigInt(bit)) & 1n) found.push(bit);
  if (found.length < count) throw new SampleRecordError(offset, `${count} ${what}, but the event asks for ${found.length}`);
  return found;
}
