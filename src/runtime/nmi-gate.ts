/**
 * The gate: a policy in front of the one XSAVES path. Masks are two 32-bit words, and a call allocates nothing.
 */

import { maskPair } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import { CompactedSizes } from "./compacted-size.ts";
import type { KernelContexts } from "./kernel-context.ts";
import { type CpuFeatures, type FilteredCpu, maskFamilies, type MaskFamilies } from "./mask-families.ts";
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
import { WARN_ALIGNMENT, WARN_MASK, WARN_NO_XSAVES, WARN_RESTORE_FAULT, WARN_SAVE_FAULT, WarningLog } from "./warning-log.ts";
import type { XsavesPath } from "./xsaves-path.ts";

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

/** What of a policy a call needs, in one word. Bits 0 and 1: has a save, a restore; 2: looks at alignment; 3: checks the size. */
function flagsOf(policy: Policy): number {
  return (
    (policy.saves ? 1 : 0) | (policy.restores ? 2 : 0) | (policy.alignment === "unchecked" ? 0 : 4) | (policy.checksSize ? 8 : 0)
  );
}

/** A policy bound to a CPU, its processors' contexts and a path. */
export class NmiGate {
  // `declare`: a field that the class defines is undefined first, and V8 then reads it with checks that cost
  // 5 ns a call, more than all else here.
  declare readonly policy: Policy;
  declare readonly families: MaskFamilies;
  declare readonly contexts: KernelContexts;
  declare readonly path: XsavesPath;
  declare readonly areaSize: number;
  declare readonly debug: boolean;
  declare readonly warnings: WarningLog;
  /** For `runXsaves`. */
  declare readonly words: PolicyWords;
  declare readonly sizes: CompactedSizes;
  declare readonly cutLow: number;
  declare readonly cutHigh: number;
  declare readonly flags: number;
  /** Vector of the latest exception of the instruction; 0 before the first. */
  declare lastVector: number;

  /** Throws RangeError for an area that has no room for the XSAVE header. */
  constructor(options: NmiGateOptions) {
    const { cpu, areaSize } = options;
    if (!Number.isInteger(areaSize) || areaSize < EXTENDED_REGION_OFFSET) {
      throw new RangeError(`"areaSize" expected an integer of at least ${EXTENDED_REGION_OFFSET}, got ${areaSize}`);
    }
    const policy = options.policy ?? XSAVES_NMI_WITH_STATUS;
    const families = maskFamilies(policy.kernel, cpu, options.cpuFeatures);
    const [independentLow, independentHigh] = maskPair(policy.independent(families));
    const [taskLow, taskHigh] = maskPair(families.allTask);
    const [cutLow, cutHigh] = policy.cut ? maskPair(policy.cut(families)) : [-1, -1];
    this.policy = policy;
    this.families = families;
    this.contexts = options.contexts;
    this.path = options.path;
    this.areaSize = areaSize;
    this.debug = options.build === "debug";
    this.warnings = new WarningLog();
    this.lastVector = 0;
    this.words = {
      independentLow: independentLow | 0,
      independentHigh: independentHigh | 0,
      taskLow: taskLow | 0,
      taskHigh: taskHigh | 0,
      xsaves: families.xsaves,
    };
    this.cutLow = cutLow | 0;
    this.cutHigh = cutHigh | 0;
    this.flags = flagsOf(policy);
    this.sizes = new CompactedSizes(cpu.components, options.enabled ?? cpu.xcr0Supported | cpu.xssSupported);
  }

  /** Saves through the policy; returns a status. `lifted` is the flag of a policy that has such a parameter. */
  save(processor: number, offset: number, maskLow: number, maskHigh: number, lifted = false): number {
    return runXsaves(this, true, processor, offset, maskLow, maskHigh, lifted);
  }

  /** Restores through the policy; returns a status. */
  restore(processor: number, offset: number, maskLow: number, maskHigh: number): number {
    return runXsaves(this, false, processor, offset, maskLow, maskHigh, false);
  }
}

/**
 * The one way to the instruction: cut the mask, ask the rule, check the area, run, report. The status is always
 * returned, also where the modelled function is void: `policy.visibleToCaller` says what its caller learns.
 *
 * On the way that saves, numbers stand for SAVED, the bits of `flagsOf` and the alignment: a constant of a module is
 * a load with a check each time, and a dozen of them cost as much as the gate.
 */
export function runXsaves(
  gate: NmiGate,
  save: boolean,
  processor: number,
  offset: number,
  maskLow: number,
  maskHigh: number,
  lifted: boolean,
): number {
  const { flags } = gate;
  if ((flags & (save ? 1 : 2)) === 0) return NOT_OFFERED;
  const low = (maskLow & gate.cutLow) >>> 0;
  const high = (maskHigh & gate.cutHigh) >>> 0;
  let status = gate.policy.decide(gate.words, save, gate.contexts.inNmi(processor), low, high, gate.debug, lifted);
  // `&`, as `%` costs as much as the gate; an offset that is no integer is the path's to refuse.
  if (status === 0 && (flags & 4) !== 0 && (offset & 63) !== 0) {
    if (gate.policy.alignment === "refused") status = REFUSED_ALIGNMENT;
    else gate.warnings.warn(WARN_ALIGNMENT);
  }
  if (status === 0 && (flags & 8) !== 0 && gate.sizes.sizeOf(low, high) > gate.areaSize) status = REFUSED_SIZE;
  if (status !== 0) return refuse(gate, save, offset, status);
  const vector = save ? gate.path.save(processor, offset, low, high) : gate.path.restore(processor, offset, low, high);
  return vector === 0 ? 0 : reportFault(gate, save, offset, vector);
}

function refuse(gate: NmiGate, save: boolean, offset: number, status: number): number {
  if (gate.policy.onRefusal === "warn-once") {
    if (status === REFUSED_MASK) gate.warnings.warnOnce(WARN_MASK);
    else if (status === REFUSED_NO_XSAVES) gate.warnings.warnOnce(WARN_NO_XSAVES);
  }
  if (save && gate.policy.clearsXstateBv) gate.path.clearXstateBv(offset);
  return status;
}

function reportFault(gate: NmiGate, save: boolean, offset: number, vector: number): number {
  gate.lastVector = vector;
  const { onFault } = gate.policy;
  if (onFault === "warn-once" || (onFault === "warn-once-in-debug" && gate.debug)) {
    gate.warnings.warnOnce(save ? WARN_SAVE_FAULT : WARN_RESTORE_FAULT);
  }
  // An area that faulted holds the previous sample, and is as misleading as a refused one.
  if (save && gate.policy.clearsXstateBv) gate.path.clearXstateBv(offset);
  return FAULTED;
}
