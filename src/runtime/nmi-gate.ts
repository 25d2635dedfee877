/**
 * The gate: a policy in front of the one XSAVES path. Masks are two 32-bit words, and a call allocates nothing.
 */

import { maskOf, maskOfBits, maskPair } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import { areaLayout } from "../layout/area-layout.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import { AreaError } from "./arena.ts";
import { BoundByMask } from "./bound-by-mask.ts";
import type { KernelContexts } from "./kernel-context.ts";
import type { CpuFeatures, FilteredCpu } from "./mask-families.ts";
import {
  type Build,
  FAULTED,
  NOT_OFFERED,
  type Policy,
  type PolicyWords,
  REFUSED_ALIGNMENT,
  REFUSED_MASK,
  REFUSED_NO_XSAVES,
  REFUSED_SIZE,
} from "./policies/policy.ts";
import { XSAVES_NMI_WITH_STATUS } from "./policies/xsaves-nmi-with-status.ts";
import { type GatedRun, guarded } from "./run-guard.ts";
import { WARN_ALIGNMENT, WARN_MASK, WARN_NO_XSAVES, WARN_RESTORE_FAULT, WARN_SAVE_FAULT, WarningLog } from "./warning-log.ts";
import type { XsavesPath } from "./xsaves-path.ts";

const GENERAL_PROTECTION = 13;

/** For a policy that looks at no mask. */
const NO_WORDS: PolicyWords = { independentLow: 0, independentHigh: 0, taskLow: 0, taskHigh: 0, xsaves: false };

/** What a gate stands on. */
export interface NmiGateOptions {
  /** `XSAVES_NMI_WITH_STATUS` if absent. */
  readonly policy?: Policy;
  readonly cpu: FilteredCpu & LayoutSource;
  /** CPU features that leaf 0DH does not show. */
  readonly cpuFeatures?: CpuFeatures;
  readonly contexts: KernelContexts;
  readonly path: XsavesPath;
  /** Bytes that every area given to the gate has, at least 576. */
  readonly areaSize: number;
  /** XCR0 | IA32_XSS of the processors, for the size check; everything supported if absent, which is never too little. */
  readonly enabled?: bigint;
  /** `production` if absent. */
  readonly build?: Build;
}

/** A policy bound to a CPU, its processors' contexts and a path. */
export class NmiGate {
  readonly policy: Policy;
  /** The masks that the policy compares with; undefined if it looks at none. */
  readonly words: PolicyWords | undefined;
  readonly contexts: KernelContexts;
  readonly path: XsavesPath;
  readonly areaSize: number;
  readonly build: Build;
  readonly warnings: WarningLog;
  /** Vector of the latest exception of the instruction; 0 before the first. */
  lastVector: number;
  // `declare`: a field that the class defines is undefined first, and V8 then reads it with checks that cost
  // 5 ns a call, more than all else here.
  declare private readonly saves: BoundByMask<GatedRun>;
  declare private readonly liftedSaves: BoundByMask<GatedRun>;
  declare private readonly restores: BoundByMask<GatedRun>;

  /** Throws RangeError for an area that has no room for the XSAVE header, TypeError for what is no policy. */
  constructor(options: NmiGateOptions) {
    const { cpu, areaSize } = options;
    if (!Number.isInteger(areaSize) || areaSize < EXTENDED_REGION_OFFSET) {
      throw new RangeError(`"areaSize" expected an integer of at least ${EXTENDED_REGION_OFFSET}, got ${areaSize}`);
    }
    this.policy = options.policy ?? XSAVES_NMI_WITH_STATUS;
    if (typeof this.policy.decide !== "function")
      throw new TypeError(`"policy" expected one of POLICIES, got ${String(this.policy)}`);
    this.words = this.policy.words?.(cpu, options.cpuFeatures);
    this.contexts = options.contexts;
    this.path = options.path;
    this.areaSize = areaSize;
    this.build = options.build ?? "production";
    this.warnings = new WarningLog();
    this.lastVector = 0;
    // What has no row of leaf 0DH takes no room.
    const placed = maskOfBits([0, 1, ...cpu.components.map(({ index }) => index)]);
    const enabled = (options.enabled ?? cpu.xcr0Supported | cpu.xssSupported) & placed;
    const fits = (mask: bigint): boolean => areaLayout(cpu, mask & enabled, "compacted").size <= areaSize;
    const bind = (save: boolean, lifted: boolean): BoundByMask<GatedRun> =>
      new BoundByMask((low, high) => bindGated(this, { save, lifted, mask: maskOf(low, high), fits }));
    this.saves = bind(true, false);
    this.liftedSaves = bind(true, true);
    this.restores = bind(false, false);
  }

  /**
   * Saves through the policy; returns a status. Throws StaleBindingError once XCR0 or IA32_XSS give the mask another RFBM
   * than when it was bound: a new path and gate are needed then. `lifted` is the flag of a policy that has such a
   * parameter.
   */
  save(processor: number, offset: number, maskLow: number, maskHigh: number, lifted = false): number {
    return (lifted ? this.liftedSaves : this.saves).get(maskLow, maskHigh)(processor, offset);
  }

  /** Restores through the policy; returns a status. */
  restore(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    return this.restores.get(maskLow, maskHigh)(processor, offset);
  }

  /**
   * What `save` runs for a mask. Who has few masks keeps it: the mask need not be looked up, and a call site of its own lets
   * V8 inline the gate.
   */
  boundSave(maskLow: number, maskHigh: number, lifted = false): GatedRun {
    return (lifted ? this.liftedSaves : this.saves).get(maskLow, maskHigh);
  }

  /** What `restore` runs for a mask. */
  boundRestore(maskLow: number, maskHigh: number): GatedRun {
    return this.restores.get(maskLow, maskHigh);
  }
}

/** What to bind. */
interface GatedRequest {
  readonly save: boolean;
  readonly lifted: boolean;
  /** EDX:EAX as the caller gives it. */
  readonly mask: bigint;
  readonly fits: (mask: bigint) => boolean;
}

/**
 * The one way to the instruction: cut the mask, ask the rule, check the area, run, report. All that depends on the mask
 * alone is decided when binding: what the rule says in an NMI and outside one, the size, and the save. The status is
 * always returned, also where the modelled function is void: `policy.visibleToCaller` says what its caller learns.
 */
function bindGated(gate: NmiGate, { save, lifted, mask, fits }: GatedRequest): GatedRun {
  const { policy, path, words = NO_WORDS } = gate;
  if (!(save ? policy.saves : policy.restores)) return () => NOT_OFFERED;
  const cut = policy.cutsToIndependent === true ? maskOf(words.independentLow, words.independentHigh) : mask;
  const [low, high] = maskPair(mask & cut);
  const debug = gate.build === "debug";
  const tooLarge = policy.checksSize && !fits(maskOf(low, high));
  const decide = (inNmi: boolean): number =>
    policy.decide(words, save, inNmi, low, high, debug, lifted) || (tooLarge ? REFUSED_SIZE : 0);
  const inside = decide(true);
  const outside = decide(false);
  const alignment = policy.alignment === "unchecked" ? 0 : 63;
  const refuse = (offset: number, status: number): number => {
    if (policy.onRefusal === "warn-once") {
      if (status === REFUSED_MASK) gate.warnings.warnOnce(WARN_MASK);
      else if (status === REFUSED_NO_XSAVES) gate.warnings.warnOnce(WARN_NO_XSAVES);
    }
    if (save && policy.clearsXstateBv) path.clearXstateBv(offset);
    return status;
  };
  const fault = (offset: number, problem: unknown): number => {
    // An area that faulted holds the previous sample, and is as misleading as a refused one; also where a binding is stale.
    if (save && policy.clearsXstateBv) path.clearXstateBv(offset);
    gate.lastVector = vectorOf(problem);
    if (policy.onFault === "warn-once" || (policy.onFault === "warn-once-in-debug" && debug)) {
      gate.warnings.warnOnce(save ? WARN_SAVE_FAULT : WARN_RESTORE_FAULT);
    }
    return FAULTED;
  };
  /** What is said where not all is well; 0: the instruction runs all the same. */
  const judge = (offset: number, status: number): number => {
    if ((offset & alignment) === 0 || (status !== 0 && status !== REFUSED_SIZE)) return refuse(offset, status);
    if (policy.alignment === "refused") return refuse(offset, REFUSED_ALIGNMENT);
    gate.warnings.warn(WARN_ALIGNMENT);
    return status === 0 ? 0 : refuse(offset, status);
  };
  const guard = { counts: gate.contexts.counts, outside, inside, alignment, judge, fault };
  if (inside !== 0 && outside !== 0) return guarded(guard, neverRun);
  return save ? path.bindSave(low, high, guard) : path.bindRestore(low, high, guard);
}

/** The vector that a path returned or that its error stands for; throws what stands for none. */
function vectorOf(problem: unknown): number {
  if (typeof problem === "number") return problem;
  if (problem instanceof AreaError) return GENERAL_PROTECTION;
  throw problem;
}

function neverRun(): never {
  throw new Error("a refused mask ran");
}
