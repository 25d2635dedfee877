/** What a restore must do, effect by effect: written from the plan, not from the template, for the proof to compare with. */

import type { RestorePiece } from "../runtime/restore-plan.ts";
import { isPartSet, isSet, moveUnit, RESTORE_MOVE_LIMIT } from "./restore-context.ts";
import { copiedPieces, type RestoreSpec, wholeSegments } from "./restore-spec.ts";
import { restoreTests, words } from "./restore-tests.ts";

/** The effects that the plan asks for, in order; blocks as `if (...) {` ... `}`, copies as runs of bytes. */
export function expectedRestore(spec: RestoreSpec): string[] {
  const { plan } = spec;
  const [rfbmLow, rfbmHigh] = words(plan.rfbm);
  const has = (index: number): boolean => ((plan.rfbm >> BigInt(index)) & 1n) === 1n;
  const zeroed = plan.pieces.flatMap(({ registers, registerBytes, length }) =>
    Array.from({ length: (length - registerBytes) / 4 }, (_, i) => `R[f + ${(registers + registerBytes) / 4 + i}] = 0;`),
  );
  const upper = (effect: string): string[] => (rfbmHigh === 0 ? [] : [effect]);
  const segments = wholeSegments(plan);
  const byEight = ({ registers, area, length }: { registers: number; area?: number | undefined; length: number }): boolean =>
    length <= RESTORE_MOVE_LIMIT && (registers | (area ?? 0) | length) % 8 === 0;
  const copied = plan.pieces.filter(({ rule }) => rule === "copy");
  const eights = [...segments, ...copied.map((piece) => ({ ...piece, length: piece.registerBytes }))].filter(byEight);
  const out = [
    "const base = registers.base(processor);",
    `if (!areas.accepts(offset, ${plan.size})) return -1;`,
    "const place = offset & M;",
    "const f = base >>> 2;",
    "const w = place >>> 2;",
    ...(eights.length > 0 ? ["const t = base >>> 3;"] : []),
    ...(eights.some(({ area }) => area !== undefined) ? ["const q = place >>> 3;"] : []),
    `const low = Q[w + 128]! & ${rfbmLow};`,
    ...upper(`const high = Q[w + 129]! & ${rfbmHigh};`),
    `if ((${restoreTests(spec).join(" | ")}) !== 0) return -1;`,
  ];
  if (segments.length > 0) {
    out.push(rfbmHigh === 0 ? `if (low === ${rfbmLow}) {` : `if (((low ^ ${rfbmLow}) | (high ^ ${rfbmHigh})) === 0) {`);
    if (has(0)) out.push(`${has(1) ? "legacy" : "x87"}(processor, place);`);
    if (plan.mxcsr !== "kept") out.push("R[f + 6] = Q[w + 6]!;");
    if (segments.some(isSet)) out.push("const all = whole.at(place);");
    for (const segment of segments) {
      const { registers, area, length } = segment;
      const unit = moveUnit(segment);
      if (unit !== undefined) out.push(`move${unit} ${area} -> ${registers} length ${length}`);
      else if (isSet(segment)) out.push(`set ${area} ${length} -> ${registers}`);
      else out.push(`l${area}_${length}(processor, place);`);
    }
    out.push(...zeroed, `R[f + 128] = R[f + 128]! | ${rfbmLow};`);
    out.push(...upper(`R[f + 129] = R[f + 129]! | ${rfbmHigh};`), "return 0;", "}");
  }
  const initial = "i0_24(processor, place); i32_128(processor, place); R[f + 136] = 0;";
  if (has(0) && has(1)) {
    out.push(`if ((low & 1) !== 0) legacy(processor, place); else { ${initial} l160_256(processor, place); }`);
    out.push("if ((low & 2) === 0) i160_256(processor, place);");
  } else if (has(0)) out.push(`if ((low & 1) !== 0) x87(processor, place); else { ${initial} }`);
  if (plan.mxcsr === "area") out.push("R[f + 6] = Q[w + 6]!;");
  if (plan.mxcsr === "area-or-initial") out.push("R[f + 6] = (low & 2) !== 0 ? Q[w + 6]! : 8064;");
  const parts = copiedPieces(plan).filter(({ component }) => component !== 1 || !has(0));
  if (parts.some(isPartSet)) out.push("const area = parts.at(place);");
  for (const piece of [...parts, ...plan.pieces.filter(({ rule, area }) => rule === "copy" && area === undefined)])
    out.push(...partEffects(piece));
  out.push(
    ...zeroed,
    `R[f + 128] = (R[f + 128]! & ${~rfbmLow}) | low;`,
    ...upper(`R[f + 129] = (R[f + 129]! & ${~rfbmHigh}) | high;`),
    "return 0;",
  );
  return out;
}

/** A component where not everything is in use: from the area if it is loaded, else initial. */
function partEffects(piece: RestorePiece): string[] {
  const { component, area, registers, registerBytes } = piece;
  const bit = `(${component < 32 ? "low" : "high"} & ${1 << (component & 31)}) !== 0`;
  const run = `${registers}_${registerBytes}`;
  if (isPartSet(piece)) {
    const from = area === undefined ? "initial" : `${bit} ? ${area} : initial`;
    return [`set ${from} ${registers} ${registerBytes} -> ${registers}`];
  }
  if (registerBytes > RESTORE_MOVE_LIMIT) {
    const initial = `i${run}(processor, place);`;
    return [area === undefined ? initial : `if (${bit}) l${run}(processor, place); else ${initial}`];
  }
  if ((registers | (area ?? 0) | registerBytes) % 8 === 0) {
    const initial = `initial8 ${registers} -> ${registers} length ${registerBytes}`;
    if (area === undefined) return [initial];
    return [`if (${bit}) {`, `move8 ${area} -> ${registers} length ${registerBytes}`, "} else {", initial, "}"];
  }
  const word = (base: string, at: number): string => (at === 0 ? base : `${base} + ${at}`);
  return Array.from({ length: registerBytes / 4 }, (_, k) => {
    const initial = `R[${word("i", registers / 4 + k)}]!`;
    const value = area === undefined ? initial : `${bit} ? Q[${word("w", area / 4 + k)}]! : ${initial}`;
    return `R[${word("f", registers / 4 + k)}] = ${value};`;
  });
}
