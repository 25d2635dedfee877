/**
 * Whose registers a sample may show: the rules between a snapshot, which is whatever the registers held when the NMI
 * hit, and a reader outside the kernel. Every register that leaves passes here.
 * Sources: perf_sample_regs_user() and perf_sample_regs_intr() of v7.3-rc7; patch 05 of V4; changelogs of V6 to V8.
 * The rules on guest state are ours: the postings that were read do not treat it.
 */

import type { Interruption } from "./interruption.ts";
import type { PerfInterface } from "./perf-interface.ts";
import type { SampleAttributes } from "./sample-attributes.ts";

/** Where one set of registers comes from. */
/** No registers: ABI word 0. */
export const FROM_NOWHERE = 0;
/** The interrupted code's general registers and what is live in the processor. */
export const FROM_LIVE = 1;
/** The task's pt_regs, and nothing beside them. */
export const FROM_PT_REGS = 2;
/** The task's pt_regs and its saved state. */
export const FROM_TASK_STATE = 3;
/** The task's pt_regs and the live registers, which are still the task's while the kernel leaves them alone. */
export const FROM_PT_REGS_AND_LIVE = 4;
/** The interrupted code's general registers alone: the live vector registers are somebody else's. */
export const FROM_LIVE_GENERAL = 5;

/** Names of the sources, by value. */
export const SOURCE_NAMES = [
  "nowhere",
  "live",
  "pt_regs",
  "pt_regs + task state",
  "pt_regs + live",
  "live general registers",
] as const;

/** Does the event take samples of what was interrupted? A counter that runs on past the boundary (skid) is cut here. */
export function samples(attributes: SampleAttributes, hit: Interruption): boolean {
  if (hit.guestMode) return !attributes.excludeGuest;
  return !attributes.excludeHost;
}

/** True where the live vector registers are those of the code whose general registers the sample shows. */
function liveBelongsToHost(hit: Interruption): boolean {
  return !hit.guestMode && !hit.guestStateLoaded;
}

/** Source of REGS_INTR. */
export function intrSource(attributes: SampleAttributes, hit: Interruption, perf: PerfInterface): number {
  if (!samples(attributes, hit)) return FROM_NOWHERE;
  if (perf.intrHonoursExcludeKernel && attributes.excludeKernel && !hit.userMode) return FROM_NOWHERE;
  // In the kernel, an event without exclude_kernel may see what the kernel itself does with the registers
  // (kernel_fpu_begin() sections included). A guest's registers are not the interrupted host code's.
  return liveBelongsToHost(hit) ? FROM_LIVE : FROM_LIVE_GENERAL;
}

/** Source of REGS_USER; `extended` where the event asks for registers outside pt_regs. */
export function userSource(attributes: SampleAttributes, hit: Interruption, perf: PerfInterface, extended: boolean): number {
  if (!samples(attributes, hit)) return FROM_NOWHERE;
  // An NMI in user mode found the task's registers in the processor: nothing else runs there.
  if (hit.userMode && !hit.guestMode) return FROM_LIVE;
  if (hit.kernelThread || hit.ptRegsIncomplete) return FROM_NOWHERE;
  if (!extended) return FROM_PT_REGS;
  if (perf.userInKernel === "pt-regs-only") return FROM_PT_REGS;
  if (perf.userInKernel === "drop-set") return FROM_NOWHERE;
  // The flag is set after the save (the series' update_fpu_state_and_flag()), so where it is set fpstate is whole.
  if (hit.needFpuLoad) return hit.fpstateOffset >= 0 ? FROM_TASK_STATE : FROM_PT_REGS;
  return hit.inKernelFpu || !liveBelongsToHost(hit) ? FROM_PT_REGS : FROM_PT_REGS_AND_LIVE;
}
