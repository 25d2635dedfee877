/** What an event asks for: the part of struct perf_event_attr that decides about registers. */

import { FIRST_HIGH_VECTOR, EGPR_MASK, EXTENDED_MASK, SSP_BIT, XMM_QWORDS, YMM_QWORDS, ZMM_QWORDS } from "./register-numbers.ts";

/** The sample_simd_* fields. They count if `predicateQwords` is not 0: it shares its bytes with sample_simd_regs_enabled. */
export interface SimdRequest {
  /** sample_simd_pred_reg_qwords, alias sample_simd_regs_enabled (16 bits). */
  readonly predicateQwords: number;
  /** sample_simd_vec_reg_qwords (16 bits): 0 none, 2 XMM, 4 YMM, 8 ZMM. */
  readonly vectorQwords: number;
  /** sample_simd_vec_reg_intr and _user: bit n is vector register n. */
  readonly vectorsIntr: bigint;
  readonly vectorsUser: bigint;
  /** sample_simd_pred_reg_intr and _user (32 bits): bit n is kn. */
  readonly predicatesIntr: bigint;
  readonly predicatesUser: bigint;
}

/** Attributes of one event. Masks are 64 bits. */
export interface SampleAttributes {
  /** sample_regs_user; absent: PERF_SAMPLE_REGS_USER is not set. */
  readonly regsUser?: bigint;
  /** sample_regs_intr; absent: PERF_SAMPLE_REGS_INTR is not set. */
  readonly regsIntr?: bigint;
  readonly simd?: SimdRequest;
  /** 0 arbitrary skid .. 3 none. */
  readonly preciseIp?: number;
  readonly excludeUser?: boolean;
  readonly excludeKernel?: boolean;
  readonly excludeGuest?: boolean;
  readonly excludeHost?: boolean;
}

/** The fields if they count, else undefined. */
export function enabledSimd(attributes: SampleAttributes): SimdRequest | undefined {
  return attributes.simd && attributes.simd.predicateQwords !== 0 ? attributes.simd : undefined;
}

/** The state components that registers of an event lie in. */
const SSE = 1n << 1n;
const AVX = 1n << 2n;
const OPMASK = 1n << 5n;
const ZMM_HI256 = 1n << 6n;
const HI16_ZMM = 1n << 7n;
const CET_U = 1n << 11n;
const APX = 1n << 19n;

/**
 * The components behind one set of an event's registers (V4's event_needs_*): by the width alone for SSE, AVX and
 * ZMM_Hi256, by the highest vector for Hi16_ZMM, which holds vectors 16-31 whole at any width.
 */
function componentsOf(regs: bigint, simd: SimdRequest | undefined, vectors: bigint, predicates: bigint): bigint {
  if (!simd) return regs & EXTENDED_MASK ? SSE : 0n;
  let mask = 0n;
  if (vectors !== 0n && simd.vectorQwords >= XMM_QWORDS) mask |= SSE;
  if (vectors !== 0n && simd.vectorQwords >= YMM_QWORDS) mask |= AVX;
  if (vectors !== 0n && simd.vectorQwords >= ZMM_QWORDS) mask |= ZMM_HI256;
  if (vectors >> BigInt(FIRST_HIGH_VECTOR)) mask |= HI16_ZMM;
  if (predicates !== 0n) mask |= OPMASK;
  if (regs & EGPR_MASK) mask |= APX;
  if (regs & (1n << BigInt(SSP_BIT))) mask |= CET_U;
  return mask;
}

/** Components that REGS_USER needs; 0 if only pt_regs is asked for. */
export function userComponents(attributes: SampleAttributes): bigint {
  const simd = enabledSimd(attributes);
  if (attributes.regsUser === undefined) return 0n;
  return componentsOf(attributes.regsUser, simd, simd?.vectorsUser ?? 0n, simd?.predicatesUser ?? 0n);
}

/** Components that REGS_INTR needs. */
export function intrComponents(attributes: SampleAttributes): bigint {
  const simd = enabledSimd(attributes);
  if (attributes.regsIntr === undefined) return 0n;
  return componentsOf(attributes.regsIntr, simd, simd?.vectorsIntr ?? 0n, simd?.predicatesIntr ?? 0n);
}
