/** What a policy sets before an instruction: the part of the gate that runs on every call. */

import type { XsavesRun } from "./xsaves-path.ts";

/** Decided once per policy and mask. */
export interface RunGuard {
  /** The kernel's counters of all processors; the NMI part of a processor's tells which of the next two holds. */
  readonly counts: Int32Array;
  /** Status outside an NMI and inside one; 0: the instruction runs. */
  readonly outside: number;
  readonly inside: number;
  /** Bits of an offset that must be 0. */
  readonly alignment: number;
  /** What is said where not all is well; 0: the instruction runs all the same. */
  readonly judge: (offset: number, status: number) => number;
  /** The status after a vector or an error of the instruction; throws what stands for no vector. */
  readonly fault: (offset: number, problem: unknown) => number;
}

/** A save or restore of one mask behind a guard, as through the gate; returns a status. */
export type GatedRun = (processor: number, offset: number) => number;

/** Sets a guard before an instruction. */
export function guarded(guard: RunGuard, run: XsavesRun): GatedRun {
  return (processor, offset) => {
    // in_nmi(); a processor that does not exist is outside.
    let status = (guard.counts[processor]! & 0x00f0_0000) === 0 ? guard.outside : guard.inside;
    // An offset that is no integer is the path's to refuse.
    if ((status | (offset & guard.alignment)) !== 0 && (status = guard.judge(offset, status)) !== 0) return status;
    let problem: unknown;
    try {
      problem = run(processor, offset);
    } catch (error) {
      problem = error;
    }
    return problem === 0 ? 0 : guard.fault(offset, problem);
  };
}
