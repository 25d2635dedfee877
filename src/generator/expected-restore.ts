/** What a restore must do, effect by effect: written from the plan, not from the template, for the proof to compare with. */

import { moveUnit } from "./restore-context.ts";
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
  const out = [
    "const base = registers.base(processor);",
    `if (!areas.accepts(offset, ${plan.size})) return -1;`,
    "const f = base >>> 2;",
    "const w = offset >>> 2;",
    `const low = Q[w + 128]! & ${rfbmLow};`,
    ...upper(`const high = Q[w + 129]! & ${rfbmHigh};`),
    `if ((${restoreTests(spec).join(" | ")}) !== 0) return -1;`,
  ];
  if (plan.pieces.every(({ area }) => area !== undefined)) {
    const segments = wholeSegments(plan);
    out.push(rfbmHigh === 0 ? `if (low === ${rfbmLow}) {` : `if (((low ^ ${rfbmLow}) | (high ^ ${rfbmHigh})) === 0) {`);
    if (has(0)) out.push("x87(base, offset);");
    if (plan.mxcsr !== "kept") out.push("R[f + 6] = Q[w + 6]!;");
    if (segments.some((segment) => moveUnit(segment) === undefined)) out.push("const all = whole.at(offset);");
    if (segments.some((segment) => moveUnit(segment) === 8)) out.push("const t = base >>> 3;", "const q = offset >>> 3;");
    for (const segment of segments) {
      const { registers, area, length } = segment;
      const unit = moveUnit(segment);
      out.push(
        unit === undefined ? `set ${area} ${length} -> ${registers}` : `move${unit} ${area} -> ${registers} length ${length}`,
      );
    }
    out.push(...zeroed, `R[f + 128] = R[f + 128]! | ${rfbmLow};`);
    out.push(...upper(`R[f + 129] = R[f + 129]! | ${rfbmHigh};`), "return 0;", "}");
  }
  if (has(0)) out.push("if ((low & 1) !== 0) x87(base, offset); else initialX87(base);");
  if (plan.mxcsr === "area") out.push("R[f + 6] = Q[w + 6]!;");
  if (plan.mxcsr === "area-or-initial") out.push("R[f + 6] = (low & 2) !== 0 ? Q[w + 6]! : 8064;");
  const parts = copiedPieces(plan);
  if (parts.length > 0) out.push("const area = parts.at(offset);");
  for (const { component, registers, area, registerBytes } of parts) {
    const bit = `(${component < 32 ? "low" : "high"} & ${1 << (component & 31)}) !== 0`;
    out.push(`set ${bit} ? ${area} : initial ${registers} ${registerBytes} -> ${registers}`);
  }
  for (const { rule, area, registers, registerBytes } of plan.pieces) {
    if (rule === "copy" && area === undefined) out.push(`set initial ${registers} ${registerBytes} -> ${registers}`);
  }
  out.push(
    ...zeroed,
    `R[f + 128] = (R[f + 128]! & ${~rfbmLow}) | low;`,
    ...upper(`R[f + 129] = (R[f + 129]! & ${~rfbmHigh}) | high;`),
    "return 0;",
  );
  return out;
}
