/** What a saver must do, effect by effect: written from the plan, not from the template, for the proof to compare with. */

import type { X87Pointers } from "../isa/vendor-behaviour.ts";
import { usesMoves } from "./body-context.ts";
import { regionOf, type RegionSpec } from "./region-copy.ts";
import type { FormSpec } from "./saver-spec.ts";
import type { SaveSegment } from "../runtime/save-segments.ts";

/** The effects that the plan asks for, written from the plan and not from the template. */
export function expectedEffects(form: FormSpec): string[] {
  const { plan, segments } = form;
  const out = [`areas.check(offset, ${plan.size});`];
  const region = (segment: SaveSegment): RegionSpec | undefined => regionOf(segment, plan.x87Pointers);
  const isView = (segment: SaveSegment, index: number): boolean =>
    segment.rule === "lbr" || (segment.rule === "copy" && !isDword(segment) && !isMove(index) && !region(segment));
  const isMove = (index: number): boolean => usesMoves(segments[index]!);
  const by8Bytes = segments.some((each, i) => isMove(i) && each.kind !== "select");
  const { inUse } = form;
  const byWords =
    inUse === "any" ||
    plan.clearsAfterSave.some(({ component }) => ((inUse >> BigInt(component)) & 1n) === 1n) ||
    segments.some((each) => (each.rule !== "copy" && !region(each)) || isDword(each));
  out.push(by8Bytes || byWords ? "const base = registers.base(processor);" : "registers.base(processor);");
  if (segments.some((each, i) => isView(each, i) && each.kind !== "select")) out.push("const block = processor & P;");
  out.push("const place = offset & M;");
  if (by8Bytes) out.push("const t = base >>> 3;");
  if (byWords) out.push("const f = base >>> 2;");
  if (segments.some((each, i) => isMove(i) && each.kind !== "sink")) out.push("const q = place >>> 3;");
  out.push("const w = place >>> 2;");
  const rfbm = [Number(BigInt.asIntN(32, plan.rfbm)), Number(BigInt.asIntN(32, plan.rfbm >> 32n))] as const;
  if (form.inUse === "any") {
    const x = "R[f + 128]! & ~R[f + 134]!";
    out.push(
      plan.mxcsrCounts ? `const low = ((${x}) | mxcsrInUse(R[f + 6]!)) & ${rfbm[0]};` : `const low = (${x}) & ${rfbm[0]};`,
    );
    if (rfbm[1] !== 0) out.push(`const high = R[f + 129]! & ~R[f + 135]! & ${rfbm[1]};`);
    const bits = new Set(segments.filter((each) => each.kind !== "live").map((each) => each.components[0]!));
    for (const bit of [...bits].sort((a, b) => a - b))
      out.push(`const m${bit} = ((${bit < 32 ? "low" : "high"} >>> ${bit % 32}) & 1) - 1;`);
  }
  segments.forEach((segment, i) => {
    const component = segment.components[0]!;
    const id = `${component}_${segment.area}`;
    const control = segment.rule === "x87-control" && !region(segment);
    const dword = isDword(segment);
    const offset = `place + ((sink - place) & m${component})`;
    const source = `(base + ((initialBase - base) & m${component}))`;
    if (segment.kind === "sink") {
      const seen = segments.slice(0, i).some((each) => each.kind === "sink" && each.components[0] === component);
      if (!seen) out.push(`const o${component} = ${offset};`);
      if (isMove(i)) out.push(`const q${id} = o${component} >>> 3;`);
      if (control || dword) out.push(`const x${id} = o${component} >>> 2;`);
    }
    if (segment.kind === "select") {
      if (!isMove(i) && !control && !dword) out.push(`const p${id} = processor + ((initial - processor) & m${component});`);
      if (isMove(i)) out.push(`const t${id} = ${source} >>> 3;`);
      if (control || dword) out.push(`const c${id} = ${source} >>> 2;`);
    }
    if (control) {
      const d = segment.kind === "sink" ? `x${id}` : "w";
      const r = segment.kind === "select" ? `c${id}` : "f";
      out.push(...expectedControl(r, d, `e${id}`, plan.x87Pointers));
    } else if (dword) {
      const to = segment.kind === "sink" ? `x${id}` : "w";
      const from = segment.kind === "select" ? `c${id}` : "f";
      out.push(`Q[${to} + ${segment.area / 4}] = R[${from} + ${segment.registers / 4}]!;`);
    } else if (isMove(i)) {
      const from = segment.kind === "select" ? `t${id}` : "t";
      const to = segment.kind === "sink" ? `q${id}` : "q";
      out.push(`move ${from} ${segment.registers} -> ${to} ${segment.area} length ${segment.length}`);
    } else if (region(segment)) {
      out.push(`${region(segment)!.name} (processor, ${segment.kind === "sink" ? `o${component}` : "place"})`);
    } else {
      const lbr = segment.rule === "lbr";
      const index = lbr
        ? `(block << 6) + (R[f + ${(segment.registers + 8) / 4}]! & 63)`
        : segment.kind === "select"
          ? `p${id}`
          : "block";
      const view = lbr ? `lbrViews ${segment.registers}` : `views ${segment.registers} ${segment.length}`;
      out.push(`set ${view} [${index}] -> ${segment.kind === "sink" ? `o${component}` : "place"} ${segment.area}`);
    }
  });
  const used = form.inUse === "any" ? undefined : form.inUse;
  const word = (value: bigint, shift: bigint): string => String(Number(BigInt.asIntN(32, value >> shift)));
  const low = used === undefined ? "low" : word(used, 0n);
  const high = used === undefined ? (rfbm[1] === 0 ? "0" : "high") : word(used, 32n);
  if (plan.header === "merge") {
    out.push(`Q[w + 128] = (Q[w + 128]! & ${word(~plan.rfbm, 0n)}) | ${low};`);
    if (rfbm[1] !== 0) out.push(`Q[w + 129] = (Q[w + 129]! & ${word(~plan.rfbm, 32n)}) | ${high};`);
  } else {
    const comp = plan.rfbm | (1n << 63n);
    out.push(
      `Q[w + 128] = ${low};`,
      `Q[w + 129] = ${high};`,
      `Q[w + 130] = ${word(comp, 0n)};`,
      `Q[w + 131] = ${word(comp, 32n)};`,
    );
  }
  for (const clear of plan.clearsAfterSave) {
    const at = `R[f + ${clear.registers / 4}]`;
    if (used === undefined) out.push(`${at} = ${at}! & (${clear.keep} | m${clear.component});`);
    else if ((used >> BigInt(clear.component)) & 1n) out.push(`${at} = ${at}! & ${clear.keep};`);
  }
  return mergeAdjacentMoves(out);
}

/** The stores of x87's control part, from dword `r` of the block to dword `d` of the area. */
function expectedControl(r: string, d: string, es: string, x87Pointers: X87Pointers): string[] {
  const old = (word: number, mask: string): string =>
    x87Pointers === "kept-unless-es" ? ` | (Q[${d} + ${word}]! & ${mask})` : "";
  return [
    `const ${es} = (R[${r}]! << 8) >> 31;`,
    `Q[${d}] = R[${r}]!;`,
    `Q[${d} + 1] = (R[${r} + 1]! & (255 | (${es} & -65536)))${old(1, `~${es} & -65536`)};`,
    ...[2, 3, 4, 5].map((word) => `Q[${d} + ${word}] = (R[${r} + ${word}]! & ${es})${old(word, `~${es}`)};`),
  ];
}

/** Four bytes that are one element of both; a CPU that does not exist may have them at any offset. */
function isDword({ rule, length, area, registers }: SaveSegment): boolean {
  return rule === "copy" && length === 4 && area % 4 === 0 && registers % 4 === 0;
}

/** Adjacent moves of the plan join in the tree's view too. */
function mergeAdjacentMoves(effects: readonly string[]): string[] {
  const out: string[] = [];
  for (const effect of effects) {
    const previous = /^move (\w+) (\d+) -> (\w+) (\d+) length (\d+)$/.exec(out.at(-1) ?? "");
    const next = /^move (\w+) (\d+) -> (\w+) (\d+) length (\d+)$/.exec(effect);
    if (
      previous &&
      next &&
      previous[1] === next[1] &&
      previous[3] === next[3] &&
      Number(previous[2]) + Number(previous[5]) === Number(next[2]) &&
      Number(previous[4]) + Number(previous[5]) === Number(next[4])
    ) {
      out[out.length - 1] =
        `move ${previous[1]} ${previous[2]} -> ${previous[3]} ${previous[4]} length ${Number(previous[5]) + Number(next[5])}`;
    } else out.push(effect);
  }
  return out;
}

/** The same for the copy of a region. */
export function expectedCopy({ at, length, x87Pointers }: RegionSpec): string[] {
  const control = x87Pointers === "saved" ? 0 : 24;
  return [
    "const t = ((processor & P) * B) >>> 3;",
    "const q = (offset & M) >>> 3;",
    ...(control === 0
      ? []
      : [
          "const f = ((processor & P) * B) >>> 2;",
          "const w = (offset & M) >>> 2;",
          ...expectedControl("f", "w", "e", x87Pointers),
        ]),
    `move t ${at + control} -> q ${at + control} length ${length - control}`,
  ];
}
