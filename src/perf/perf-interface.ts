/**
 * The versions of perf's register sampling: what each accepts, where each takes a task's registers from while the
 * kernel runs, and what each writes for a register that it does not have.
 */

/** One version of the interface, as data. */
export interface PerfInterface {
  readonly name: "mainline-7.3" | "V2" | "V4" | "V8" | "reviewed";
  readonly source: string;
  /** What was concluded and not read; absent if all was read. */
  readonly inferred?: string;
  /** Has the sample_simd_* attributes and PERF_SAMPLE_REGS_ABI_SIMD. */
  readonly simd: boolean;
  /** What PEBS did not deliver is taken with XSAVES through the gate; without it, PEBS is the only source. */
  readonly snapshots: boolean;
  /** REGS_USER may ask for XMM in sample_regs_user. */
  readonly userXmm: boolean;
  /** XMM in sample_regs_* needs precise_ip > 0: its data then come from PEBS. */
  readonly xmmNeedsPreciseIp: boolean;
  /** With exclude_kernel, an interruption of the kernel (skid) gives REGS_INTR the ABI word "none". */
  readonly intrHonoursExcludeKernel: boolean;
  /**
   * Registers outside pt_regs for REGS_USER when the NMI hit the kernel: `drop-set` gives up the whole set,
   * `task-state` reads the task's saved state where TIF_NEED_FPU_LOAD says that it is the current one and the live
   * registers otherwise.
   */
  readonly userInKernel: "pt-regs-only" | "drop-set" | "task-state";
  /**
   * What stands for a component that was not captured: `zeros`, or a `narrower` answer (fewer registers, a smaller
   * width), so that a reader does not take "not there" for the value 0. Only vectors and predicates have counts: r16-r31,
   * SSP and XMM by sample_regs_* read 0 in any case, and `RegisterSampler.user.captured` tells which they are.
   */
  readonly notCaptured: "zeros" | "narrower";
  /** The same for a component in its initial configuration (XSTATE_BV[i] = 0), whose value is 0. */
  readonly initial: "zeros" | "narrower";
}

const LEGACY = { simd: false, snapshots: false, userXmm: false, xmmNeedsPreciseIp: true, userInKernel: "pt-regs-only" } as const;

/** XMM from PEBS alone, two bits of sample_regs_intr a register. */
export const MAINLINE_7_3: PerfInterface = {
  ...LEGACY,
  name: "mainline-7.3",
  source: "v7.3-rc7 kernel/events/core.c, arch/x86/kernel/perf_regs.c, arch/x86/events/core.c",
  intrHonoursExcludeKernel: true,
  notCaptured: "zeros",
  initial: "zeros",
};

/** RFC V2, 2025-06-26: what XSAVES did not deliver is written as zeros. */
export const V2: PerfInterface = {
  name: "V2",
  source: "20250626195610.405379-1-kan.liang; changelog of V3 on the zeros",
  inferred: "the treatment of kernel-mode interruptions is V4's",
  simd: true,
  snapshots: true,
  userXmm: true,
  xmmNeedsPreciseIp: true,
  intrHonoursExcludeKernel: false,
  userInKernel: "drop-set",
  notCaptured: "zeros",
  initial: "zeros",
};

/** V4, 2025-09-25, read in full: counts and width are cut to the components whose XSTATE_BV bit is set. */
export const V4: PerfInterface = {
  name: "V4",
  source: "20250925061213.178796, patches 05 to 12",
  simd: true,
  snapshots: true,
  userXmm: true,
  xmmNeedsPreciseIp: true,
  intrHonoursExcludeKernel: false,
  userInKernel: "drop-set",
  notCaptured: "narrower",
  initial: "narrower",
};

/** V8, 2026-05-29: user registers also while the kernel runs. */
export const V8: PerfInterface = {
  name: "V8",
  source: "20260529075645.580362, changelogs of V6 to V8; bodies not seen",
  inferred: "zeros for what is missing (the hook that cut the counts is gone), task-state (from the order of flag and save)",
  simd: true,
  snapshots: true,
  userXmm: true,
  xmmNeedsPreciseIp: false,
  intrHonoursExcludeKernel: true,
  userInKernel: "task-state",
  notCaptured: "zeros",
  initial: "zeros",
};

/**
 * V8 with what the review asked for and the record allows: a component in its initial configuration is its value,
 * zeros; one that was not captured makes the answer narrower, as Peter Zijlstra's design of the record has it.
 */
export const REVIEWED: PerfInterface = {
  ...V8,
  name: "reviewed",
  source: `${V8.source}; Peter Zijlstra, 2025-06-17 and 18 (lkml 2506.2/02824, 2506.2/04149)`,
  notCaptured: "narrower",
};

/** All of them, oldest rules first. */
export const PERF_INTERFACES: readonly PerfInterface[] = [MAINLINE_7_3, V2, V4, V8, REVIEWED];
