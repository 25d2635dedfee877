/** An image for another CPU or in another form, or every reason why not. */

import { bitsOf, maskWithNames } from "../isa/feature-mask.ts";
import { componentName, stateComponent } from "../isa/state-component.ts";
import { INITIAL_MXCSR, MXCSR_MASK_OFFSET } from "../isa/xsave-area.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { refusedContents } from "./refused-contents.ts";
import { decodeImage, type DecodedImage } from "./decode-image.ts";
import { encodeImage, fits } from "./encode-image.ts";
import { canBeLeftOut, type ComponentState, componentsOf, inUseOf, mxcsrOf, type RegisterState } from "./register-state.ts";
import type { ImageForm, XsaveImage } from "./xsave-image.ts";

/** Where an image shall be restored. */
export interface ConvertTarget {
  readonly cpu: ProcessorDescription;
  readonly form: ImageForm;
  /**
   * XCR0 and IA32_XSS there: the area gets room for these components, as the instruction running there would
   * lay it out. Absent: for the source's components that the CPU supports.
   */
  readonly xcr0?: bigint;
  readonly xss?: bigint;
}

/** What may be left behind. */
export interface ConvertOptions {
  /** Components that XSTATE_BV has although they hold the initial configuration: nothing is lost. */
  readonly dropInit?: boolean;
  /** Components whose contents may be lost: they will be in init. */
  readonly allowDrop?: ReadonlySet<number>;
  /**
   * False: of a `compacted-without-legacy` result only `bytes` are kept, `legacy` is not, so that what x87 and SSE hold is
   * refused unless it may be dropped. Default true.
   */
  readonly keepsLegacy?: boolean;
}

/** One reason against a conversion; rules that `portable` has too have its names. */
export interface ConvertReason {
  readonly rule:
    | "missing"
    | "no-legacy"
    | "not-enabled"
    | "supervisor"
    | "size"
    | "overlap"
    | "no-place-known"
    | "no-compaction"
    | "mxcsr-bits"
    | "supervisor-contents";
  /** Undefined: about the area as a whole. */
  readonly component: number | undefined;
  /** The component's registers hold the initial configuration, so that nothing is lost without it. */
  readonly initial: boolean;
  readonly message: string;
  readonly remedy: string;
}

/** A component that the result does not have although XSTATE_BV of the source did. */
export interface DroppedComponent {
  readonly component: number;
  /** Nothing was lost. */
  readonly initial: boolean;
}

/** The converted image, or why there is none. */
export type Conversion =
  | { readonly image: XsaveImage; readonly dropped: readonly DroppedComponent[]; readonly reasons: readonly [] }
  | { readonly image?: undefined; readonly dropped: readonly []; readonly reasons: readonly ConvertReason[] };

const MPX = 0x18n;
const APX = 19;

/**
 * Re-lays an image for `target`. Components in init (XSTATE_BV[i] = 0) need no room there. What is in use must be
 * supported and enabled, have a place in the form, and fit; otherwise the conversion is refused with all reasons at once, unless
 * the options allow to leave the component behind. A result restores without a fault on the target: the header is that of
 * its form, XSTATE_BV is within XCR0 (and IA32_XSS), MXCSR within the CPU's mask. MXCSR_MASK becomes the target's.
 * Throws ImageError for an image that cannot be read.
 */
export function convertImage(image: XsaveImage, target: ConvertTarget, options: ConvertOptions = {}): Conversion {
  const decoded = decodeImage(image);
  const reasons: ConvertReason[] = [];
  const dropped: DroppedComponent[] = [];
  const judge = (
    index: number,
    component: ComponentState | undefined,
    reason: Pick<ConvertReason, "rule" | "message"> | undefined,
  ): void => {
    if (!reason) return;
    const initial = component !== undefined && canBeLeftOut(component);
    if ((initial && options.dropInit) || options.allowDrop?.has(index)) {
      dropped.push({ component: index, initial });
      return;
    }
    const state = component
      ? initial
        ? "in use, holds the initial configuration"
        : "in use, not initial"
      : "in use, contents not readable";
    const remedy = initial
      ? "--drop-init leaves it out, nothing is lost"
      : `--allow-drop ${stateComponent(index)?.name ?? index} gives its contents up`;
    const kept = reason.rule === "no-legacy" ? "--legacy-out keeps it; " : "";
    reasons.push({
      component: index,
      initial,
      rule: reason.rule,
      message: `${componentName(index)} (${state}): ${reason.message}`,
      remedy: kept + remedy,
    });
  };
  for (const component of decoded.state.values()) {
    // MXCSR is not part of XINUSE[1].
    if (component.inUse || !canBeLeftOut(component))
      judge(component.index, component, obstacle(component, decoded, target, options));
  }
  for (const index of bitsOf(decoded.layout.xstateBv)) {
    if (index > 1 && !decoded.state.has(index))
      judge(index, undefined, {
        rule: "no-place-known",
        message: "XSTATE_BV has it, but the image has no readable place for it",
      });
  }
  reasons.push(...wholeAreaReasons(decoded.state, target));
  if (reasons.length > 0) return { reasons, dropped: [] };
  return { image: encodeFor(decoded.state, dropped, target), dropped, reasons: [] };
}

/** Why a component in use cannot be on the target, or undefined. */
function obstacle(
  component: ComponentState,
  { state, layout }: DecodedImage,
  target: ConvertTarget,
  { keepsLegacy = true }: ConvertOptions,
): Pick<ConvertReason, "rule" | "message"> | undefined {
  const { index } = component;
  const { cpu, form } = target;
  if (index < 2)
    return form === "compacted-without-legacy" && !keepsLegacy
      ? { rule: "no-legacy", message: "it is in the 512 legacy bytes, which this form leaves to the CONTEXT beside it" }
      : undefined;
  const bit = 1n << BigInt(index);
  const row = cpu.components.find((each) => each.index === index);
  const supported = cpu.xcr0Supported | cpu.xssSupported;
  if (!row || !(supported & bit)) return { rule: "missing", message: `${cpu.id} does not support it` };
  const enabled = row.supervisor ? target.xss : target.xcr0;
  if (enabled !== undefined && !(enabled & bit))
    return {
      rule: "not-enabled",
      message: `${row.supervisor ? "IA32_XSS" : "XCR0"} ${maskWithNames(enabled)} of the target does not enable it`,
    };
  if (form === "standard" && row.standardOffset === undefined)
    return { rule: "supervisor", message: "a supervisor component has no place in the standard format" };
  const source = layout.components.find((each) => each.row.index === index);
  if (!fits(component, row.size))
    return {
      rule: "size",
      message: `${component.bytes.length} bytes at ${source?.offset}, ${row.size} bytes on ${cpu.id}, and its registers do not fit`,
    };
  if (index === APX && inUseOf(state) & MPX)
    return { rule: "overlap", message: "XCR0 cannot have it together with BNDREGS and BNDCSR" };
  const [refused] = refusedContents(component);
  if (refused) return { rule: "supervisor-contents", message: `${refused.message}, with which XRSTORS faults` };
  return undefined;
}

function wholeAreaReasons(state: RegisterState, { cpu, form }: ConvertTarget): ConvertReason[] {
  const reasons: ConvertReason[] = [];
  if (form !== "standard" && !cpu.instructions.xsavec)
    reasons.push({
      rule: "no-compaction",
      component: undefined,
      initial: false,
      message: `${cpu.id} has no compacted form of XRSTOR`,
      remedy: "convert to the standard format",
    });
  const mxcsr = mxcsrOf(state) ?? INITIAL_MXCSR;
  const beyond = (mxcsr & ~cpu.quirks.mxcsrMask) >>> 0;
  if (beyond !== 0)
    reasons.push({
      rule: "mxcsr-bits",
      component: 1,
      initial: false,
      message: `MXCSR 0x${mxcsr.toString(16)} has bits 0x${beyond.toString(16)}, which ${cpu.id} reserves (MXCSR_MASK 0x${cpu.quirks.mxcsrMask.toString(16)})`,
      remedy: `clear them where the image comes from${beyond === 0x2_0000 ? " (bit 17 is AMD's misaligned mode)" : ""}`,
    });
  return reasons;
}

function encodeFor(
  source: RegisterState,
  dropped: readonly DroppedComponent[],
  { cpu, form, xcr0, xss }: ConvertTarget,
): XsaveImage {
  const state = new Map(source);
  for (const { component } of dropped) state.delete(component);
  const sse = state.get(1);
  if (sse) {
    const bytes = sse.bytes.slice();
    new DataView(bytes.buffer).setUint32(MXCSR_MASK_OFFSET, cpu.quirks.mxcsrMask, true);
    state.set(1, { ...sse, bytes });
  }
  const supported = (form === "standard" ? 0n : cpu.xssSupported) | cpu.xcr0Supported | 3n;
  const enabled = xcr0 === undefined ? componentsOf(state) : xcr0 | (form === "standard" ? 0n : (xss ?? 0n));
  // APX and MPX are never enabled together; the one that is in use stays.
  const clash = (enabled >> 19n) & 1n && enabled & MPX ? (inUseOf(state) & MPX ? 1n << 19n : MPX) : 0n;
  const mask = (enabled | inUseOf(state)) & supported & ~clash;
  return encodeImage(state, { form, rows: cpu.components, mask });
}
