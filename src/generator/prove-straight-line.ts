/**
 * The proof: on the syntax tree of what is about to be written, every save function is straight-line and
 * stores exactly what its plan says. It speaks of our source; the engine keeps its own bounds checks.
 */

import { SyntaxKind, ts } from "ts-morph";

import { builtFile, sourceFile } from "./build-module.ts";
import { expectedEffects } from "./expected-effects.ts";
import { type FormSpec, type GroupSpec, pointerRule } from "./saver-spec.ts";

/** Generated code is not what the plan says; names file, line, column and token. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

const ALLOWED_KINDS = new Set([
  SyntaxKind.Block,
  SyntaxKind.VariableStatement,
  SyntaxKind.VariableDeclarationList,
  SyntaxKind.VariableDeclaration,
  SyntaxKind.ExpressionStatement,
  SyntaxKind.BinaryExpression,
  SyntaxKind.PrefixUnaryExpression,
  SyntaxKind.ParenthesizedExpression,
  SyntaxKind.ElementAccessExpression,
  SyntaxKind.NonNullExpression,
  SyntaxKind.NumericLiteral,
  SyntaxKind.Identifier,
  SyntaxKind.CallExpression,
  SyntaxKind.PropertyAccessExpression,
  SyntaxKind.SyntaxList,
  SyntaxKind.OpenBraceToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.OpenBracketToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.OpenParenToken,
  SyntaxKind.CloseParenToken,
  SyntaxKind.SemicolonToken,
  SyntaxKind.CommaToken,
  SyntaxKind.DotToken,
  SyntaxKind.ConstKeyword,
  SyntaxKind.ExclamationToken,
  SyntaxKind.EqualsToken,
  SyntaxKind.PlusToken,
  SyntaxKind.MinusToken,
  SyntaxKind.AmpersandToken,
  SyntaxKind.BarToken,
  SyntaxKind.CaretToken,
  SyntaxKind.TildeToken,
  SyntaxKind.LessThanLessThanToken,
  SyntaxKind.GreaterThanGreaterThanToken,
  SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);
const ALLOWED_CALLS = new Set(["areas.check", "registers.base", "U.set"]);

/** Proves every saver of a module's text; throws ProofError at the first that fails. Returns the number of savers. */
export function proveModule(path: string, text: string, groups: readonly GroupSpec[]): number {
  const file = parsedFile(path, text);
  const [broken] = (file as unknown as { parseDiagnostics: { messageText: unknown; start: number }[] }).parseDiagnostics;
  if (broken) throw fail(file, path, broken.start, `does not parse: ${String(broken.messageText)}`);
  const declared = new Map<string, ts.VariableDeclaration>();
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const each of statement.declarationList.declarations) {
      if (each.type?.getText(file) === "SaverForm") declared.set(each.name.getText(file), each);
    }
  }
  const forms = groups.flatMap((group) => group.forms);
  for (const form of forms) proveForm(file, path, form, declared.get(form.name));
  proveStatements(file, path, groups);
  if (declared.size !== forms.length) throw new ProofError(`${path}: ${declared.size} savers, planned are ${forms.length}`);
  return forms.length;
}

// The compiler's own nodes: ts-morph's wrappers cost thirty times as much to walk (measured, 2.6 million nodes).
function proveForm(file: ts.SourceFile, path: string, form: FormSpec, declaration: ts.VariableDeclaration | undefined): void {
  const call = declaration?.initializer;
  const literal = call && ts.isCallExpression(call) ? call.arguments[0] : undefined;
  const members: readonly ts.ObjectLiteralElementLike[] =
    literal && ts.isObjectLiteralExpression(literal) ? literal.properties : [];
  const bind = members.find(
    (each): each is ts.MethodDeclaration => ts.isMethodDeclaration(each) && each.name.getText(file) === "bind",
  );
  const bindStatements = bind?.body?.statements ?? [];
  const last = bindStatements.at(-1);
  const save = last && ts.isReturnStatement(last) ? last.expression : undefined;
  if (!bind || !save || !ts.isFunctionExpression(save)) throw new ProofError(`${path}: saver ${form.name} is missing`);
  checkParameters(file, path, form, bind, ["registers", "areas"]);
  checkParameters(file, path, form, save, ["processor", "offset"]);
  const visit = (node: ts.Node): void => {
    if (!ALLOWED_KINDS.has(node.kind)) {
      throw fail(
        file,
        path,
        node.getStart(file),
        `${SyntaxKind[node.kind]} is not allowed in a save function: ${node.getText(file).slice(0, 40)}`,
      );
    }
    if (ts.isCallExpression(node) && !ALLOWED_CALLS.has(node.expression.getText(file))) {
      throw fail(file, path, node.getStart(file), `call of ${node.expression.getText(file)} is not allowed in a save function`);
    }
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind === SyntaxKind.EqualsToken &&
      !ts.isElementAccessExpression(node.left)
    ) {
      throw fail(file, path, node.getStart(file), `assignment to ${node.left.getText(file)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(save.body);
  const data = members
    .filter((each) => each !== bind)
    .map((each) => each.getText(file).replace(/\s+/g, " "))
    .join(", ");
  const wantedData = formData(form);
  if (data !== wantedData)
    throw fail(file, path, literal?.getStart(file) ?? 0, `${form.name}: its data is "${data}", planned is "${wantedData}"`);
  compareEffects(file, path, form, bindStatements.slice(0, -1), save.body.statements);
}

/** Just these parameters, without type, default value, pattern or rest; no modifier before the function. */
function checkParameters(
  file: ts.SourceFile,
  path: string,
  form: FormSpec,
  node: ts.MethodDeclaration | ts.FunctionExpression,
  names: readonly string[],
): void {
  node.parameters.forEach((parameter, i) => {
    if (parameter.getText(file) === names[i]) return;
    throw fail(
      file,
      path,
      parameter.getStart(file),
      `default value, rest, pattern or unplanned name in a parameter of ${form.name}: ${parameter.getText(file)}`,
    );
  });
  if (node.parameters.length !== names.length || node.modifiers !== undefined || node.asteriskToken !== undefined) {
    throw fail(file, path, node.getStart(file), `a function of ${form.name} is not of the form (${names.join(", ")})`);
  }
}

/** A module is one import, the planned savers, each made by `saverForm`, and the planned groups; nothing else runs in it. */
function proveStatements(file: ts.SourceFile, path: string, groups: readonly GroupSpec[]): void {
  const planned = new Map<string, GroupSpec | undefined>();
  for (const group of groups) {
    for (const form of group.forms) planned.set(form.name, undefined);
    planned.set(group.name, group);
  }
  file.statements.forEach((statement, i) => {
    if (i === 0 && ts.isImportDeclaration(statement)) return;
    const list = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [];
    const [declaration] = list;
    const name = declaration?.name.getText(file) ?? "";
    const call = declaration?.initializer;
    if (list.length !== 1 || !planned.has(name) || !call || !ts.isCallExpression(call) || call.arguments.length !== 1) {
      throw fail(file, path, statement.getStart(file), `unplanned statement: ${statement.getText(file).slice(0, 60)}`);
    }
    const group = planned.get(name);
    planned.delete(name);
    const maker = call.expression.getText(file);
    if (maker !== (group ? "saverGroup" : "saverForm"))
      throw fail(file, path, call.getStart(file), `${name} is made by ${maker}`);
    if (!group) return;
    const data = call.arguments[0]?.getText(file).replace(/\s+/g, " ");
    if (data !== groupData(group)) {
      throw fail(
        file,
        path,
        call.getStart(file),
        `${name}: its data is "${data ?? "nothing"}", planned is "${groupData(group)}"`,
      );
    }
  });
  const [missing] = planned.keys();
  if (missing !== undefined) throw new ProofError(`${path}: ${missing} is missing`);
}

/** A group as its module has it, written from the plan. */
function groupData(group: GroupSpec): string {
  const { plan } = group;
  const high = plan.rfbm >> 32n;
  const families = group.families.map((family) => `"${family}"`).join(", ");
  return (
    `{ revision: 1, families: [${families}], rfbm: [0x${(plan.rfbm & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}], ` +
    `size: ${plan.size}, x87Pointers: "${pointerRule(plan)}", forms: [${group.forms.map((form) => form.name).join(", ")}], }`
  );
}

/** The fields of a saver beside its code, written from the plan. */
function formData(form: FormSpec): string {
  const hex = (value: bigint): string => (value === 0n ? "0" : `0x${value.toString(16)}`);
  const inUse = form.inUse === "any" ? '"any"' : `[0x${(form.inUse & 0xffff_ffffn).toString(16)}, ${hex(form.inUse >> 32n)}]`;
  const segments = form.segments
    .map((each) => `[${each.components[0]}, ${each.registers}, ${each.area}, ${each.length}]`)
    .join(", ");
  const sink = form.inUse === "any" && form.segments.some((each) => each.kind === "sink");
  return `name: "${form.name}", inUse: ${inUse}, segments: [${segments}], sink: ${sink}`;
}

/** The tree of exactly this text: the one that building the module left, or a new one. */
function parsedFile(path: string, text: string): ts.SourceFile {
  return (builtFile(path, text) ?? sourceFile(`proof-${path.replaceAll("/", "-")}`, text)).compilerNode;
}

/** What a body does, one line per effect in order, moves joined to runs: recomputed from the tree. */
function compareEffects(
  file: ts.SourceFile,
  path: string,
  form: FormSpec,
  prelude: readonly ts.Node[],
  statements: readonly ts.Node[],
): void {
  const views = new Map<string, string>();
  const bound = new Map<string, string>();
  for (const statement of prelude) {
    const match = /^const (\w+) = (.+);$/.exec(statement.getText(file));
    if (!match?.[1] || !match[2])
      throw fail(file, path, statement.getStart(file), `unexpected statement ${statement.getText(file)}`);
    const view = /^registers\.(views|lbrViews)\((\d+)(?:, (\d+))?\)$/.exec(match[2]);
    if (view) views.set(match[1], `${view[1]} ${view[2]} ${view[3] ?? ""}`.trim());
    else bound.set(match[1], match[2]);
  }
  const wanted: Record<string, string> = {
    R: "registers.i32",
    s: "registers.b64",
    Q: "areas.i32",
    d: "areas.b64",
    U: "areas.u8",
    sink: "areas.sink",
    initial: "registers.initial",
    initialBase: "registers.initialBase",
  };
  for (const [name, value] of bound) {
    if (!Object.hasOwn(wanted, name) || wanted[name] !== value)
      throw new ProofError(`${path}: ${form.name} binds ${name} to ${value}`);
  }
  const effects: Effect[] = [];
  const places: number[] = [];
  for (const statement of statements) {
    pushEffect(effects, statement.getText(file).replace(/\s+/g, " "), views);
    places[effects.length - 1] ??= statement.getStart(file);
  }
  const expected = expectedEffects(form);
  for (let i = 0; i < Math.max(effects.length, expected.length); i++) {
    const got = effects[i] && effectText(effects[i]!);
    if (got !== expected[i]) {
      const place = places[i] ?? statements.at(-1)?.getEnd() ?? 0;
      throw fail(
        file,
        path,
        place,
        `${form.name} does not do what was planned: expected "${expected[i] ?? "nothing"}", got "${got ?? "nothing"}"`,
      );
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
    if (
      typeof last === "object" &&
      last.to === move[1] &&
      last.from === move[3] &&
      last.at + last.length === at &&
      last.source + last.length === source
    ) {
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
  return typeof effect === "string"
    ? effect
    : `move ${effect.from} ${effect.source} -> ${effect.to} ${effect.at} length ${effect.length}`;
}

function fail(file: ts.SourceFile, path: string, position: number, message: string): ProofError {
  const { line, character } = file.getLineAndCharacterOfPosition(position);
  return new ProofError(`${path}:${line + 1}:${character + 1}: ${message}`);
}
