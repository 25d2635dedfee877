/** What the body template is given for one saver: ready texts and numbers, no decisions left to it. */

import { maskPair } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { SaveSegment } from "../runtime/save-segments.ts";
import { regionOf, type RegionSpec } from "./region-copy.ts";
import type { FormSpec } from "./saver-spec.ts";
import { controlLive, controlWords, type DwordStore } from "./x87-control-words.ts";

/**
 * Longest segment that is moved by 8-byte elements in the save function itself; longer ones are a region's copy or
 * one `set`. `region-copy.ts` has the measurements.
 */
const MOVE_LIMIT = 128;

/** Bytes that functions of the seam move, longest first. */
const RUNS = [128, 64] as const;

const moverOf = (size: number): string => `move${size}`;

/** The functions of the seam that the savers of some forms call, in order of their names. */
export function calledOf(forms: readonly FormSpec[]): string[] {
  const lengths = forms.flatMap(({ segments }) => segments.filter(usesMoves).map(({ length }) => length));
  const movers = RUNS.filter((size) => lengths.some((length) => length >= size && (size === 128 || length % 128 >= size))).map(
    moverOf,
  );
  return forms.some(({ inUse, plan }) => inUse === "any" && plan.mxcsrCounts) ? [...movers, "mxcsrInUse"] : movers;
}

/** Where the sink and the initial configuration are named in a body. */
export interface BodyContext {
  readonly size: number;
  readonly any: boolean;
  readonly mxcsrCounts: boolean;
  readonly movesFromRegisters: boolean;
  /** True if the block is addressed by dwords: masks, the x87 control part, an MSR. */
  readonly readsWords: boolean;
  /** False for a saver of region copies alone, which checks the processor's number all the same. */
  readonly usesBase: boolean;
  readonly movesToArea: boolean;
  readonly usesBlock: boolean;
  readonly rfbmLow: number;
  readonly rfbmHigh: number;
  readonly masks: readonly { readonly component: number; readonly word: string; readonly bit: number }[];
  readonly segments: readonly SegmentContext[];
  readonly replaceHeader: boolean;
  readonly header: readonly { readonly word: number; readonly value: string }[];
  readonly clears: readonly { readonly word: number; readonly value: string }[];
  /** Views that the saver needs: name, byte offset in a block, length; `lbr` for the one of 64 per processor. */
  readonly views: readonly { readonly name: string; readonly offset: number; readonly length: number; readonly lbr: boolean }[];
  /** Copies that the saver calls. */
  readonly copies: readonly { readonly name: string; readonly region: RegionSpec }[];
}

interface SegmentContext {
  readonly id: string;
  readonly comment: string;
  readonly component: number;
  readonly toSink: boolean;
  /** Where the component goes, area or sink, is computed here: its first segment. */
  readonly ownSink: boolean;
  readonly selected: boolean;
  /** Runs of 8-byte elements that a function of the seam moves, and elements that are left over. */
  readonly runs: readonly { readonly mover: string; readonly to: string; readonly from: string }[];
  readonly moves: readonly { readonly to: string; readonly from: string }[];
  /** True if there is any of either. */
  readonly moved: boolean;
  readonly set: boolean;
  /** Copy of a region, or empty. */
  readonly copy: string;
  /** Offset of the area that a copy writes. */
  readonly place: string;
  readonly view: string;
  readonly viewIndex: string;
  readonly at: string;
  /** Value of `e`, or empty. */
  readonly control: string;
  readonly byDwords: boolean;
  readonly readsWords: boolean;
  readonly words: readonly DwordStore[];
}

/** Builds the context of one saver's body. */
export function bodyContext(form: FormSpec): BodyContext {
  const { plan } = form;
  const any = form.inUse === "any";
  const [rfbmLow, rfbmHigh] = maskPair(plan.rfbm).map((word) => word | 0) as [number, number];
  const segments = form.segments.map((segment, i) => segmentContext(form, segment, i));
  const clears = plan.clearsAfterSave.flatMap((clear) => clearWord(form, clear));
  const readsWords = any || clears.length > 0 || segments.some((each) => each.readsWords);
  const movesFromRegisters = segments.some((each) => each.moved && !each.selected);
  const conditional = [...new Set(form.segments.filter((each) => each.kind !== "live").map((each) => each.components[0] ?? 0))];
  return {
    size: plan.size,
    any,
    mxcsrCounts: plan.mxcsrCounts,
    movesFromRegisters,
    readsWords,
    usesBase: readsWords || movesFromRegisters,
    movesToArea: segments.some((each) => each.moved && !each.toSink),
    usesBlock: segments.some((each) => each.set && !each.selected),
    rfbmLow,
    rfbmHigh,
    masks: conditional
      .toSorted((a, b) => a - b)
      .map((component) => ({ component, word: component < 32 ? "low" : "high", bit: component % 32 })),
    segments,
    replaceHeader: plan.header === "replace",
    header: headerWords(form, rfbmLow, rfbmHigh),
    clears,
    views: form.segments
      .filter((each) => usesView(each))
      .map((each) => ({
        name: viewName(each),
        offset: each.registers,
        length: each.length,
        lbr: each.rule === "lbr",
      })),
    copies: form.segments.flatMap((each) => {
      const region = regionOf(each, plan.x87Pointers);
      return region ? [{ name: copyName(region), region }] : [];
    }),
  };
}

/** XSAVES's effect on an MSR field, if the component is saved. */
function clearWord(
  form: FormSpec,
  clear: { component: number; registers: number; keep: number },
): { word: number; value: string }[] {
  const word = clear.registers >>> 2;
  if (form.inUse === "any") return [{ word, value: `(${clear.keep} | m${clear.component})` }];
  return (form.inUse >> BigInt(clear.component)) & 1n ? [{ word, value: String(clear.keep) }] : [];
}

/** The stores to XSTATE_BV (dwords 128, 129) and XCOMP_BV (130, 131). */
function headerWords(form: FormSpec, rfbmLow: number, rfbmHigh: number): { word: number; value: string }[] {
  const { plan } = form;
  const used = form.inUse === "any" ? undefined : (maskPair(form.inUse).map((word) => word | 0) as [number, number]);
  const low = used ? String(used[0]) : "low";
  const high = used ? String(used[1]) : rfbmHigh === 0 ? "0" : "high";
  if (plan.header === "merge") {
    const lowWord = { word: 128, value: `(Q[w + 128]! & ${~rfbmLow}) | ${low}` };
    return rfbmHigh === 0 ? [lowWord] : [lowWord, { word: 129, value: `(Q[w + 129]! & ${~rfbmHigh}) | ${high}` }];
  }
  return [
    { word: 128, value: low },
    { word: 129, value: high },
    { word: 130, value: String(rfbmLow) },
    { word: 131, value: String(rfbmHigh | 0x8000_0000) },
  ];
}

/** True for a segment that is moved by 8-byte elements in the save function itself. */
export function usesMoves(segment: SaveSegment): boolean {
  return (
    segment.rule === "copy" &&
    !isRegion(segment) &&
    segment.length <= MOVE_LIMIT &&
    segment.length % 8 === 0 &&
    segment.area % 8 === 0 &&
    segment.registers % 8 === 0
  );
}

function usesView(segment: SaveSegment): boolean {
  return segment.rule === "lbr" || (segment.rule === "copy" && !usesMoves(segment) && !isDword(segment) && !isRegion(segment));
}

/** A copy goes by a region of its own whatever the x87-pointer rule. */
function isRegion(segment: SaveSegment): boolean {
  return regionOf(segment, "saved") !== undefined;
}

/** PKRU where the CPU leaves its upper half alone: a `set` of 4 bytes costs 40 ns on Zen 3. */
function isDword({ rule, length, area, registers }: SaveSegment): boolean {
  return rule === "copy" && length === 4 && area % 4 === 0 && registers % 4 === 0;
}

function copyName(region: RegionSpec): string {
  return `c${region.at}_${region.length}`;
}

function viewName(segment: SaveSegment): string {
  return `v${segment.registers}_${segment.length}`;
}

function segmentContext(form: FormSpec, segment: SaveSegment, index: number): SegmentContext {
  const component = segment.components[0] ?? 0;
  const toSink = segment.kind === "sink";
  const selected = segment.kind === "select";
  const id = `${component}_${segment.area}`;
  const runs: SegmentContext["runs"][number][] = [];
  const moves: SegmentContext["moves"][number][] = [];
  if (usesMoves(segment)) {
    const d = toSink ? `q${id}` : "q";
    const s = selected ? `t${id}` : "t";
    for (let at = 0; at < segment.length;) {
      const size = RUNS.find((each) => each <= segment.length - at) ?? 8;
      const move = { to: plus(d, (segment.area + at) / 8), from: plus(s, (segment.registers + at) / 8) };
      if (size === 8) moves.push(move);
      else runs.push({ mover: moverOf(size), ...move });
      at += size;
    }
  }
  const lbr = segment.rule === "lbr";
  const place = toSink ? `o${component}` : "place";
  const region = regionOf(segment, form.plan.x87Pointers);
  const control = segment.rule === "x87-control" && !region;
  return {
    id,
    comment: `${segment.components.map(componentName).join(", ")}: ${segment.length} bytes at ${segment.area}${
      lbr ? ", as many entries as IA32_LBR_DEPTH says" : ""
    }${toSink ? ", or to the sink" : selected ? ", or initial values" : ""}`,
    component,
    toSink,
    ownSink: toSink && form.segments.findIndex((each) => each.kind === "sink" && each.components[0] === component) === index,
    selected,
    runs,
    moves,
    moved: runs.length + moves.length > 0,
    set: usesView(segment),
    copy: region ? copyName(region) : "",
    place,
    view: viewName(segment),
    viewIndex: lbr ? `(block << 6) + (R[f + ${(segment.registers + 8) >>> 2}]! & 63)` : selected ? `p${id}` : "block",
    at: plus(place, segment.area),
    control: control ? controlLive(selected ? `c${id}` : "f") : "",
    readsWords: lbr || (!selected && (control || isDword(segment))),
    byDwords: control || isDword(segment),
    words: control
      ? controlWords(selected ? `c${id}` : "f", toSink ? `x${id}` : "w", `e${id}`, form.plan.x87Pointers)
      : isDword(segment)
        ? [dwordMove(segment, id)]
        : [],
  };
}

function dwordMove({ kind, registers, area }: SaveSegment, id: string): DwordStore {
  const from = plus(kind === "select" ? `c${id}` : "f", registers / 4);
  return { at: plus(kind === "sink" ? `x${id}` : "w", area / 4), value: `R[${from}]!` };
}

function plus(base: string, amount: number): string {
  return amount === 0 ? base : `${base} + ${amount}`;
}
