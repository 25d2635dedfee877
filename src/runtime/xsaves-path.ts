/** The seam between the gate and the savers. */

import type { GatedRun, RunGuard } from "./run-guard.ts";

/**
 * Runs one instruction with one mask; returns 0, or the exception vector it raises (13: #GP, e.g. misaligned). An AreaError
 * that it throws is a #GP too. Nothing has changed on a fault.
 */
export type XsavesRun = (processor: number, offset: number) => number;

/**
 * The one selection path that all policies run through: XSAVES64 / XRSTORS64 with the mask as EDX:EAX, bound once for each
 * mask, behind the policy's guard (`guarded`, or in one test with what the path asks itself). `maskLow` and `maskHigh` are
 * unsigned 32-bit numbers; `offset` is the area's byte offset.
 */
export interface XsavesPath {
  /** XSAVES64 with a mask. */
  bindSave(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun;
  /** XRSTORS64 with a mask. */
  bindRestore(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun;
  /** Writes 0 to XSTATE_BV (8 bytes) of the area at offset, so that no stale sample is read. */
  clearXstateBv(offset: number): void;
}
