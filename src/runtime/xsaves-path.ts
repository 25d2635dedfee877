/** The seam between the gate and the savers. */

/**
 * The one selection path that all policies run through: XSAVES64 / XRSTORS64 with the mask as EDX:EAX.
 * `maskLow` and `maskHigh` are unsigned 32-bit numbers; `offset` is the area's byte offset.
 */
export interface XsavesPath {
  /** Saves; returns 0, or the exception vector the instruction raises (13: #GP, e.g. misaligned). Nothing is written on a fault. */
  save(processor: number, offset: number, maskLow: number, maskHigh: number): number;
  /** Restores; returns 0 or the exception vector. Registers are unchanged on a fault. */
  restore(processor: number, offset: number, maskLow: number, maskHigh: number): number;
  /** Writes 0 to XSTATE_BV (8 bytes) of the area at offset, so that no stale sample is read. */
  clearXstateBv(offset: number): void;
}
