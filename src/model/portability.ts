/** Portability over a fleet: verdicts, what all have in common, and which XCR0 would make a move possible. */

import { hasBit } from "../isa/feature-mask.ts";
import { acceptedXcr0, xcr0Violations } from "../runtime/control-registers.ts";
import { maskFamilies } from "../runtime/mask-families.ts";
import type { Carrier } from "./carriers.ts";
import type { CpuModel } from "./cpu-model.ts";
import type { PortabilityReason, RestoreTarget, SavedState } from "./portability-rules.ts";
import { reasonsAgainst } from "./portability-rules.ts";

/** From best to worst. */
export const VERDICTS = ["as-is", "after-conversion", "no"] as const;
/** `as-is`: every such image restores. `after-conversion`: it does once re-laid. `no`: state can be lost. */
export type Verdict = (typeof VERDICTS)[number];

/** The verdict for one target. */
export interface TargetVerdict {
  readonly id: string;
  readonly verdict: Verdict;
  readonly enabledXcr0: bigint;
  readonly enabledXss: bigint;
  readonly reasons: readonly PortabilityReason[];
}

/** What a CPU lacks of what others of the fleet have. */
export interface Shortfall {
  readonly id: string;
  readonly xcr0: bigint;
  readonly xss: bigint;
}

/** What `portable` finds out. */
export interface Portability {
  readonly from: string;
  readonly to: readonly string[];
  readonly carrier: Carrier;
  /** The worst of all targets. */
  readonly verdict: Verdict;
  /** Of the saved state. */
  readonly enabledXcr0: bigint;
  readonly enabledXss: bigint;
  /** Components that can be in use in it. */
  readonly mayUse: bigint;
  readonly targets: readonly TargetVerdict[];
  /** MXCSR bits that the saved state can have, and those of them that every target accepts. */
  readonly mxcsr: number;
  readonly commonMxcsr: number;
  /**
   * A largest XCR0, within the saved one, that moves to every target if both sides enable just that and MXCSR keeps to
   * `commonMxcsr`; null if none does.
   */
  readonly portableXcr0: { readonly asIs: bigint | null; readonly afterConversion: bigint | null };
  /** What every CPU of the fleet, the source included, supports and XSETBV accepts. */
  readonly commonSupportedXcr0: bigint;
  readonly commonSupportedXss: bigint;
  /** CPUs that lack something of the union, in the order given. */
  readonly shortfalls: readonly Shortfall[];
}

/** The verdict that reasons amount to. */
export function verdictOf(reasons: readonly PortabilityReason[]): Verdict {
  if (reasons.some(({ effect }) => effect === "lost")) return "no";
  return reasons.length > 0 ? "after-conversion" : "as-is";
}

/** Judges a move of `saved` to every target. */
export function portability(saved: SavedState, targets: readonly RestoreTarget[], carrier: Carrier): Portability {
  const verdicts = targets.map((target): TargetVerdict => {
    const reasons = reasonsAgainst(saved, target, carrier);
    const { model, xcr0, xss } = target;
    return { id: model.id, verdict: verdictOf(reasons), enabledXcr0: xcr0, enabledXss: xss, reasons };
  });
  const fleet = [saved.model, ...targets.map(({ model }) => model)];
  const all = (pick: (model: CpuModel) => bigint): bigint => fleet.map(pick).reduce((mask, each) => mask & each);
  const union = (pick: (model: CpuModel) => bigint): bigint => fleet.map(pick).reduce((mask, each) => mask | each);
  const xcr0 = union(({ xcr0Supported }) => xcr0Supported);
  const xss = union(({ xssSupported }) => xssSupported);
  const commonMxcsr = targets.reduce((bits, { model }) => bits & model.quirks.mxcsrMask, saved.mxcsr);
  const narrowed = { ...saved, mxcsr: commonMxcsr };
  return {
    from: saved.model.id,
    to: targets.map(({ model }) => model.id),
    carrier,
    verdict: VERDICTS[Math.max(0, ...verdicts.map(({ verdict }) => VERDICTS.indexOf(verdict)))] ?? "as-is",
    enabledXcr0: saved.xcr0,
    enabledXss: saved.xss,
    mayUse: saved.mayUse,
    targets: verdicts,
    mxcsr: saved.mxcsr,
    commonMxcsr,
    portableXcr0: {
      asIs: portableXcr0(narrowed, targets, carrier, (reasons) => reasons),
      afterConversion: portableXcr0(narrowed, targets, carrier, (reasons) => reasons.filter(({ effect }) => effect === "lost")),
    },
    commonSupportedXcr0: acceptedXcr0(all(({ xcr0Supported }) => xcr0Supported)),
    commonSupportedXss: all(({ xssSupported }) => xssSupported),
    shortfalls: fleet
      .map(({ id, xcr0Supported, xssSupported }) => ({ id, xcr0: xcr0 & ~xcr0Supported, xss: xss & ~xssSupported }))
      .filter((each, at, list) => (each.xcr0 | each.xss) !== 0n && list.findIndex(({ id }) => id === each.id) === at),
  };
}

/**
 * Leaves components out of XCR0, on both sides, until nothing that counts stands against the move. In the compacted
 * format a component that is shifted stays if the one that shifts it can go. Null where a reason is not about XCR0.
 */
function portableXcr0(
  saved: SavedState,
  targets: readonly RestoreTarget[],
  carrier: Carrier,
  counting: (reasons: readonly PortabilityReason[]) => readonly PortabilityReason[],
): bigint | null {
  let mask = saved.xcr0;
  for (;;) {
    const state = { ...saved, xcr0: mask, xss: 0n, mayUse: saved.mayUse & mask };
    const against = targets.flatMap((target) => {
      const xcr0 = acceptedXcr0(mask & target.model.xcr0Supported);
      return counting(reasonsAgainst(state, { ...target, xcr0, xss: 0n }, carrier)).map((reason) => ({ reason, target }));
    });
    if (against.length === 0) return mask;
    const drop = against
      .map(({ reason, target }) => culprit(reason, saved.model, target.model, mask, carrier))
      .filter((index) => index !== undefined);
    if (drop.length === 0) return null;
    const smaller = acceptedXcr0(mask & ~(1n << BigInt(Math.min(...drop))));
    if (smaller === mask) return null;
    mask = smaller;
  }
}

/** The component to leave out because of a reason. */
function culprit(
  { component, rule }: PortabilityReason,
  from: CpuModel,
  to: CpuModel,
  mask: bigint,
  carrier: Carrier,
): number | undefined {
  if (component === null) return undefined;
  if (carrier.format === "compacted" && rule === "offset") {
    for (const row of from.components) {
      const other = to.components.find(({ index }) => index === row.index);
      const differs = other !== undefined && (row.size !== other.size || row.align64 !== other.align64);
      if (differs && row.index < component && hasBit(mask, row.index)) return row.index;
    }
  }
  return component < 2 ? undefined : component;
}

/**
 * What an operating system has enabled where nobody says: all that is supported or, for what Linux moves, what Linux
 * 7.3 puts into XCR0. Zen 2 enumerates PKRU with 64 bytes but lacks CPUID.7.0:ECX[3] (PKU), so that Linux drops it.
 */
export function defaultXcr0(model: CpuModel, carrier: Carrier): bigint {
  if (!carrier.linux) return acceptedXcr0(model.xcr0Supported);
  const pku = model.components.some(({ index, size }) => index === 9 && size === 8);
  return acceptedXcr0(maskFamilies("7.3", model, { pku, ospke: pku }).userFeatures);
}

/** All images that `model` can save. Throws RangeError with every reason where XSETBV refuses `xcr0` on it. */
export function savedBy(model: CpuModel, xcr0: bigint, xss: bigint, mxcsr: number = model.quirks.mxcsrMask): SavedState {
  const violations = xcr0Violations(model, xcr0);
  if (violations.length > 0) throw new RangeError(violations.map(({ message }) => message).join("; "));
  return { model, xcr0, xss, mayUse: xcr0 | xss, mxcsr };
}
