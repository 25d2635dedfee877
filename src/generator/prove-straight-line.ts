/**
 * The proof: on the syntax tree of what is about to be written, every save function is straight-line and
 * stores exactly what its plan says. It speaks of our source; the engine keeps its own bounds checks.
 */

import { Node, SyntaxKind, type SourceFile } from "ts-morph";

import { bodyContext } from "./body-context.ts";
import { sourceFile } from "./build-module.ts";
import type { FormSpec, GroupSpec } from "./saver-spec.ts";

/** Generated code is not what the plan says; names file, line, column and token. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

const ALLOWED_KINDS = new Set([
  SyntaxKind.Block, SyntaxKind.VariableStatement, SyntaxKind.VariableDeclarationList, SyntaxKind.VariableDeclaration,
  SyntaxKind.ExpressionStatement, SyntaxKind.BinaryExpression, SyntaxKind.PrefixUnaryExpression, SyntaxKind.ParenthesizedExpression,
  SyntaxKind.ElementAccessExpression, SyntaxKind.NonNullExpression, SyntaxKind.NumericLiteral, SyntaxKind.Identifier,
  SyntaxKind.CallExpression, SyntaxKind.PropertyAccessExpression, SyntaxKind.SyntaxList,
  SyntaxKind.OpenBraceToken, SyntaxKind.CloseBraceToken, SyntaxKind.OpenBracketToken, SyntaxKind.CloseBracketToken,
  SyntaxKind.OpenParenToken, SyntaxKind.CloseParenToken, SyntaxKind.SemicolonToken, SyntaxKind.CommaToken, SyntaxKind.DotToken,
  SyntaxKind.ConstKeyword, SyntaxKind.ExclamationToken, SyntaxKind.EqualsToken, SyntaxKind.PlusToken, SyntaxKind.MinusToken,
  SyntaxKind.AmpersandToken, SyntaxKind.BarToken, SyntaxKind.CaretToken, SyntaxKind.TildeToken,
  SyntaxKind.LessThanLessThanToken, SyntaxKind.GreaterThanGreaterThanToken, SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);
const ALLOWED_CALLS = new Set(["areas.check", "registers.base", "U.set"]);

/** Proves every saver of a module's text; throws ProofError at the first that fails. Returns the number of savers. */
export function proveModule(path: string, text: string, groups: readonly GroupSpec[]): number {
  const file = sourceFile(`proof-${path.replaceAll("/", "-")}`, text);
  const broken = (file.compilerNode as unknown as { parseDiagnostics: { messageText: unknown; start: number }[] }).parseDiagnostics[0];
  if (broken) throw fail(file, path, broken.start, `does not parse: ${String(broken.messageText)}`);
  const forms = groups.flatMap((group) => group.forms);
  for (const form of forms) proveForm(file, path, form);
  const found = file.getVariableDeclarations().filter((each) => each.getTypeNode()?.getText() === "SaverForm").length;
  if (found !== forms.length) throw new ProofError(`${path}: ${found} savers, planned are ${forms.length}`);
  return forms.length;
}

function proveForm(file: SourceFile, path: string, form: FormSpec): void {
  const declaration = file.getVariableDeclaration(form.name);
  const bind = declaration?.getDescendantsOfKind(SyntaxKind.MethodDeclaration).find((each) => each.getName() === "bind");
  const save = bind?.getDescendantsOfKind(SyntaxKind.FunctionExpression)[0];
  if (!bind || !save) throw new ProofError(`${path}: saver ${form.name} is missing`);
  for (const parameter of save.getParameters()) {
    if (parameter.getInitializer() || !Node.isIdentifier(parameter.getNameNode())) {
      throw fail(file, path, parameter.getStart(), `default value or pattern in a parameter of ${form.name}`);
    }
  }
  const body = save.getBody();
  const visit = (node: Node): void => {
    if (!ALLOWED_KINDS.has(node.getKind())) {
      throw fail(file, path, node.getStart(), `${node.getKindName()} is not allowed in a save function: ${node.getText().slice(0, 40)}`);
    }
    if (Node.isCallExpression(node) && !ALLOWED_CALLS.has(node.getExpression().getText())) {
      throw fail(file, path, node.getStart(), `call of ${node.getExpression().getText()} is not allowed in a save function`);
    }
    if (Node.isBinaryExpression(node) && node.getOperatorToken().getKind() === SyntaxKind.EqualsToken && !Node.isElementAccessExpression(node.getLeft())) {
      throw fail(file, path, node.getStart(), `assignment to ${node.getLeft().getText()}`);
    }
    node.forEachChild(visit);
  };
  visit(body);
  compareEffects(file, path, form, bind.getStatements().slice(0, -1), (body as unknown as { getStatements(): Node[] }).getStatements());
}

/** What a body does, one line per effect in order, moves joined to runs: recomputed from the tree. */
function compareEffects(file: SourceFile, path: string, form: FormSpec, prelude: readonly Node[], statements: readonly Node[]): void {
  const views = new Map<string, string>();
  const bound = new Map<string, string>();
  for (const statement of prelude) {
    const match = /^const (\w+) = (.+);$/.exec(statement.getText());
    if (!match?.[1] || !match[2]) throw fail(file, path, statement.getStart(), `unexpected statement ${statement.getText()}`);
    const view = /^registers\.(views|lbrViews)\((\d+)(?:, (\d+))?\)$/.exec(match[2]);
    if (view) views.set(match[1], `${view[1]} ${view[2]} ${view[3] ?? ""}`.trim());
    else bound.set(match[1], match[2]);
  }
  const wanted: Record<string, string> = {
    R: "registers.i32", s: "registers.b64", Q: "areas.i32", d: "areas.b64", U: "areas.u8", sink: "areas.sink",
    initial: "registers.initial", initialBase: "registers.initialBase",
  };
  for (const [name, value] of bound) {
    if (wanted[name] !== value) throw new ProofError(`${path}: ${form.name} binds ${name} to ${value}`);
  }
  const effects: Effect[] = [];
  for (const statement of statements) pushEffect(effects, statement.getText().replace(/\s+/g, " "), views);
  const expected = expectedEffects(form);
  for (let i = 0; i < Math.max(effects.length, expected.length); i++) {
    const got = effects[i] && effectText(effects[i]!);
    if (got !== expected[i]) {
      throw new ProofError(`${path}: ${form.name} does not do what was planned: expected "${expected[i] ?? "nothing"}", got "${got ?? "nothing"}"`);
    }
  }
}

interface Run {
  readonly to: string;
  readonly from: string;
  readonly at: number;
  readonly source: number;
  length: number;
}
type Effect = Run | string;

function pushEffect(effects: Effect[], text: string, views: ReadonlyMap<string, string>): void {
  const move = /^d\[(\w+)(?: \+ (\d+))?\] = s\[(\w+)(?: \+ (\d+))?\]!;$/.exec(text);
  if (move?.[1] && move[3]) {
    const at = Number(move[2] ?? 0) * 8;
    const source = Number(move[4] ?? 0) * 8;
    const last = effects.at(-1);
    if (typeof last === "object" && last.to === move[1] && last.from === move[3] && last.at + last.length === at && last.source + last.length === source) {
      last.length += 8;
    } else effects.push({ to: move[1], from: move[3], at, source, length: 8 });
    return;
  }
  const set = /^U\.set\((\w+)\[(.+)\]!, (\w+)(?: \+ (\d+))?\);$/.exec(text);
  if (set?.[1]) {
    effects.push(`set ${views.get(set[1]) ?? set[1]} [${set[2]}] -> ${set[3]} ${set[4] ?? 0}`);
    return;
  }
  effects.push(text);
}

function effectText(effect: Effect): string {
  return typeof effect === "string" ? effect : `move ${effect.from} ${effect.source} -> ${effect.to} ${effect.at} length ${effect.length}`;
}

/** The effects that the plan asks for, written from the plan and not from the template. */
function expectedEffects(form: FormSpec): string[] {
  const { plan, segments } = form;
  const context = bodyContext(form);
  const out = [`areas.check(offset, ${plan.size});`, "const base = registers.base(processor);"];
  const isMove = (index: number): boolean => (context.segments[index]?.moves.length ?? 0) > 0;
  if (segments.some((each, i) => isMove(i) && each.kind !== "select")) out.push("const t = base >>> 3;");
  out.push("const f = base >>> 2;");
  if (segments.some((each, i) => isMove(i) && each.kind !== "sink")) out.push("const q = offset >>> 3;");
  out.push("const w = offset >>> 2;");
  const rfbm = [Number(BigInt.asIntN(32, plan.rfbm)), Number(BigInt.asIntN(32, plan.rfbm >> 32n))] as const;
  if (form.inUse === "any") {
    const x = "R[f + 128]! & ~R[f + 134]!";
    out.push(
      plan.mxcsrCounts
        ? `const low = ((${x}) | ((((R[f + 6]! ^ 8064) | (0 - (R[f + 6]! ^ 8064))) >>> 31) << 1)) & ${rfbm[0]};`
        : `const low = (${x}) & ${rfbm[0]};`,
      `const high = R[f + 129]! & ~R[f + 135]! & ${rfbm[1]};`,
    );
    const bits = new Set(segments.filter((each) => each.kind !== "live").map((each) => each.components[0]!));
    for (const bit of [...bits].sort((a, b) => a - b)) out.push(`const m${bit} = ((${bit < 32 ? "low" : "high"} >>> ${bit % 32}) & 1) - 1;`);
  }
  segments.forEach((segment, i) => {
    const component = segment.components[0]!;
    const id = `${component}_${segment.area}`;
    const control = segment.rule === "x87-control";
    const offset = `offset + ((sink - offset) & m${component})`;
    const source = `(base + ((initialBase - base) & m${component}))`;
    if (segment.kind === "sink") {
      out.push(`const o${id} = ${offset};`);
      if (isMove(i)) out.push(`const q${id} = o${id} >>> 3;`);
      if (control) out.push(`const x${id} = o${id} >>> 2;`);
    }
    if (segment.kind === "select") {
      if (!isMove(i) && !control) out.push(`const p${id} = processor + ((initial - processor) & m${component});`);
      if (isMove(i)) out.push(`const t${id} = ${source} >>> 3;`);
      if (control) out.push(`const c${id} = ${source} >>> 2;`);
    }
    if (control) {
      const d = segment.kind === "sink" ? `x${id}` : "w";
      const r = segment.kind === "select" ? `c${id}` : "f";
      const es = `((R[${r}]! << 8) >> 31)`;
      const old = (word: number, mask: string): string => (plan.x87Pointers === "kept-unless-es" ? ` | (Q[${d} + ${word}]! & ${mask})` : "");
      out.push(`Q[${d}] = R[${r}]!;`, `Q[${d} + 1] = (R[${r} + 1]! & (255 | (${es} & -65536)))${old(1, `~${es} & -65536`)};`);
      for (let word = 2; word <= 5; word++) out.push(`Q[${d} + ${word}] = (R[${r} + ${word}]! & ${es})${old(word, `~${es}`)};`);
    } else if (isMove(i)) {
      const from = segment.kind === "select" ? `t${id}` : "t";
      const to = segment.kind === "sink" ? `q${id}` : "q";
      out.push(`move ${from} ${segment.registers} -> ${to} ${segment.area} length ${segment.length}`);
    } else {
      const lbr = segment.rule === "lbr";
      const index = lbr ? `(processor << 6) + (R[f + ${(segment.registers + 8) / 4}]! & 63)` : segment.kind === "select" ? `p${id}` : "processor";
      const view = lbr ? `lbrViews ${segment.registers}` : `views ${segment.registers} ${segment.length}`;
      out.push(`set ${view} [${index}] -> ${segment.kind === "sink" ? `o${id}` : "offset"} ${segment.area}`);
    }
  });
  const used = form.inUse === "any" ? undefined : form.inUse;
  const word = (value: bigint, shift: bigint): string => String(Number(BigInt.asIntN(32, value >> shift)));
  const low = used === undefined ? "low" : word(used, 0n);
  const high = used === undefined ? "high" : word(used, 32n);
  if (plan.header === "merge") {
    out.push(
      `Q[w + 128] = (Q[w + 128]! & ${word(~plan.rfbm, 0n)}) | ${low};`,
      `Q[w + 129] = (Q[w + 129]! & ${word(~plan.rfbm, 32n)}) | ${high};`,
    );
  } else {
    const comp = plan.rfbm | (1n << 63n);
    out.push(`Q[w + 128] = ${low};`, `Q[w + 129] = ${high};`, `Q[w + 130] = ${word(comp, 0n)};`, `Q[w + 131] = ${word(comp, 32n)};`);
  }
  for (const clear of plan.clearsAfterSave) {
    const at = `R[f + ${clear.registers / 4}]`;
    if (used === undefined) out.push(`${at} = ${at}! & (${clear.keep} | m${clear.component});`);
    else if ((used >> BigInt(clear.component)) & 1n) out.push(`${at} = ${at}! & ${clear.keep};`);
  }
  return mergeAdjacentMoves(out);
}

/** Adjacent moves of the plan join in the tree's view too. */
function mergeAdjacentMoves(effects: readonly string[]): string[] {
  const out: string[] = [];
  for (const effect of effects) {
    const previous = /^move (\w+) (\d+) -> (\w+) (\d+) length (\d+)$/.exec(out.at(-1) ?? "");
    const next = /^move (\w+) (\d+) -> (\w+) (\d+) length (\d+)$/.exec(effect);
    if (
      previous && next && previous[1] === next[1] && previous[3] === next[3] &&
      Number(previous[2]) + Number(previous[5]) === Number(next[2]) && Number(previous[4]) + Number(previous[5]) === Number(next[4])
    ) {
      out[out.length - 1] = `move ${previous[1]} ${previous[2]} -> ${previous[3]} ${previous[4]} length ${Number(previous[5]) + Number(next[5])}`;
    } else out.push(effect);
  }
  return out;
}

function fail(file: SourceFile, path: string, position: number, message: string): ProofError {
  const { line, column } = file.getLineAndColumnAtPos(position);
  return new ProofError(`${path}:${line}:${column}: ${message}`);
}
