/**
 * Why a buffer has a certain size: every mask, format and system structure of the bundled models that comes to it.
 * The work is bounded by the components of one model; models with the same rows are counted once.
 */

import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import { areaLayout } from "../layout/area-layout.ts";
import type { PlacedComponent } from "../layout/area-layout.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { acceptedXcr0 } from "../runtime/control-registers.ts";
import type { BufferKind } from "./buffer-plan.ts";
import { acceptedMasks, bufferPlan } from "./buffer-plan.ts";
import type { CpuModel } from "./cpu-model.ts";

/** Structures that systems build around an area. */
export type SystemKind = Exclude<BufferKind, "xsave" | "xsavec" | "xsaves" | "core-note">;

/** A component's place in an area of that size. */
export interface CausePlace {
  readonly index: number;
  readonly offset: number;
  readonly size: number;
}

/** One cause of a size. */
export interface SizeCause {
  /**
   * `standard`: the component `last` ends there. `compacted`: the components add up to it. `rounded`: an area of usual
   * size, rounded up to 64. Otherwise a system's structure, for an XCR0 of which `rfbm` is what it holds.
   */
  readonly kind: "standard" | "compacted" | "rounded" | SystemKind;
  /** Compacted: supervisor components are in it, so that only XSAVES writes it. */
  readonly supervisor: boolean;
  /** The mask; in the standard format the largest, bits other than that of `last` may be missing. Bits 0 and 1 move nothing. */
  readonly rfbm: bigint;
  /** Standard format: the component that ends at the size; absent for an area without extended components. */
  readonly last?: number;
  /** Extended components of `rfbm` in index order. */
  readonly places: readonly CausePlace[];
  /** All but `standard` and `compacted`: how the size comes about. */
  readonly formula?: string;
  /** The mask is all that one of the models can enable, or all of its user part, or what Linux enables on it. */
  readonly usual: boolean;
  /** Ids of models that share all of this, in the order given. */
  readonly models: readonly string[];
}

type Draft = Omit<SizeCause, "models">;
type Add = (model: CpuModel, draft: Draft) => void;

const LEGACY = 3n;

/** All causes of `size` (bytes), usual masks first, then by number of models. */
export function sizeCauses(models: readonly CpuModel[], size: number): SizeCause[] {
  const causes = new Map<string, { draft: Draft; models: Set<string> }>();
  const add: Add = (model, draft) => {
    const key = JSON.stringify([draft.kind, String(draft.rfbm), draft.last, draft.formula, draft.places]);
    const found = causes.get(key) ?? { draft, models: new Set<string>() };
    found.models.add(model.id);
    causes.set(key, { ...found, draft: { ...draft, usual: draft.usual || found.draft.usual } });
  };
  for (const model of models) {
    const usual = usualMasks(model);
    addStandard(model, size, usual, add);
    if (model.instructions.xsavec) addCompacted(model, size, usual, add);
    addSystems(model, size, usual, add);
  }
  return [...causes.values()]
    .map(({ draft, models: ids }) => ({ ...draft, models: [...ids] }))
    .toSorted((a, b) => Number(b.usual) - Number(a.usual) || b.models.length - a.models.length);
}

/** Masks that a system enables as a whole: the user part, what Linux takes of it, and the user part with all of IA32_XSS. */
function usualMasks(model: CpuModel): bigint[] {
  const user = acceptedXcr0(model.xcr0Supported) | LEGACY;
  const linux = bufferPlan(model).find(({ kind }) => kind === "core-note");
  return [...new Set([user, (linux?.rfbm ?? user) | LEGACY, user | model.xssSupported])];
}

function placesOf(components: readonly PlacedComponent[]): CausePlace[] {
  return components.map(({ row, offset }) => ({ index: row.index, offset, size: row.size }));
}

function addStandard(model: CpuModel, size: number, usual: readonly bigint[], add: Add): void {
  const end = ({ standardOffset = 0, size: bytes }: ComponentRow): number => standardOffset + bytes;
  const fitting = model.components.filter((row) => row.standardOffset !== undefined && end(row) <= size);
  const rfbm = fitting.reduce((mask, { index }) => mask | (1n << BigInt(index)), LEGACY);
  const common = { kind: "standard", supervisor: false } as const;
  if (size === EXTENDED_REGION_OFFSET) add(model, { ...common, rfbm: LEGACY, places: [], usual: usual.includes(LEGACY) });
  const places = placesOf(areaLayout(model, rfbm, "standard").components);
  for (const row of fitting) {
    if (end(row) === size) add(model, { ...common, rfbm, last: row.index, places, usual: usual.includes(acceptedXcr0(rfbm)) });
  }
}

/** Tries all sets of components, leaving out those that are too long already. */
function addCompacted(model: CpuModel, size: number, usual: readonly bigint[], add: Add): void {
  const rows = model.components.filter((row) => !row.supervisor || model.instructions.xsaves);
  const walk = (at: number, end: number, mask: bigint): void => {
    if (end > size) return;
    const row = rows[at];
    if (row === undefined) {
      if (end !== size) return;
      const places = placesOf(areaLayout(model, mask, "compacted").components);
      const supervisor = (mask & model.xssSupported) !== 0n;
      add(model, { kind: "compacted", supervisor, rfbm: mask, places, usual: usual.includes(mask) });
      return;
    }
    walk(at + 1, end, mask);
    const start = row.align64 ? Math.ceil(end / 64) * 64 : end;
    walk(at + 1, start + row.size, mask | (1n << BigInt(row.index)));
  };
  walk(0, EXTENDED_REGION_OFFSET, LEGACY);
}

/** Structures around a user area for every XCR0 that the model accepts, and usual areas in steps of 64. */
function addSystems(model: CpuModel, size: number, usual: readonly bigint[], add: Add): void {
  for (const xcr0 of acceptedMasks(model)) {
    for (const { kind, bytes, rfbm, formula } of bufferPlan(model, xcr0)) {
      if (bytes !== size || kind === "xsave" || kind === "xsavec" || kind === "xsaves" || kind === "core-note") continue;
      add(model, { kind, supervisor: false, rfbm, formula, places: [], usual: usual.includes(xcr0) });
    }
  }
  for (const { kind, bytes, allocate, rfbm } of usual.flatMap((mask) => bufferPlan(model, mask))) {
    if (allocate !== size || bytes === size || !kind.startsWith("xsave")) continue;
    const formula = `${kind.toUpperCase()}, round64(${bytes})`;
    add(model, { kind: "rounded", supervisor: kind === "xsaves", rfbm, formula, places: [], usual: true });
  }
}

/** Sizes that usual masks give, nearest to `size` first: what to suggest where nothing gives it. */
export function nearestSizes(models: readonly CpuModel[], size: number, count = 3): number[] {
  const sizes = new Set(models.flatMap((model) => bufferPlan(model).map(({ bytes }) => bytes)));
  return [...sizes].toSorted((a, b) => Math.abs(a - size) - Math.abs(b - size) || a - b).slice(0, count);
}
