/** What the body template is given for one saver: ready texts and numbers, no decisions left to it. */

import { maskPair } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { SaveSegment } from "../runtime/save-segments.ts";
import type { FormSpec } from "./saver-spec.ts";

/**
 * Longest segment that is moved by 8-byte elements; longer ones by one `set`. Measured with the place of
 * area and registers variable (Zen 5, Node 20 and 24): `set` costs about 10 and 7 ns whatever the length,
 * an element move 0.03 ns a byte.
 */
export const MOVE_LIMIT = 192;

/** Where the sink and the initial configuration are named in a body. */
export interface BodyContext {
  readonly size: number;
  readonly any: boolean;
  readonly mxcsrCounts: boolean;
  readonly movesFromRegisters: boolean;
  readonly movesToArea: boolean;
  readonly rfbmLow: number;
  readonly rfbmHigh: number;
  readonly masks: readonly { readonly component: number; readonly word: string; readonly bit: number }[];
  readonly segments: readonly SegmentContext[];
  readonly replaceHeader: boolean;
  readonly header: readonly { readonly word: number; readonly value: string }[];
  readonly clears: readonly { readonly word: number; readonly value: string }[];
  /** Views that the saver needs: name, byte offset in a block, length; `lbr` for the one of 64 per processor. */
  readonly views: readonly { readonly name: string; readonly offset: number; readonly length: number; readonly lbr: boolean }[];
}

interface SegmentContext {
  readonly id: string;
  readonly comment: string;
  readonly component: number;
  readonly toSink: boolean;
  readonly selected: boolean;
  readonly moves: readonly { readonly to: string; readonly from: string }[];
  readonly set: boolean;
  readonly view: string;
  readonly viewIndex: string;
  readonly at: string;
  readonly control: boolean;
  readonly words: readonly { readonly at: string; readonly value: string }[];
}

/** Builds the context of one saver's body. */
export function bodyContext(form: FormSpec): BodyContext {
  const { plan } = form;
  const any = form.inUse === "any";
  const [rfbmLow, rfbmHigh] = maskPair(plan.rfbm).map((word) => word | 0) as [number, number];
  const segments = form.segments.map((segment) => segmentContext(form, segment));
  const conditional = [...new Set(form.segments.filter((each) => each.kind !== "live").map((each) => each.components[0] ?? 0))];
  return {
    size: plan.size,
    any,
    mxcsrCounts: plan.mxcsrCounts,
    movesFromRegisters: segments.some((each) => each.moves.length > 0 && !each.selected),
    movesToArea: segments.some((each) => each.moves.length > 0 && !each.toSink),
    rfbmLow,
    rfbmHigh,
    masks: conditional
      .toSorted((a, b) => a - b)
      .map((component) => ({ component, word: component < 32 ? "low" : "high", bit: component % 32 })),
    segments,
    replaceHeader: plan.header === "replace",
    header: headerWords(form, rfbmLow, rfbmHigh),
    clears: plan.clearsAfterSave.flatMap((clear) => clearWord(form, clear)),
    views: form.segments
      .filter((each) => usesView(each))
      .map((each) => ({
        name: viewName(each),
        offset: each.registers,
        length: each.length,
        lbr: each.rule === "lbr",
      })),
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
  const high = used ? String(used[1]) : "high";
  if (plan.header === "merge") {
    return [
      { word: 128, value: `(Q[w + 128]! & ${~rfbmLow}) | ${low}` },
      { word: 129, value: `(Q[w + 129]! & ${~rfbmHigh}) | ${high}` },
    ];
  }
  return [
    { word: 128, value: low },
    { word: 129, value: high },
    { word: 130, value: String(rfbmLow) },
    { word: 131, value: String(rfbmHigh | 0x8000_0000) },
  ];
}

function usesMoves(segment: SaveSegment): boolean {
  return (
    segment.rule === "copy" &&
    segment.length <= MOVE_LIMIT &&
    segment.length % 8 === 0 &&
    segment.area % 8 === 0 &&
    segment.registers % 8 === 0
  );
}

function usesView(segment: SaveSegment): boolean {
  return segment.rule === "lbr" || (segment.rule === "copy" && !usesMoves(segment));
}

function viewName(segment: SaveSegment): string {
  return `v${segment.registers}_${segment.length}`;
}

function segmentContext(form: FormSpec, segment: SaveSegment): SegmentContext {
  const component = segment.components[0] ?? 0;
  const toSink = segment.kind === "sink";
  const selected = segment.kind === "select";
  const id = `${component}_${segment.area}`;
  const moves = [];
  if (usesMoves(segment)) {
    const d = toSink ? `q${id}` : "q";
    const s = selected ? `t${id}` : "t";
    for (let at = 0; at < segment.length; at += 8) {
      moves.push({ to: plus(d, (segment.area + at) / 8), from: plus(s, (segment.registers + at) / 8) });
    }
  }
  const lbr = segment.rule === "lbr";
  const block = selected ? `p${id}` : "processor";
  return {
    id,
    comment: `${segment.components.map(componentName).join(", ")}: ${segment.length} bytes at ${segment.area}${
      lbr ? ", as many entries as IA32_LBR_DEPTH says" : ""
    }${toSink ? ", or to the sink" : selected ? ", or initial values" : ""}`,
    component,
    toSink,
    selected,
    moves,
    set: usesView(segment),
    view: viewName(segment),
    viewIndex: lbr ? `(processor << 6) + (R[f + ${(segment.registers + 8) >>> 2}]! & 63)` : block,
    at: plus(toSink ? `o${id}` : "offset", segment.area),
    control: segment.rule === "x87-control",
    words: segment.rule === "x87-control" ? controlWords(form, segment) : [],
  };
}

/** The six dwords of the x87 control part under a pointer rule: FSW.ES is bit 23 of dword 0. */
function controlWords(form: FormSpec, segment: SaveSegment): { at: string; value: string }[] {
  const id = `0_${segment.area}`;
  const r = segment.kind === "select" ? `c${id}` : "f";
  const d = segment.kind === "sink" ? `x${id}` : "w";
  const kept = form.plan.x87Pointers === "kept-unless-es";
  const es = `((R[${r}]! << 8) >> 31)`;
  const words = [{ at: d, value: `R[${r}]!` }];
  words.push({
    at: `${d} + 1`,
    value: `(R[${r} + 1]! & (255 | (${es} & -65536)))${kept ? ` | (Q[${d} + 1]! & ~${es} & -65536)` : ""}`,
  });
  for (let word = 2; word < 6; word++) {
    words.push({
      at: `${d} + ${word}`,
      value: `(R[${r} + ${word}]! & ${es})${kept ? ` | (Q[${d} + ${word}]! & ~${es})` : ""}`,
    });
  }
  return words;
}

function plus(base: string, amount: number): string {
  return amount === 0 ? base : `${base} + ${amount}`;
}
