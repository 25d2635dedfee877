/** A move's verdict as text and as data for JSON. */

import type { LayoutChoice } from "../image/layout-choice.ts";
import { maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { Portability, TargetVerdict } from "../model/portability.ts";
import type { PortabilityReason } from "../model/portability-rules.ts";
import { textTable } from "./text-table.ts";

/** A reason in JSON. */
export interface ReasonData {
  /** Id of the target. */
  readonly to: string;
  /** Index; null where it is about the area as a whole. */
  readonly component: number | null;
  readonly name: string | null;
  readonly rule: string;
  /** `convert` or `lost`. */
  readonly effect: string;
  readonly message: string;
  readonly remedy: string;
}

/** Where an image came from, and how its layout was found. */
export interface ImageOrigin {
  readonly container: { readonly kind: string; readonly description: string; readonly threads: readonly unknown[] };
  readonly layout: LayoutChoice | undefined;
}

/** What `portable --json` prints; masks are `"0x..."`. */
export interface PortabilityData {
  /** Null for a CPU. */
  readonly image: {
    readonly container: string;
    readonly threads: number;
    readonly layout: {
      readonly source: string;
      readonly map: string;
      readonly certainty: string;
      readonly sharedBy: readonly string[];
      readonly warnings: readonly string[];
    } | null;
  } | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly carrier: string;
  readonly verdict: string;
  readonly enabledXcr0: string;
  readonly enabledXss: string;
  readonly mayUse: string;
  /** Of all targets, in their order. */
  readonly reasons: readonly ReasonData[];
  readonly targets: readonly {
    readonly id: string;
    readonly verdict: string;
    readonly enabledXcr0: string;
    readonly enabledXss: string;
  }[];
  /** Null for an image. */
  readonly portableXcr0: { readonly asIs: string | null; readonly afterConversion: string | null } | null;
  readonly commonMxcsr: string;
  readonly commonSupportedXcr0: string;
  readonly commonSupportedXss: string;
  readonly shortfalls: readonly { readonly id: string; readonly xcr0: string; readonly xss: string }[];
}

const nameOf = (component: number | null): string | null => (component === null ? null : componentName(component));

/** The result for `portable --json`. */
export function portabilityData(result: Portability, image?: ImageOrigin): PortabilityData {
  const hexOrNull = (mask: bigint | null): string | null => (mask === null ? null : maskHex(mask));
  const reasonData = (to: string, { component, rule, effect, message, remedy }: PortabilityReason): ReasonData => ({
    to,
    component,
    name: nameOf(component),
    rule,
    effect,
    message,
    remedy,
  });
  return {
    image: image ? imageData(image) : null,
    from: result.from,
    to: result.to,
    carrier: result.carrier.name,
    verdict: result.verdict,
    enabledXcr0: maskHex(result.enabledXcr0),
    enabledXss: maskHex(result.enabledXss),
    mayUse: maskHex(result.mayUse),
    reasons: result.targets.flatMap(({ id, reasons }) => reasons.map((reason) => reasonData(id, reason))),
    targets: result.targets.map(({ id, verdict, enabledXcr0, enabledXss }) => ({
      id,
      verdict,
      enabledXcr0: maskHex(enabledXcr0),
      enabledXss: maskHex(enabledXss),
    })),
    portableXcr0: result.portableXcr0 && {
      asIs: hexOrNull(result.portableXcr0.asIs),
      afterConversion: hexOrNull(result.portableXcr0.afterConversion),
    },
    commonMxcsr: maskHex(BigInt(result.commonMxcsr)),
    commonSupportedXcr0: maskHex(result.commonSupportedXcr0),
    commonSupportedXss: maskHex(result.commonSupportedXss),
    shortfalls: result.shortfalls.map(({ id, xcr0, xss }) => ({ id, xcr0: maskHex(xcr0), xss: maskHex(xss) })),
  };
}

function imageData({ container, layout }: ImageOrigin): PortabilityData["image"] {
  const { kind, threads } = container;
  if (!layout) return { container: kind, threads: threads.length, layout: null };
  const { source, map, certainty, sharedBy, warnings } = layout;
  const data = { source, map, certainty, sharedBy, warnings: warnings.map(({ message }) => message) };
  return { container: kind, threads: threads.length, layout: data };
}

/** Lines about an image. */
function imageLines({ container, layout }: ImageOrigin): string[] {
  const { description, threads } = container;
  const lines = [`image    ${description}, ${threads.length} thread${threads.length === 1 ? "" : "s"}`];
  if (!layout) return lines;
  const { source, map, certainty, warnings } = layout;
  return [...lines, `layout   ${map} (${source}, ${certainty})`, ...warnings.map(({ message }) => `warning  ${message}`)];
}

const VERDICT_WORDS = { "as-is": "as it is", "after-conversion": "after conversion", no: "no" } as const;

/** The result for a terminal. */
export function portabilityText(result: Portability, image?: ImageOrigin): string {
  const { from, carrier, enabledXcr0, enabledXss, mayUse, targets } = result;
  const enabled = enabledXcr0 | enabledXss;
  const lines = [
    `from     ${from}, XCR0 ${maskWithNames(enabledXcr0)}${enabledXss === 0n ? "" : `, IA32_XSS ${maskWithNames(enabledXss)}`}`,
    ...(image ? imageLines(image) : []),
    ...(mayUse === enabled ? [] : [`in use   ${maskWithNames(mayUse)}`]),
    `carrier  ${carrier.name}: ${carrier.title}, ${carrier.path}`,
    ...targets.flatMap(targetLines),
    "",
    ...recommendation(result),
    `all support  XCR0 ${maskHex(result.commonSupportedXcr0)}, IA32_XSS ${maskHex(result.commonSupportedXss)}`,
    ...result.shortfalls.map(({ id, xcr0, xss }) => `  ${id} lacks ${maskWithNames(xcr0 | xss)}`),
  ];
  return lines.join("\n");
}

function targetLines({ id, verdict, enabledXcr0, enabledXss, reasons }: TargetVerdict): string[] {
  const masks = `XCR0 ${maskHex(enabledXcr0)}${enabledXss === 0n ? "" : `, IA32_XSS ${maskHex(enabledXss)}`}`;
  const head = `to ${id}, ${masks}: ${VERDICT_WORDS[verdict]}`;
  if (reasons.length === 0) return ["", head];
  const rows = reasons.map(({ component, rule, message }) => [
    component === null ? "-" : String(component),
    nameOf(component) ?? "whole area",
    rule,
    message,
  ]);
  const remedies = [...new Set(reasons.map(({ remedy }) => remedy))].map((remedy) => `  remedy: ${remedy}`);
  return ["", head, textTable(["n", "component", "rule", ""], rows, ["right"]), ...remedies];
}

function recommendation({ portableXcr0, enabledXcr0, mxcsr, commonMxcsr }: Portability): string[] {
  if (!portableXcr0) return [];
  const { asIs, afterConversion } = portableXcr0;
  const condition = mxcsr === commonMxcsr ? "" : `, if MXCSR keeps to ${maskHex(BigInt(commonMxcsr))}`;
  const say = (mask: bigint | null, how: string): string[] => {
    if (mask === null) return [`no XCR0 moves ${how}: what stands against it is not about XCR0`];
    return mask === enabledXcr0 && condition === ""
      ? []
      : [`moves ${how} with XCR0 ${maskWithNames(mask)} enabled on both sides${condition}`];
  };
  return [...say(asIs, "as it is"), ...(afterConversion === asIs ? [] : say(afterConversion, "after conversion"))];
}
