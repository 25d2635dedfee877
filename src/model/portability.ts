/** Portability over a fleet: verdicts, what all have in common, and which XCR0 would make a move possible. */

import { hasBit } from "../isa/feature-mask.ts";
import { acceptedXcr0, xcr0Violations } from "../runtime/control-registers.ts";
import { maskFamilies } from "../runtime/mask-families.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import type { Carrier } from "./carriers.ts";
import type { CpuModel } from "./cpu-model.ts";
import type { PortabilityReason, RestoreTarget, SavedState, StateSource } from "./portability-rules.ts";
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
   * `commonMxcsr`; null if none does. Null as a whole for an image, whose XCR0 nobody can choose any more.
   */
  readonly portableXcr0: { readonly asIs: bigint | null; readonly afterConversion: bigint | null } | null;
  /** What every CPU of the fleet, a source that is a CPU included, supports and XSETBV accepts. */
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

type Supported = Pick<CpuModel, "id" | "xcr0Supported" | "xssSupported">;

/** Judges a move to every target: of what one CPU can save, or of images that travel together (a core's threads). */
export function portability(
  saved: readonly [SavedState, ...SavedState[]],
  targets: readonly RestoreTarget[],
  carrier: Carrier,
): Portability {
  const [first] = saved;
  const verdicts = targets.map((target): TargetVerdict => {
    const reasons = distinct(saved.flatMap((state) => reasonsAgainst(state, target, carrier)));
    const { model, xcr0, xss } = target;
    return { id: model.id, verdict: verdictOf(reasons), enabledXcr0: xcr0, enabledXss: xss, reasons };
  });
  const mxcsr = saved.reduce((bits, state) => bits | state.mxcsr, 0) >>> 0;
  const commonMxcsr = targets.reduce((bits, { model }) => bits & model.quirks.mxcsrMask, mxcsr) >>> 0;
  const models = targets.map(({ model }) => model);
  return {
    from: first.source.id,
    to: models.map(({ id }) => id),
    carrier,
    verdict: VERDICTS[Math.max(0, ...verdicts.map(({ verdict }) => VERDICTS.indexOf(verdict)))] ?? "as-is",
    enabledXcr0: union(saved.map(({ xcr0 }) => xcr0)),
    enabledXss: union(saved.map(({ xss }) => xss)),
    mayUse: union(saved.map(({ mayUse }) => mayUse)),
    targets: verdicts,
    mxcsr,
    commonMxcsr,
    portableXcr0: isSupported(first.source) ? portableXcr0s({ ...first, mxcsr: commonMxcsr }, targets, carrier) : null,
    ...commonMasks(isSupported(first.source) ? [first.source, ...models] : models),
  };
}

function isSupported(source: StateSource): source is StateSource & Supported {
  return source.xcr0Supported !== undefined && source.xssSupported !== undefined;
}

/** Without those that several threads give. */
function distinct(reasons: readonly PortabilityReason[]): PortabilityReason[] {
  return [...new Map(reasons.map((reason) => [`${reason.component} ${reason.rule} ${reason.message}`, reason])).values()];
}

const union = (masks: readonly bigint[]): bigint => masks.reduce((all, mask) => all | mask, 0n);

function commonMasks(
  fleet: readonly Supported[],
): Pick<Portability, "commonSupportedXcr0" | "commonSupportedXss" | "shortfalls"> {
  const shared = (masks: readonly bigint[]): bigint => masks.reduce((all, mask) => all & mask);
  const xcr0s = fleet.map(({ xcr0Supported }) => xcr0Supported);
  const xsss = fleet.map(({ xssSupported }) => xssSupported);
  return {
    commonSupportedXcr0: acceptedXcr0(shared(xcr0s)),
    commonSupportedXss: shared(xsss),
    shortfalls: [...new Map(fleet.map((each) => [each.id, each])).values()]
      .map(({ id, xcr0Supported, xssSupported }) => ({
        id,
        xcr0: union(xcr0s) & ~xcr0Supported,
        xss: union(xsss) & ~xssSupported,
      }))
      .filter(({ xcr0, xss }) => (xcr0 | xss) !== 0n),
  };
}

function portableXcr0s(saved: SavedState, targets: readonly RestoreTarget[], carrier: Carrier): Portability["portableXcr0"] {
  return {
    asIs: portableXcr0(saved, targets, carrier, () => true),
    afterConversion: portableXcr0(saved, targets, carrier, ({ effect }) => effect === "lost"),
  };
}

/**
 * Leaves components out of XCR0, on both sides, until no reason that counts stands against the move. In the compacted
 * format a component that is shifted stays if the one that shifts it can go. Null where a reason is not about XCR0.
 */
function portableXcr0(
  saved: SavedState,
  targets: readonly RestoreTarget[],
  carrier: Carrier,
  counts: (reason: PortabilityReason) => boolean,
): bigint | null {
  let mask = saved.xcr0;
  for (;;) {
    const state = { ...saved, xcr0: mask, xss: 0n, mayUse: saved.mayUse & mask };
    const against = targets.flatMap((target) => {
      const xcr0 = acceptedXcr0(mask & target.model.xcr0Supported);
      const reasons = reasonsAgainst(state, { ...target, xcr0, xss: 0n }, carrier);
      return reasons.filter(counts).map((reason) => ({ reason, target }));
    });
    if (against.length === 0) return mask;
    const drop = against
      .map(({ reason, target }) => culprit(reason, saved.source, target.model, mask, carrier))
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
  from: LayoutSource,
  to: LayoutSource,
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
  return { source: model, xcr0, xss, mayUse: xcr0 | xss, mxcsr };
}
