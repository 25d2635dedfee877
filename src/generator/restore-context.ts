/** What the template is given for one restore: ready texts and numbers, no decisions left to it. */

import { bitsOf } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { RestorePiece } from "../runtime/restore-plan.ts";
import { INITIAL_X87, loadRegion, type LoadRegionSpec, partRegions } from "./load-region.ts";
import { copiedPieces, loadsLegacy, type RestoreSegment, type RestoreSpec, wholeSegments } from "./restore-spec.ts";
import { plus, restoreTests, words } from "./restore-tests.ts";

/**
 * Longest run that is moved by elements; longer ones are a region's load or one `set`. Elements need neither a view of
 * the area nor a call, but a line each.
 */
export const RESTORE_MOVE_LIMIT = 64;

/** A run of one component where not everything is in use: from the area, or from the initial configuration. */
interface PartContext {
  readonly comment: string;
  /** Expression that is not 0 where the component is loaded; empty where the area does not lay it out. */
  readonly loaded: string;
  readonly index: number;
  readonly at: string;
  /** Functions of regions, or empty. */
  readonly load: string;
  readonly initial: string;
  readonly set: boolean;
  /** Indices of elements of 8 bytes, or else of 4; `from` is empty where the area does not lay the component out. */
  readonly elements: readonly PartMove[];
  readonly dwords: readonly PartMove[];
}

/** A move from the area if `loaded`, or from the initial configuration. */
interface PartMove {
  readonly to: string;
  readonly from: string;
  readonly initial: string;
  readonly loaded: string;
}

/** What `restore-body.hbs` works with. */
export interface RestoreContext {
  readonly size: number;
  readonly rfbmLow: number;
  readonly rfbmHigh: number;
  readonly keepLow: number;
  readonly keepHigh: number;
  readonly tests: readonly string[];
  /** True where everything in use has a way of its own. */
  readonly whole: boolean;
  readonly everythingUsed: string;
  readonly x87: boolean;
  /** SSE beside x87: loaded with it, or else by itself, and set to its initial values behind that. */
  readonly sse: PartContext | undefined;
  readonly initialX87: readonly string[];
  readonly mxcsr: boolean;
  readonly mxcsrInitial: boolean;
  readonly usesWhole: boolean;
  /** Elements of 8 bytes are moved, from the area too. */
  readonly movesEight: boolean;
  readonly loadsEight: boolean;
  readonly copies: readonly {
    readonly comment: string;
    /** Function of a region, or empty. */
    readonly load: string;
    readonly set: boolean;
    readonly index: number;
    readonly at: string;
    readonly moves: readonly { readonly to: string; readonly from: string }[];
  }[];
  readonly usesParts: boolean;
  readonly parts: readonly PartContext[];
  readonly zeroed: readonly string[];
  /** Runs of the views that are bound: area offset or register offset, and length. */
  readonly wholeRuns: readonly (readonly [number, number])[];
  readonly partRuns: readonly (readonly [number, number])[];
  readonly initialRuns: readonly (readonly [number, number])[];
}

/** Builds the context of one restore's body. */
export function restoreContext(spec: RestoreSpec): RestoreContext {
  const { plan } = spec;
  const [rfbmLow, rfbmHigh] = words(plan.rfbm);
  const segments = wholeSegments(plan);
  const sets = segments.filter(isSet);
  const laidOut = copiedPieces(plan);
  // Behind those that the area lays out, so that both lists of views are counted alike.
  const copied = [...laidOut, ...plan.pieces.filter(({ rule, area }) => rule === "copy" && area === undefined)];
  const views = copied.filter(isPartSet);
  const eights: readonly { readonly area: number | undefined }[] = [
    ...segments.filter((segment) => moveUnit(segment) === 8),
    ...copied.filter((piece) => partUnit(piece) === 8),
  ];
  const sse = loadsLegacy(plan) ? copied.find(({ component }) => component === 1) : undefined;
  const context = (piece: RestorePiece): PartContext => partContext(piece, views.indexOf(piece));
  return {
    size: plan.size,
    rfbmLow,
    rfbmHigh,
    keepLow: ~rfbmLow,
    keepHigh: ~rfbmHigh,
    tests: restoreTests(spec),
    whole: segments.length > 0,
    everythingUsed: rfbmHigh === 0 ? `low === ${rfbmLow}` : `((low ^ ${rfbmLow}) | (high ^ ${rfbmHigh})) === 0`,
    x87: plan.pieces.some(({ rule }) => rule === "x87"),
    sse: sse && context(sse),
    initialX87: INITIAL_X87.map(regionCall),
    mxcsr: plan.mxcsr !== "kept",
    mxcsrInitial: plan.mxcsr === "area-or-initial",
    usesWhole: sets.length > 0,
    movesEight: eights.length > 0,
    loadsEight: eights.some(({ area }) => area !== undefined),
    copies: segments.map((segment) => ({
      comment: `${segment.components.map(componentName).join(", ")}: ${segment.length} bytes at ${segment.area}`,
      load: callOf(loadRegion(segment.registers, segment.area, segment.length)),
      set: sets.includes(segment),
      index: sets.indexOf(segment),
      at: plus("base", segment.registers),
      moves: moves(segment),
    })),
    usesParts: views.some(({ area }) => area !== undefined),
    parts: copied.filter((piece) => piece !== sse).map(context),
    zeroed: plan.pieces.flatMap(zeroedWords),
    wholeRuns: sets.map(({ area, length }) => [area, length]),
    partRuns: views.flatMap(({ area, registerBytes }) => (area === undefined ? [] : [[area, registerBytes] as const])),
    initialRuns: views.map(({ registers, registerBytes }) => [registers, registerBytes]),
  };
}

/** What a restore calls a region's function. */
export function regionCall({ kind, at, length }: LoadRegionSpec): string {
  return kind === "legacy" ? "legacy" : `${kind === "load" ? "l" : "i"}${at}_${length}`;
}

function callOf(region: LoadRegionSpec | undefined): string {
  return region ? regionCall(region) : "";
}

/** True for a run that is loaded by one `set`. */
export function isSet(segment: RestoreSegment): boolean {
  return moveUnit(segment) === undefined && loadRegion(segment.registers, segment.area, segment.length) === undefined;
}

/** The same where not everything is in use. */
export function isPartSet(piece: RestorePiece): boolean {
  return partUnit(piece) === undefined && partRegions(piece).length === 0;
}

/** The same for a piece. */
export function partUnit({ registers, area = 0, registerBytes }: RestorePiece): 4 | 8 | undefined {
  return moveUnit({ registers, area, length: registerBytes });
}

/** Bytes per element move; undefined: not by elements. */
export function moveUnit({ registers, area, length }: Pick<RestoreSegment, "registers" | "area" | "length">): 4 | 8 | undefined {
  if (length > RESTORE_MOVE_LIMIT) return undefined;
  if ((registers | area | length) % 8 === 0) return 8;
  return (registers | area | length) % 4 === 0 ? 4 : undefined;
}

function moves(segment: RestoreSegment): { to: string; from: string }[] {
  const unit = moveUnit(segment);
  if (unit === undefined) return [];
  const [to, from, t, q] = unit === 8 ? ["s", "d", "t", "q"] : ["R", "Q", "f", "w"];
  const out = [];
  for (let at = 0; at < segment.length; at += unit) {
    out.push({
      to: `${to}[${plus(t ?? "", (segment.registers + at) / unit)}]`,
      from: `${from}[${plus(q ?? "", (segment.area + at) / unit)}]!`,
    });
  }
  return out;
}

function partContext(piece: RestorePiece, index: number): PartContext {
  const { component, area, registers, registerBytes } = piece;
  const regions = partRegions(piece);
  const [load, initial] = ["load", "initial"].map((kind) => regions.find((each) => each.kind === kind));
  const word = component < 32 ? "low" : "high";
  const moved = (unit: 4 | 8, [to, from, initial]: readonly [string, string, string]): PartMove[] =>
    Array.from({ length: registerBytes / unit }, (_, i) => ({
      to: plus(to, registers / unit + i),
      from: area === undefined ? "" : plus(from, area / unit + i),
      initial: plus(initial, registers / unit + i),
      loaded,
    }));
  const loaded = area === undefined ? "" : `(${word} & ${1 << (component % 32)}) !== 0`;
  return {
    comment: `${componentName(component)}: ${registerBytes} bytes${area === undefined ? "" : ` at ${area}`}`,
    loaded,
    index,
    at: plus("base", registers),
    load: callOf(load),
    initial: callOf(initial),
    set: isPartSet(piece),
    elements: partUnit(piece) === 8 ? moved(8, ["t", "q", "j"]) : [],
    dwords: partUnit(piece) === 4 ? moved(4, ["f", "w", "i"]) : [],
  };
}

/** Dwords of a piece behind its registers: they are 0. */
function zeroedWords({ registers, registerBytes, length }: RestorePiece): string[] {
  const out: string[] = [];
  for (let at = registers + registerBytes; at < registers + length; at += 4) out.push(`R[f + ${at >> 2}]`);
  return out;
}

/** Names of a restore's components, for comments. */
export function componentNames(mask: bigint): string {
  return bitsOf(mask).map(componentName).join(", ") || "nothing";
}
