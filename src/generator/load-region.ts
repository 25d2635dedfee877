/** Regions that restores have in common: each is loaded, and set to its initial values, by functions that all of them call. */

import { LEGACY_UNWRITTEN_OFFSET, XMM_OFFSET } from "../isa/xsave-area.ts";
import type { RestorePiece } from "../runtime/restore-plan.ts";
import { REGION_LIMIT, REGION_MINIMUM } from "./region-copy.ts";
import { loadsLegacy, type RestoreSpec, wholeSegments } from "./restore-spec.ts";

/** Bytes that one function puts into a processor's block. Offset and length in bytes. */
export interface LoadRegionSpec {
  /** Identifier of the exported region. */
  readonly name: string;
  /** From the same place of the area, from the initial configuration, or x87 and SSE with what the registers make of x87's bytes. */
  readonly kind: "load" | "initial" | "legacy";
  readonly at: number;
  readonly length: number;
}

/**
 * Loads bytes 0-23 and 32-415: x87 and SSE are loaded together most of the time, and a call is 4 of 38 ns (mask 7, Zen 3).
 * Where SSE alone is not loaded, its initial values are written over it.
 */
export const LEGACY_REGION: LoadRegionSpec = { name: "load_legacy", kind: "legacy", at: 0, length: LEGACY_UNWRITTEN_OFFSET };

/** What is initial of x87 beside FCS and FDS: the control part and ST0-ST7. */
export const INITIAL_X87: readonly LoadRegionSpec[] = [region("initial", 0, 24), region("initial", 32, 128)];

function region(kind: "load" | "initial", at: number, length: number): LoadRegionSpec {
  return { name: `${kind}_${at}_${length}`, kind, at, length };
}

/** The region of a run that is loaded by a shared function; undefined for any other. */
export function loadRegion(registers: number, area: number, length: number): LoadRegionSpec | undefined {
  return registers === area && regionSized(registers, length) ? region("load", area, length) : undefined;
}

/** The region of a run that is set to its initial values by a shared function; undefined for any other. */
export function initialRegion(registers: number, length: number): LoadRegionSpec | undefined {
  return regionSized(registers, length) ? region("initial", registers, length) : undefined;
}

function regionSized(at: number, length: number): boolean {
  return at % 8 === 0 && length % 8 === 0 && length >= REGION_MINIMUM && length <= REGION_LIMIT;
}

/** The regions of a component where not everything is in use: both, or none where either has none. */
export function partRegions({ registers, area, registerBytes }: RestorePiece): LoadRegionSpec[] {
  const initial = initialRegion(registers, registerBytes);
  const loaded = area === undefined ? undefined : loadRegion(registers, area, registerBytes);
  if (!initial || (area !== undefined && !loaded)) return [];
  return loaded ? [loaded, initial] : [initial];
}

/** Regions of one restore, each once, in order of name. */
export function loadRegionsOf(specs: Iterable<RestoreSpec>): LoadRegionSpec[] {
  const found = new Map<string, LoadRegionSpec>();
  for (const { plan } of specs) {
    const all = plan.pieces.flatMap((piece) => (piece.rule === "x87" ? INITIAL_X87 : partRegions(piece)));
    if (loadsLegacy(plan)) all.push(LEGACY_REGION);
    all.push(...wholeSegments(plan).flatMap(({ registers, area, length }) => loadRegion(registers, area, length) ?? []));
    for (const each of all) found.set(each.name, each);
  }
  return [...found.values()].toSorted((a, b) => a.at - b.at || a.length - b.length || (a.name < b.name ? -1 : 1));
}

/** What the body template of a region's load is given. */
export interface LoadContext {
  readonly x87: boolean;
  readonly fromArea: boolean;
  /** Indices of 8-byte elements. */
  readonly moves: readonly { readonly to: string; readonly from: string }[];
  /** ST0-ST7: the 8-byte element of the significand, the dword of sign and exponent, and the one above, which is no register. */
  readonly registers: readonly { readonly significand: number; readonly exponent: number; readonly above: number }[];
}

/** Builds the context of one region's load. */
export function loadContext({ kind, at, length }: LoadRegionSpec): LoadContext {
  const index = (base: string, i: number): string => (i === 0 ? base : `${base} + ${i}`);
  const x87 = kind === "legacy";
  const start = x87 ? XMM_OFFSET : at;
  const elements = Array.from({ length: (at + length - start) / 8 }, (_, i) => start / 8 + i);
  return {
    x87,
    fromArea: kind !== "initial",
    moves: elements.map((i) => ({ to: index("t", i), from: kind === "initial" ? `s[${index("i", i)}]` : `d[${index("q", i)}]` })),
    registers: Array.from({ length: x87 ? 8 : 0 }, (_, i) => ({
      significand: 4 + 2 * i,
      exponent: 10 + 4 * i,
      above: 11 + 4 * i,
    })),
  };
}

/** What the functions of regions may name, and what each name stands for. */
export const LOAD_NAMES: Readonly<Record<string, string>> = {
  s: "registers.b64",
  R: "registers.i32",
  B: "registers.blockSize",
  P: "registers.blockMask",
  i: "registers.initialBase >>> 3",
  d: "areas.b64",
  Q: "areas.i32",
  M: "areas.offsetMask",
  control: "registers.loadX87Control",
  unused: "registers.unusedPointerBits",
  kept: "registers.pointersKeptUnlessEs",
};
