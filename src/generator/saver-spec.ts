/** The generator's plan: which savers exist, what each moves, where each is written, and every name. */

import { createHash } from "node:crypto";

import { bitsOf, maskPair } from "../isa/feature-mask.ts";
import { componentName, stateComponent } from "../isa/state-component.ts";
import type { AreaFormat, AreaLayout } from "../layout/area-layout.ts";
import { offsetMapsWith } from "../layout/offset-maps.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { hasXsavesEffects, type SaveFamily, type SavePlan, savePlan } from "../runtime/save-plan.ts";
import { type SaveSegment, saveSegments } from "../runtime/save-segments.ts";
import { saverName } from "../runtime/saver-name.ts";

/** One saver to be generated. */
export interface FormSpec {
  /** Identifier of the generated function and export. */
  readonly name: string;
  readonly plan: SavePlan;
  /** RFBM & in use, or any. */
  readonly inUse: bigint | "any";
  readonly segments: readonly SaveSegment[];
}

/** All savers of one RFBM for instructions that store the same. */
export interface GroupSpec {
  /** Identifier of the exported group. */
  readonly name: string;
  /** File under `generated/savers/`, without folder and extension. */
  readonly file: string;
  readonly families: readonly SaveFamily[];
  readonly plan: SavePlan;
  readonly forms: readonly FormSpec[];
}

/** A mask that shall have savers, cut down to a CPU already. */
export interface RequestedMask {
  readonly name: string;
  readonly rfbm: bigint;
  readonly families: readonly SaveFamily[];
  /** Classes of XINUSE that get a saver of their own beside everything in use. */
  readonly xinuseClasses: readonly bigint[];
  /** True: the routine for any XINUSE alone, neither classes nor everything in use. */
  readonly anyOnly?: boolean;
}

/** Plans the groups of one CPU. Equal specs of different CPUs are equal objects by content (`groupKey`). */
export function groupsFor(cpu: ProcessorDescription, masks: readonly RequestedMask[]): GroupSpec[] {
  const groups: GroupSpec[] = [];
  for (const mask of masks) {
    for (const families of sharedFamilies(cpu, mask)) {
      groups.push(groupFor(cpu, families, mask));
    }
  }
  return groups;
}

/**
 * XSAVES stores what XSAVEC stores unless a component has an effect of its own (PT, UINTR, LBR): one group serves
 * both then, also where a CPU has just one of them, so that the code is the same for all.
 */
function sharedFamilies(cpu: ProcessorDescription, mask: RequestedMask): SaveFamily[][] {
  const wants = (family: SaveFamily): boolean => mask.families.includes(family);
  const own = wants("XSAVES") && hasXsavesEffects(savePlan(cpu, "XSAVES", mask.rfbm));
  const result: SaveFamily[][] = [];
  if (wants("XSAVE")) result.push(["XSAVE"]);
  if (wants("XSAVEOPT")) result.push(["XSAVEOPT"]);
  if (own) {
    if (wants("XSAVEC")) result.push(["XSAVEC"]);
    if (wants("XSAVES")) result.push(["XSAVES"]);
  } else if (wants("XSAVEC") || wants("XSAVES")) result.push(["XSAVEC", "XSAVES"]);
  return result;
}

function groupFor(cpu: ProcessorDescription, families: readonly SaveFamily[], mask: RequestedMask): GroupSpec {
  const family = families[0];
  if (!family) throw new Error("a group needs an instruction");
  const plan = savePlan(cpu, family, mask.rfbm);
  const classes = new Set<bigint | "any">(mask.anyOnly ? [] : [mask.rfbm]);
  if (!mask.anyOnly && plan.whenInitial === "write-nothing") {
    for (const each of mask.xinuseClasses) {
      const inUse = each & mask.rfbm;
      if (inUse !== 0n) classes.add(inUse);
    }
  }
  const forms = [...classes.add("any")].map((inUse): FormSpec => ({
    name: saverName(family, mask.rfbm, inUse),
    plan,
    inUse,
    segments: saveSegments(plan, inUse),
  }));
  return { name: saverName(family, mask.rfbm), file: fileFor(plan), families, plan, forms };
}

/** What the masks without x87 that perf can ask for have in common: SSE, AVX and AVX-512 in any mixture. */
const SIMD = 0xe6n;

/**
 * One file per format, mask and content, so that a model loads what it uses: the offset map (standard) or the rows that
 * differ from the architecture (compacted), and the x87-pointer rule. Masks without x87 differ in SIMD components only
 * and are many: they share a file, since each file costs half a millisecond to load.
 */
function fileFor(plan: SavePlan): string {
  const parts = layoutParts(plan.format, plan.rfbm, plan.layout);
  if (plan.pieces.some((piece) => piece.component === 9 && piece.length === 4)) parts.push("pkru4");
  if ((plan.rfbm & 1n) === 1n) parts.push(plan.x87Pointers);
  return parts.join("-");
}

/** The part of a file's name that says which areas its routines are for. */
export function layoutParts(format: AreaFormat, rfbm: bigint, layout: AreaLayout): string[] {
  const extended = layout.components.map(({ row, offset }) => ({ component: row.index, area: offset, length: row.size }));
  const parts: string[] = [format];
  if ((rfbm & 1n) === 1n) parts.push("rfbm", rfbm.toString(16));
  else {
    if ((rfbm & SIMD) !== 0n) parts.push("simd");
    parts.push(
      ...bitsOf(rfbm & ~SIMD).map((index) =>
        componentName(index)
          .toLowerCase()
          .replaceAll(/[^a-z0-9]+/g, "-"),
      ),
    );
  }
  if (format === "standard") {
    const maps = offsetMapsWith(extended.map((piece) => [piece.component, piece.area, piece.length] as const));
    parts.push(
      maps[0]?.name ?? `map-${digest(extended.map((piece) => [piece.component, piece.area, piece.length])).slice(0, 8)}`,
    );
  } else {
    const odd = extended.filter((piece) => piece.length !== stateComponent(piece.component)?.size);
    if (odd.length > 0) parts.push(...odd.map((piece) => `c${piece.component}x${piece.length}`));
    const placed = extended.map((piece) => [piece.component, piece.area, piece.length]);
    const usual = usualPlaces(layout.rfbm);
    if (odd.length === 0 && JSON.stringify(placed) !== JSON.stringify(usual)) parts.push(`map-${digest(placed).slice(0, 8)}`);
  }
  return parts;
}

/** Places of a compacted area with architectural sizes and alignment. */
function usualPlaces(rfbm: bigint): number[][] {
  let end = 576;
  const places: number[][] = [];
  for (const index of bitsOf(rfbm)) {
    const component = stateComponent(index);
    if (index < 2 || !component) continue;
    const at = component.align64 ? Math.ceil(end / 64) * 64 : end;
    places.push([index, at, component.size]);
    end = at + component.size;
  }
  return places;
}

/** SHA-256 of a value's JSON, in hexadecimal. */
export function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** The x87-pointer rule as far as it shows in the code: none without x87. */
export function pointerRule(plan: SavePlan): SavePlan["x87Pointers"] | undefined {
  return (plan.rfbm & 1n) === 1n ? plan.x87Pointers : undefined;
}

/** Digest of everything that a group's code depends on. */
export function groupKey(group: GroupSpec): string {
  return digest([
    group.families,
    maskPair(group.plan.rfbm),
    group.plan.size,
    pointerRule(group.plan),
    group.forms.map((form) => [
      form.name,
      form.segments.map((each) => [each.kind, each.rule, each.components, each.registers, each.area, each.length]),
    ]),
  ]);
}
