/**
 * Whether state saved on one CPU can be restored on another, and every reason against it. Each rule is what a
 * restore does: `general-restore.ts` run on the other model is the yardstick in the tests.
 */

import { bitsOf, hasBit, maskHex } from "../isa/feature-mask.ts";
import { componentRegisters } from "../isa/component-registers.ts";
import { componentName } from "../isa/state-component.ts";
import { KVM_XSAVE_SIZE } from "../isa/xsave-area.ts";
import { areaLayout, offsetOf } from "../layout/area-layout.ts";
import type { AreaFormat, AreaLayout } from "../layout/area-layout.ts";
import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";
import { userAreaSize } from "./buffer-plan.ts";
import type { Carrier } from "./carriers.ts";
import type { CpuModel, InstructionSupport } from "./cpu-model.ts";

/** Where state comes from: a CPU model, or an image, which tells less. */
export interface StateSource extends LayoutSource {
  /** A model's id, an image's file. */
  readonly id: string;
  readonly instructions: Pick<InstructionSupport, "xsavec" | "xsaves">;
  readonly xcr0Supported?: bigint;
  readonly xssSupported?: bigint;
  readonly sizeMax?: number;
}

/** What is moved: all images that a CPU can save with these settings, or one image. */
export interface SavedState {
  readonly source: StateSource;
  /** Enabled in XCR0, and so laid out; for a compacted image the user bits of XCOMP_BV. */
  readonly xcr0: bigint;
  /** The same for IA32_XSS. */
  readonly xss: bigint;
  /** Components that can be in use: all enabled ones, or an image's XSTATE_BV. */
  readonly mayUse: bigint;
  /** Components of `mayUse` of which an image holds the initial configuration: nothing is lost without them. */
  readonly initial?: bigint;
  /** MXCSR bits that can be set. */
  readonly mxcsr: number;
  /** Length of an image, legacy region included; absent: that of the layout. */
  readonly bytes?: number;
  /** Reserved bytes of an image's header that are not 0, for which a restore raises #GP; in words. */
  readonly headerFaults?: readonly string[];
  /** Contents of an image's supervisor components that XRSTORS refuses. */
  readonly contentFaults?: readonly { readonly component: number; readonly message: string }[];
}

/** Where it shall be restored. */
export interface RestoreTarget {
  readonly model: CpuModel;
  readonly xcr0: bigint;
  readonly xss: bigint;
  /** IA32_XFD: components whose use raises #NM. */
  readonly xfd: bigint;
}

/** Rule ids of reasons. */
export type PortabilityRule =
  | "missing"
  | "not-enabled"
  | "not-carried"
  | "supervisor"
  | "size"
  | "offset"
  | "alignment"
  | "length"
  | "mxcsr-bits"
  | "no-compaction"
  | "no-place-known"
  | "header-reserved"
  | "supervisor-contents"
  | "xfd";

/** One reason against restoring the state as it is. */
export interface PortabilityReason {
  /** Index; null where it is about the area as a whole. */
  readonly component: number | null;
  readonly rule: PortabilityRule;
  /** `convert`: re-laying the area takes care of it. `lost`: state can be in use that the target cannot take. */
  readonly effect: "convert" | "lost";
  readonly message: string;
  readonly remedy: string;
}

const CONVERT = "convert the area to the target's layout";

/**
 * Every reason for which `target` does not load exactly what `saved` holds; empty if all of it restores as it is.
 * Restored is what was saved: RFBM is `xcr0 | xss` of the saved state.
 */
export function reasonsAgainst(saved: SavedState, target: RestoreTarget, carrier: Carrier): PortabilityReason[] {
  const reasons: PortabilityReason[] = [];
  const { source: from } = saved;
  const { model: to } = target;
  const laidOut = saved.xcr0 | saved.xss;
  const enabled = target.xcr0 | target.xss;
  const places = placesOf(saved, target, carrier);
  const add = (
    component: number | null,
    rule: PortabilityRule,
    effect: PortabilityReason["effect"],
    message: string,
    remedy: string,
  ): void => {
    reasons.push({ component, rule, effect, message, remedy });
  };

  const lose = (index: number, rule: PortabilityRule, message: string, remedy: string): void => {
    if (hasBit(saved.initial ?? 0n, index))
      add(index, rule, "convert", `${message}; it is in use, but holds the initial configuration`, "convert with --drop-init");
    else add(index, rule, "lost", message, remedy);
  };

  for (const index of bitsOf(laidOut)) {
    const inUse = hasBit(saved.mayUse, index);
    if (!hasBit(carrier.carries, index) || (carrier.format === "standard" && hasBit(saved.xss, index))) {
      const rule = hasBit(saved.xss, index) ? "supervisor" : "not-carried";
      const what = rule === "supervisor" ? "a supervisor component, which is not" : "not";
      if (inUse) lose(index, rule, `${what} part of ${carrier.title}`, `move it on its own, or do not enable it`);
      continue;
    }
    if (!hasBit(enabled, index)) {
      const [rule, message, remedy] = absence(saved, target, index);
      if (inUse) lose(index, rule, message, remedy);
      else if (carrier.format === "compacted")
        add(index, rule, "convert", `${message}; it is not in use, but XCOMP_BV names it, and the restore raises #GP`, CONVERT);
      continue;
    }
    if (!inUse || index < 2) continue;
    const source = rowOf(from, index);
    const destination = rowOf(to, index);
    if (!source)
      add(index, "no-place-known", "lost", "the layout has no place for it", "name the CPU that it comes from: --model");
    if (!source || !destination) continue;
    if (hasBit(target.xfd, index))
      lose(
        index,
        "xfd",
        `IA32_XFD of ${to.id} has its bit set: the restore raises #NM`,
        "clear the bit before (Linux: arch_prctl(ARCH_REQ_XCOMP_PERM))",
      );
    if (source.supervisor !== destination.supervisor)
      lose(index, "supervisor", `${kind(source)} on ${from.id}, ${kind(destination)} on ${to.id}`, "do not enable it");
    else if (!sameRegisters(source, destination) || (carrier.sameSizes && source.size !== destination.size))
      lose(
        index,
        "size",
        `${source.size} bytes on ${from.id}, ${destination.size} on ${to.id}`,
        "leave it out of XCR0 where state shall move there",
      );
    else if (places) {
      const reason = placeReason(places, source, destination, saved, target);
      if (reason) reasons.push(reason);
    }
  }
  for (const index of bitsOf(saved.mayUse & ~laidOut))
    add(index, "no-place-known", "lost", "XSTATE_BV has it, XCOMP_BV has not: the restore raises #GP", "save the state again");
  for (const fault of saved.headerFaults ?? []) add(null, "header-reserved", "convert", fault, CONVERT);
  for (const { component, message } of saved.contentFaults ?? [])
    add(component, "supervisor-contents", "lost", `${message}: XRSTORS raises #GP`, "no XSAVES wrote this: save the state again");
  addMxcsr(reasons, saved, target, carrier);
  addCompaction(reasons, saved, target, carrier);
  addLength(reasons, saved, target, carrier);
  return reasons.toSorted((a, b) => (a.component ?? 64) - (b.component ?? 64));
}

const kind = (row: ComponentRow): string => (row.supervisor ? "a supervisor component" : "a user component");

const rowOf = (model: LayoutSource, index: number): ComponentRow | undefined =>
  model.components.find((row) => row.index === index);

function absence({ xss }: SavedState, { model }: RestoreTarget, index: number): [PortabilityRule, string, string] {
  const register = hasBit(xss, index) ? "IA32_XSS" : "XCR0";
  return hasBit(model.xcr0Supported | model.xssSupported, index)
    ? ["not-enabled", `${model.id} has it, but its ${register} has not enabled it`, `enable it in ${register} there`]
    : ["missing", `${model.id} has no ${componentName(index)}`, `leave it out of ${register} where state shall move there`];
}

/** Bytes that registers take in a component; the rest of it is padding. */
function registerBytes(index: number): number | undefined {
  const ends = componentRegisters(index)?.map(
    ({ offset, size, count = 1, stride = size }) => offset + (count - 1) * stride + size,
  );
  return ends === undefined ? undefined : Math.max(...ends);
}

/** Both rows hold the same registers: PKRU has 4 bytes in Zen 2's 64 as in everybody else's 8. */
function sameRegisters(a: ComponentRow, b: ComponentRow): boolean {
  const bytes = registerBytes(a.index);
  return bytes === undefined ? a.size === b.size : Math.min(bytes, a.size) === Math.min(bytes, b.size);
}

interface Places {
  readonly source: AreaLayout;
  readonly destination: AreaLayout;
}

/** Where both CPUs put what was saved. Undefined without offsets, and where the target cannot lay out the area's XCOMP_BV. */
function placesOf(saved: SavedState, target: RestoreTarget, carrier: Carrier): Places | undefined {
  if (carrier.format === "registers") return undefined;
  const wanted = carrier.format === "standard" ? saved.xcr0 : saved.xcr0 | saved.xss;
  const there = wanted & (target.xcr0 | target.xss);
  if (carrier.format === "compacted" && there !== wanted) return undefined;
  const user = (row: ComponentRow | undefined): boolean => row !== undefined && !row.supervisor;
  const restorable = bitsOf(there).filter(
    (index) => index < 2 || carrier.format === "compacted" || user(rowOf(target.model, index)),
  );
  return {
    source: sourceLayout(saved, wanted, carrier.format),
    destination: areaLayout(
      target.model,
      restorable.reduce((mask, index) => mask | (1n << BigInt(index)), 0n),
      carrier.format,
    ),
  };
}

/** What was saved as it lies there; an image's size is its length. */
function sourceLayout({ source, bytes }: SavedState, mask: bigint, format: AreaFormat): AreaLayout {
  const known = source.components.reduce((all, { index }) => all | (1n << BigInt(index)), 3n);
  const layout = areaLayout(source, mask & known, format);
  return { ...layout, size: bytes ?? layout.size };
}

function placeReason(
  places: Places,
  source: ComponentRow,
  destination: ComponentRow,
  saved: SavedState,
  target: RestoreTarget,
): PortabilityReason | undefined {
  const component = source.index;
  const here = offsetOf(places.source, component) ?? 0;
  const there = offsetOf(places.destination, component) ?? 0;
  if (here !== there) {
    const aligned = places.source.format === "compacted" && source.align64 !== destination.align64;
    return {
      component,
      rule: aligned ? "alignment" : "offset",
      effect: "convert",
      message: `at ${here} on ${saved.source.id}, at ${there} on ${target.model.id}${
        aligned ? `: only ${source.align64 ? saved.source.id : target.model.id} aligns it to 64` : causeOfShift(places, component)
      }`,
      remedy: CONVERT,
    };
  }
  if (there + destination.size <= places.source.size) return undefined;
  return {
    component,
    rule: "size",
    effect: "convert",
    message: `${target.model.id} reads ${destination.size} bytes at ${there}, ${saved.source.id}'s area ends at ${places.source.size}`,
    remedy: "lengthen the area; the bytes behind are padding",
  };
}

/** Which component in front of it made the difference, in the compacted format. */
function causeOfShift({ source, destination }: Places, index: number): string {
  if (source.format === "standard") return "";
  for (const { row } of source.components) {
    const other = destination.components.find((each) => each.row.index === row.index)?.row;
    if (row.index >= index || !other) continue;
    if (row.size !== other.size) return `: ${componentName(row.index)} before it has ${row.size} and ${other.size} bytes`;
    if (row.align64 !== other.align64) return `: ${componentName(row.index)} before it is aligned on one side only`;
  }
  return "";
}

function addMxcsr(reasons: PortabilityReason[], saved: SavedState, { model }: RestoreTarget, carrier: Carrier): void {
  const bits = (saved.mxcsr & ~model.quirks.mxcsrMask) >>> 0;
  // XRSTOR's standard form looks at MXCSR whatever XSTATE_BV says; the kernel only where x87, SSE or AVX is in use.
  const looked =
    carrier.format === "compacted"
      ? hasBit(saved.mayUse, 1)
      : carrier.name === "standard"
        ? (saved.xcr0 & 6n) !== 0n
        : carrier.format === "registers" || (saved.mayUse & 7n) !== 0n;
  if (bits === 0 || !looked) return;
  const misaligned = bits === 0x2_0000 ? " (MM, misaligned SSE)" : "";
  reasons.push({
    component: 1,
    rule: "mxcsr-bits",
    effect: "lost",
    message: `MXCSR can have ${maskHex(BigInt(bits))}${misaligned}, which is reserved on ${model.id}: the restore fails`,
    remedy: `if software never sets it, say so: --mxcsr ${maskHex(BigInt((saved.mxcsr & model.quirks.mxcsrMask) >>> 0))}`,
  });
}

function addCompaction(reasons: PortabilityReason[], saved: SavedState, target: RestoreTarget, carrier: Carrier): void {
  if (carrier.format !== "compacted") return;
  for (const model of new Set([saved.source, target.model])) {
    if (model.instructions.xsavec && (saved.xss === 0n || model.instructions.xsaves)) continue;
    const what = model.instructions.xsavec ? "XSAVES and XRSTORS" : "XSAVEC and the compacted form of XRSTOR";
    reasons.push({
      component: null,
      rule: "no-compaction",
      effect: "convert",
      message: `${model.id} has no ${what}`,
      remedy: "convert the area to the standard format",
    });
  }
}

function addLength(reasons: PortabilityReason[], saved: SavedState, target: RestoreTarget, carrier: Carrier): void {
  const here = sourceLayout(saved, saved.xcr0, "standard").size;
  const there = userAreaSize(target.model, target.xcr0);
  const add = (message: string, remedy: string): void => {
    reasons.push({ component: null, rule: "length", effect: "convert", message, remedy });
  };
  if (carrier.length === "exact" && here !== there)
    add(`${here} bytes, but PTRACE_SETREGSET on ${target.model.id} takes ${there} exactly`, CONVERT);
  if (carrier.length === "at-least") {
    const blob = Math.max(KVM_XSAVE_SIZE, here);
    const read = Math.max(KVM_XSAVE_SIZE, there);
    if (read > blob) add(`${blob} bytes, but KVM_SET_XSAVE on ${target.model.id} reads ${read}`, "lengthen the blob with zeros");
  }
  if (carrier.length === "same-cpuid") {
    const remedy =
      "show the same features to both (a hypervisor's CPUID, Linux's clearcpuid=), or restore with --cpu-cap=none where no program keeps an XSAVE buffer of the old size (glibc's lazy binding does)";
    if (here !== there) add(`CRIU wants the same XSAVE size: ${here} and ${there} bytes enabled`, remedy);
    if ((saved.source.sizeMax ?? target.model.sizeMax) !== target.model.sizeMax)
      add(`CRIU wants the same largest XSAVE size: ${saved.source.sizeMax} and ${target.model.sizeMax} bytes`, remedy);
  }
}
