/** The checks of a restore as integer expressions: each is 0 where the area passes. One expression per word of a field. */

import { maskPair } from "../isa/feature-mask.ts";
import { XCOMP_BV_OFFSET } from "../isa/xsave-area.ts";
import { XCR0_OFFSET, XFD_OFFSET, XSS_OFFSET } from "../runtime/register-slots.ts";
import type { PlacedContentCheck } from "../runtime/restore-plan.ts";
import type { FieldCheck } from "../runtime/restore-checks.ts";
import type { RestoreSpec } from "./restore-spec.ts";

/** Signed 32-bit words of a mask. */
export function words(mask: bigint): readonly [low: number, high: number] {
  const [low, high] = maskPair(BigInt.asUintN(64, mask));
  return [low | 0, high | 0];
}

/**
 * All tests of a restore in the names of its body: `Q` areas and `R` registers as dwords, `w` and `f` where area and
 * block start, `low` and `high` RFBM & XSTATE_BV. The first two compare XCOMP_BV with the one that the routine is laid
 * out for; that RFBM is enabled is the binding's business.
 */
export function restoreTests(spec: RestoreSpec): string[] {
  const { plan } = spec;
  const comp = words(plan.xcompBv);
  const tests = [0, 1].map((half) => exclusiveOr(`Q[w + ${(XCOMP_BV_OFFSET >> 2) + half}]!`, comp[half] ?? 0));
  for (const check of plan.checks) tests.push(...fieldTests(spec, check));
  tests.push(...contentTests(plan.contents));
  return tests;
}

/** One test per dword that has bits which a component's contents may not have. */
function contentTests(contents: readonly PlacedContentCheck[]): string[] {
  const dwords = new Map<string, number>();
  for (const { component, where, at, bits, evenInitial } of contents) {
    const value = where === "area" ? `Q[${plus("w", at >> 2)}]!` : `R[${plus("f", at >> 2)}]!`;
    const key = evenInitial ? value : `${loaded(component)} & ${value}`;
    dwords.set(key, (dwords.get(key) ?? 0) | (bits << (8 * (at & 3))));
  }
  return [...dwords].map(([dword, bits]) => `(${dword} & ${bits})`);
}

/** All ones where a component is loaded, else 0. */
function loaded(component: number): string {
  return `-((${component < 32 ? "low" : "high"} >>> ${component % 32}) & 1)`;
}

function fieldTests({ plan, families }: RestoreSpec, check: FieldCheck): string[] {
  if (check.applies === "sse-or-avx" && (plan.rfbm & 6n) === 0n) return [];
  if (check.applies === "sse-loaded" && (plan.rfbm & plan.xcompBv & 2n) === 0n) return [];
  const out: string[] = [];
  // Nothing of the upper word is loaded where RFBM has none of it; the body has no name for it then.
  const halves = check.applies === "loaded" && plan.rfbm >> 32n === 0n ? 1 : check.bytes / 4;
  for (let half = 0; half < halves; half++) {
    const value = check.offset === XCOMP_BV_OFFSET ? (words(plan.xcompBv)[half] ?? 0) : fieldWord(check, half);
    const test = bitsOutside(value, allowedWord(plan.rfbm, plan.xcompBv, families.includes("XRSTOR"), check, half));
    if (test !== undefined) out.push(check.applies === "sse-loaded" ? `(${test} & ${loaded(1)})` : test);
  }
  return out;
}

/** A word of the field that is looked at; of the loaded components only where the check is about those. */
function fieldWord(check: FieldCheck, half: number): string {
  if (check.applies === "loaded") return half === 0 ? "low" : "high";
  return `Q[w + ${(check.offset >> 2) + half}]!`;
}

/** The allowed bits: a constant, or an expression and the bits that are allowed whatever it says. */
type AllowedWord = number | { readonly expression: string; readonly anyway: number };

function allowedWord(rfbm: bigint, xcompBv: bigint, user: boolean, { allowed }: FieldCheck, half: number): AllowedWord {
  const register = (offset: number): string => `R[f + ${(offset >> 2) + half}]!`;
  if (typeof allowed === "bigint") return words(allowed)[half] ?? 0;
  switch (allowed) {
    case "XCR0":
      return { expression: register(XCR0_OFFSET), anyway: 0 };
    case "enabled":
      // Bound only where RFBM is enabled; bit 63 names the format.
      return {
        expression: user ? register(XCR0_OFFSET) : `(${register(XCR0_OFFSET)} | ${register(XSS_OFFSET)})`,
        anyway: words(rfbm | (1n << 63n))[half] ?? 0,
      };
    case "laid-out":
      return words(BigInt.asUintN(63, xcompBv))[half] ?? 0;
    case "not-disabled":
      return { expression: `~${register(XFD_OFFSET)}`, anyway: 0 };
    case "mxcsr-mask":
      return { expression: "mxcsrMask", anyway: 0 };
  }
}

/** The bits of a value that are not allowed, as an expression; undefined where that is always 0. */
function bitsOutside(value: string | number, allowed: AllowedWord): string | undefined {
  if (typeof allowed === "number") {
    if (typeof value === "number") {
      if ((value & ~allowed) !== 0) throw new Error(`an XCOMP_BV with word ${value} is always refused`);
      return undefined;
    }
    return allowed === 0 ? value : allowed === -1 ? undefined : `(${value} & ${~allowed})`;
  }
  const kept = typeof value === "number" ? value & ~allowed.anyway : value;
  if (kept === 0) return undefined;
  const negated = allowed.expression.startsWith("~") ? allowed.expression.slice(1) : `~${allowed.expression}`;
  return `(${kept} & ${negated})`;
}

function exclusiveOr(value: string, constant: number): string {
  return constant === 0 ? value : `(${value} ^ ${constant})`;
}

/** `base + 8`, or `base` alone. */
export function plus(base: string, amount: number): string {
  return amount === 0 ? base : `${base} + ${amount}`;
}
