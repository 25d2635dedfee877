/**
 * Whose registers a sample may show: the rules between a snapshot, which is whatever the registers held when the NMI
 * hit, and a reader outside the kernel. Every register that leaves passes here.
 * Sources: perf_sample_regs_user() and perf_sample_regs_intr() of v7.3-rc7; patches 05 and 07 of V4; changelogs of V6
 * to V8, whose bodies were not seen: what they do with TIF_NEED_FPU_LOAD is inferred from them.
 * The rules on guest state are ours: the postings that were read do not treat it. So are those for a PEBS record
 * whose code ran in another mode than what the NMI hit: V4 asks user_mode() of the record alone, and then takes live
 * registers, by now the kernel's, for the user's.
 */

import type { Interruption } from "./interruption.ts";
import type { PerfInterface } from "./perf-interface.ts";
import { enabledSimd, type SampleAttributes, userComponents } from "./sample-attributes.ts";

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

/**
 * Does the event take samples of what was interrupted? A counter that runs on past the boundary (skid) is cut here.
 * exclude_user and exclude_kernel are the counter's: a sample that skids over that boundary is still taken, and
 * exclude_kernel empties its REGS_INTR.
 */
export function samples(attributes: SampleAttributes, hit: Interruption): boolean {
  if (hit.guestMode) return !attributes.excludeGuest;
  return !attributes.excludeHost;
}

/** True where the live vector registers are the host's and not a guest's. */
export function liveBelongsToHost(hit: Interruption): boolean {
  return !hit.guestMode && !hit.guestStateLoaded;
}

/**
 * Source of REGS_INTR. `codeUserMode`: the mode of the code that the sample shows, which is that of the PEBS record where
 * there is one, else the interrupted code's.
 */
export function intrSource(
  attributes: SampleAttributes,
  hit: Interruption,
  perf: PerfInterface,
  codeUserMode: boolean = hit.userMode,
): number {
  if (!samples(attributes, hit)) return FROM_NOWHERE;
  const userOnly = perf.intrHonoursExcludeKernel && attributes.excludeKernel === true;
  if (userOnly && !codeUserMode) return FROM_NOWHERE;
  // In the kernel, an event without exclude_kernel may see what the kernel itself does with the registers
  // (kernel_fpu_begin() sections included). A guest's registers are not the interrupted host code's.
  return liveBelongsToHost(hit) && (!userOnly || hit.userMode) ? FROM_LIVE : FROM_LIVE_GENERAL;
}

/**
 * Does REGS_USER ask for registers outside pt_regs? Found once for an event. To V4 (x86_pmu_user_req_pt_regs_only())
 * the SIMD interface is more than pt_regs, whatever it is used for.
 */
export function asksBeyondPtRegs(attributes: SampleAttributes, perf: PerfInterface): boolean {
  if (perf.userInKernel === "drop-set" && enabledSimd(attributes) !== undefined) return true;
  return userComponents(attributes) !== 0n;
}

/**
 * Source of REGS_USER. `extended`: what asksBeyondPtRegs() says. `userRecord`: a PEBS record of the task's own code stands in for its pt_regs and has some of the
 * other registers; the source tells where the rest comes from.
 */
export function userSource(
  attributes: SampleAttributes,
  hit: Interruption,
  perf: PerfInterface,
  extended: boolean,
  userRecord = false,
): number {
  if (!samples(attributes, hit)) return FROM_NOWHERE;
  // An NMI in user mode found the task's registers in the processor: nothing else runs there.
  if (hit.userMode && !hit.guestMode) return FROM_LIVE;
  if (hit.kernelThread || (hit.ptRegsIncomplete && !userRecord)) return FROM_NOWHERE;
  if (!extended || perf.userInKernel === "pt-regs-only") return FROM_PT_REGS;
  if (perf.userInKernel === "drop-set") return userRecord ? FROM_PT_REGS : FROM_NOWHERE;
  // The flag is set after the save (the series' update_fpu_state_and_flag()), so where it is set fpstate is whole.
  // KVM saved the task's state before it loaded a guest's, whatever the flag says.
  if (hit.needFpuLoad || !liveBelongsToHost(hit)) return hit.fpstateOffset >= 0 ? FROM_TASK_STATE : FROM_PT_REGS;
  return hit.inKernelFpu ? FROM_PT_REGS : FROM_PT_REGS_AND_LIVE;
}
