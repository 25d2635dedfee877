/**
 * The proof: on the syntax tree of what is about to be written, every save function is straight-line and
 * stores exactly what its plan says. It speaks of our source; the engine keeps its own bounds checks.
 */

import type { ts } from "ts-morph";

import { copyTextName, SEAM_REVISION } from "./build-module.ts";
import { expectedCopy, expectedEffects } from "./expected-effects.ts";
import { regionsOf, type RegionSpec, TEXTS_PER_REGION } from "./region-copy.ts";
import { type FormSpec, type GroupSpec, pointerRule } from "./saver-spec.ts";
import { statementEffects } from "./statement-effects.ts";
import { compiler } from "./ts-morph.ts";

/** Generated code is not what the plan says; names file, line, column and token. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

/** Kinds of nodes that a save function may have. */
export const ALLOWED_KINDS: ReadonlySet<ts.SyntaxKind> = new Set([
  compiler.SyntaxKind.Block,
  compiler.SyntaxKind.VariableStatement,
  compiler.SyntaxKind.VariableDeclarationList,
  compiler.SyntaxKind.VariableDeclaration,
  compiler.SyntaxKind.ExpressionStatement,
  compiler.SyntaxKind.BinaryExpression,
  compiler.SyntaxKind.PrefixUnaryExpression,
  compiler.SyntaxKind.ParenthesizedExpression,
  compiler.SyntaxKind.ElementAccessExpression,
  compiler.SyntaxKind.NonNullExpression,
  compiler.SyntaxKind.NumericLiteral,
  compiler.SyntaxKind.Identifier,
  compiler.SyntaxKind.CallExpression,
  compiler.SyntaxKind.PropertyAccessExpression,
  compiler.SyntaxKind.SyntaxList,
  compiler.SyntaxKind.OpenBraceToken,
  compiler.SyntaxKind.CloseBraceToken,
  compiler.SyntaxKind.OpenBracketToken,
  compiler.SyntaxKind.CloseBracketToken,
  compiler.SyntaxKind.OpenParenToken,
  compiler.SyntaxKind.CloseParenToken,
  compiler.SyntaxKind.SemicolonToken,
  compiler.SyntaxKind.CommaToken,
  compiler.SyntaxKind.DotToken,
  compiler.SyntaxKind.ConstKeyword,
  compiler.SyntaxKind.ExclamationToken,
  compiler.SyntaxKind.EqualsToken,
  compiler.SyntaxKind.PlusToken,
  compiler.SyntaxKind.MinusToken,
  compiler.SyntaxKind.AsteriskToken,
  compiler.SyntaxKind.AmpersandToken,
  compiler.SyntaxKind.BarToken,
  compiler.SyntaxKind.CaretToken,
  compiler.SyntaxKind.TildeToken,
  compiler.SyntaxKind.LessThanLessThanToken,
  compiler.SyntaxKind.GreaterThanGreaterThanToken,
  compiler.SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);
/** Comments are no part of the proof: looking for JSDoc in them would be a tenth of it. */
const PARSING = { languageVersion: compiler.ScriptTarget.ES2023, jsDocParsingMode: compiler.JSDocParsingMode.ParseNone };

/** Receivers of a saver's calls; a region's copy is one, and is proved where it is defined. */
const SAVER_CALLS = /^(?:areas\.check|registers\.base|U\.set|c\d+_\d+)$/;
const NO_CALLS = /^(?!)/;

/** Proves every saver of a module's text; throws ProofError at the first that fails. Returns the number of savers. */
export function proveModule(path: string, text: string, groups: readonly GroupSpec[]): number {
  const file = parsedFile(path, text);
  const declared = declarations(file, "SaverForm");
  const forms = groups.flatMap((group) => group.forms);
  for (const form of forms) proveForm(file, path, form, declared.get(form.name));
  const regions = regionsOf(groups);
  const planned = new Map<string, Planned>();
  for (const group of groups) {
    for (const form of group.forms) planned.set(form.name, { maker: "saverForm" });
    planned.set(group.name, { maker: "saverGroup", data: groupData(group) });
  }
  const imported = regions.length === 0 ? [] : [`import { ${regions.map(({ name }) => name).join(", ")} } from`];
  proveStatements(file, path, ["import { saverForm, saverGroup, type SaverForm, type SaverGroup } from", ...imported], planned);
  if (declared.size !== forms.length) throw new ProofError(`${path}: ${declared.size} savers, planned are ${forms.length}`);
  return forms.length;
}

/** Proves every text of every region's copy; throws ProofError at the first that fails. */
export function proveCopies(path: string, text: string, regions: readonly RegionSpec[]): void {
  proveRegions(
    path,
    text,
    { maker: "regionCopy", type: "RegionCopy", names: COPY_NAMES, calls: NO_CALLS },
    regions.map((region) => ({
      name: region.name,
      data: `at: ${region.at}, length: ${region.length}`,
      expected: expectedCopy(region),
    })),
  );
}

/** What regions of a module are made by, their type, and what their functions may name. */
export interface RegionsForm {
  readonly maker: string;
  readonly type: string;
  readonly names: Readonly<Record<string, string>>;
  /** Receivers of their functions' calls. */
  readonly calls: RegExp;
}

/** A planned region: its data, and what each of its functions must do. */
export interface PlannedRegion {
  readonly name: string;
  readonly data: string;
  readonly expected: readonly string[];
  readonly fromArea?: boolean;
}

/** Proves a module that consists of regions; throws ProofError at the first function that fails. */
export function proveRegions(path: string, text: string, form: RegionsForm, regions: readonly PlannedRegion[]): void {
  const { maker, type } = form;
  const file = parsedFile(path, text);
  const declared = declarations(file, type);
  for (const region of regions) proveRegion(file, path, region, form, declared.get(region.name));
  const planned = new Map(regions.map(({ name }) => [name, { maker }]));
  proveStatements(file, path, [`import { ${maker}, type ${type} } from`], planned);
}

/** Declarations of a type in a module, by name. */
function declarations(file: ts.SourceFile, type: string): Map<string, ts.VariableDeclaration> {
  const declared = new Map<string, ts.VariableDeclaration>();
  for (const statement of file.statements) {
    if (!compiler.isVariableStatement(statement)) continue;
    for (const each of statement.declarationList.declarations) {
      if (each.type?.getText(file) === type) declared.set(each.name.getText(file), each);
    }
  }
  return declared;
}

/** The members of the object that a declaration's maker is given. */
function madeFrom(declaration: ts.VariableDeclaration | undefined): readonly ts.ObjectLiteralElementLike[] {
  const call = declaration?.initializer;
  const literal = call && compiler.isCallExpression(call) ? call.arguments[0] : undefined;
  return literal && compiler.isObjectLiteralExpression(literal) ? literal.properties : [];
}

// The compiler's own nodes: ts-morph's wrappers cost thirty times as much to walk (measured, 2.6 million nodes).
function proveForm(file: ts.SourceFile, path: string, form: FormSpec, declaration: ts.VariableDeclaration | undefined): void {
  const members = madeFrom(declaration);
  const bind = members.find(
    (each): each is ts.MethodDeclaration => compiler.isMethodDeclaration(each) && each.name.getText(file) === "bind",
  );
  if (!declaration || !bind) throw new ProofError(`${path}: saver ${form.name} is missing`);
  proveBound(file, path, form.name, bind, { names: SAVER_NAMES, expected: expectedEffects(form), calls: SAVER_CALLS });
  const data = members
    .filter((each) => each !== bind)
    .map((each) => each.getText(file).replace(/\s+/g, " "))
    .join(", ");
  const wanted = formData(form);
  if (data !== wanted)
    throw fail(file, path, declaration.getStart(file), `${form.name}: its data is "${data}", planned is "${wanted}"`);
}

function proveRegion(
  file: ts.SourceFile,
  path: string,
  region: PlannedRegion,
  { names, calls }: RegionsForm,
  declaration: ts.VariableDeclaration | undefined,
): void {
  const members = madeFrom(declaration);
  const data = members.slice(0, -1).map((each) => each.getText(file));
  const last = members.at(-1);
  const list =
    last &&
    compiler.isPropertyAssignment(last) &&
    last.name.getText(file) === "texts" &&
    compiler.isArrayLiteralExpression(last.initializer)
      ? last.initializer.elements
      : [];
  if (!declaration || data.join(", ") !== region.data || list.length !== TEXTS_PER_REGION)
    throw new ProofError(`${path}: ${region.name} is missing or not made as planned`);
  list.forEach((bind, index) => {
    const name = copyTextName(region, index);
    if (!compiler.isArrowFunction(bind)) throw fail(file, path, bind.getStart(file), `${name} is not a function`);
    proveBound(file, path, name, bind, { ...region, names, calls });
  });
}

/** What a function that binds may name, and what the function that it returns must do. */
interface BoundPlan {
  readonly names: Readonly<Record<string, string>>;
  readonly expected: readonly string[];
  readonly calls: RegExp;
  /** False where no area is read: there is no second parameter then. */
  readonly fromArea?: boolean;
}

const COPY_NAMES = {
  s: "registers.b64",
  B: "registers.blockSize",
  P: "registers.blockMask",
  d: "areas.b64",
  M: "areas.offsetMask",
};
const SAVER_NAMES = {
  R: "registers.i32",
  s: "registers.b64",
  P: "registers.blockMask",
  Q: "areas.i32",
  M: "areas.offsetMask",
  d: "areas.b64",
  U: "areas.u8",
  sink: "areas.sink",
  initial: "registers.initial",
  initialBase: "registers.initialBase",
};

/** `(registers, areas)` to constants and one straight-line function `(processor, offset)` of the planned effects. */
function proveBound(
  file: ts.SourceFile,
  path: string,
  name: string,
  bind: ts.MethodDeclaration | ts.ArrowFunction,
  plan: BoundPlan,
): void {
  const statements = bind.body && compiler.isBlock(bind.body) ? bind.body.statements : [];
  const last = statements.at(-1);
  const save = last && compiler.isReturnStatement(last) ? last.expression : undefined;
  if (!save || !compiler.isFunctionExpression(save) || save.name?.text !== name)
    throw fail(file, path, bind.getStart(file), `${name} is missing`);
  const { fromArea = true } = plan;
  checkParameters(file, path, name, bind, ["registers", ...(fromArea ? ["areas"] : [])]);
  checkParameters(file, path, name, save, ["processor", ...(fromArea ? ["offset"] : [])]);
  visitStraightLine(file, path, save.body, plan.calls);
  const stands = boundNames(file, path, name, statements.slice(0, -1), plan.names);
  const effects = statementEffects(file, save.body.statements, stands);
  for (let i = 0; i < Math.max(effects.length, plan.expected.length); i++) {
    const got = effects[i];
    if (got?.text === plan.expected[i]) continue;
    throw fail(
      file,
      path,
      got?.position ?? save.body.getEnd(),
      `${name} does not do what was planned: expected "${plan.expected[i] ?? "nothing"}", got "${got?.text ?? "nothing"}"`,
    );
  }
}

function visitStraightLine(file: ts.SourceFile, path: string, node: ts.Node, calls: RegExp): void {
  if (!ALLOWED_KINDS.has(node.kind)) {
    const text = node.getText(file).slice(0, 40);
    throw fail(file, path, node.getStart(file), `${compiler.SyntaxKind[node.kind]} is not allowed in a save function: ${text}`);
  }
  if (compiler.isCallExpression(node) && !calls.test(node.expression.getText(file))) {
    throw fail(file, path, node.getStart(file), `call of ${node.expression.getText(file)} is not allowed in a save function`);
  }
  if (
    compiler.isBinaryExpression(node) &&
    node.operatorToken.kind === compiler.SyntaxKind.EqualsToken &&
    !compiler.isElementAccessExpression(node.left)
  ) {
    throw fail(file, path, node.getStart(file), `assignment to ${node.left.getText(file)}`);
  }
  compiler.forEachChild(node, (child) => visitStraightLine(file, path, child, calls));
}

/** What each name stands for that is bound before the function; views and copies only, all else is fixed. */
function boundNames(
  file: ts.SourceFile,
  path: string,
  name: string,
  statements: readonly ts.Node[],
  fixed: Readonly<Record<string, string>>,
): Map<string, string> {
  const stands = new Map<string, string>();
  for (const statement of statements) {
    const match = /^const (\w+) = (.+);$/.exec(statement.getText(file));
    if (!match?.[1] || !match[2])
      throw fail(file, path, statement.getStart(file), `unexpected statement ${statement.getText(file)}`);
    const [, bound, value] = match;
    const view = /^registers\.(views|lbrViews)\((\d+)(?:, (\d+))?\)$/.exec(value);
    const copy = /^registers\.(copy)\(copy_(\d+)_(\d+), areas\)$/.exec(value);
    const found = view ?? copy;
    if (found && !Object.hasOwn(fixed, bound)) stands.set(bound, found.slice(1).filter(Boolean).join(" "));
    else if (!Object.hasOwn(fixed, bound) || fixed[bound] !== value)
      throw fail(file, path, statement.getStart(file), `${name} binds ${bound} to ${value}`);
  }
  return stands;
}

/** Just these parameters, without type, default value, pattern or rest; no modifier before the function. */
export function checkParameters(
  file: ts.SourceFile,
  path: string,
  name: string,
  node: ts.MethodDeclaration | ts.ArrowFunction | ts.FunctionExpression,
  names: readonly string[],
): void {
  node.parameters.forEach((parameter, i) => {
    if (parameter.getText(file) === names[i]) return;
    throw fail(
      file,
      path,
      parameter.getStart(file),
      `default value, rest, pattern or unplanned name in a parameter of ${name}: ${parameter.getText(file)}`,
    );
  });
  if (node.parameters.length !== names.length || node.modifiers !== undefined || node.asteriskToken !== undefined) {
    throw fail(file, path, node.getStart(file), `a function of ${name} is not of the form (${names.join(", ")})`);
  }
}

/** What makes a declaration of a module, and its data where it has no code. */
interface Planned {
  readonly maker: string;
  readonly data?: string;
}

/** A module is its imports and the planned declarations, each made by its maker; nothing else runs in it. */
function proveStatements(
  file: ts.SourceFile,
  path: string,
  imports: readonly string[],
  planned: ReadonlyMap<string, Planned>,
): void {
  const missing = new Map(planned);
  file.statements.forEach((statement, i) => {
    const text = statement.getText(file).replace(/\s+/g, " ");
    if (compiler.isImportDeclaration(statement) && imports[i] !== undefined && text.startsWith(`${imports[i]} "`)) return;
    const list = compiler.isVariableStatement(statement) ? statement.declarationList.declarations : [];
    const [declaration] = list;
    const name = declaration?.name.getText(file) ?? "";
    const plan = missing.get(name);
    const call = declaration?.initializer;
    if (
      i < imports.length ||
      list.length !== 1 ||
      !plan ||
      !call ||
      !compiler.isCallExpression(call) ||
      call.arguments.length !== 1
    )
      throw fail(file, path, statement.getStart(file), `unplanned statement: ${text.slice(0, 60)}`);
    missing.delete(name);
    const maker = call.expression.getText(file);
    if (maker !== plan.maker) throw fail(file, path, call.getStart(file), `${name} is made by ${maker}`);
    const data = call.arguments[0]?.getText(file).replace(/\s+/g, " ") ?? "nothing";
    if (plan.data !== undefined && data !== plan.data)
      throw fail(file, path, call.getStart(file), `${name}: its data is "${data}", planned is "${plan.data}"`);
  });
  const [first] = missing.keys();
  if (first !== undefined) throw new ProofError(`${path}: ${first} is missing`);
}

/** A group as its module has it, written from the plan. */
function groupData(group: GroupSpec): string {
  const { plan } = group;
  const high = plan.rfbm >> 32n;
  const families = group.families.map((family) => `"${family}"`).join(", ");
  return (
    `{ revision: ${SEAM_REVISION}, families: [${families}], rfbm: [0x${(plan.rfbm & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}], ` +
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

/** The tree of a text. Throws if it does not parse. */
export function parsedFile(path: string, text: string): ts.SourceFile {
  const file = compiler.createSourceFile(path, text, PARSING);
  const [broken] = (file as unknown as { parseDiagnostics: { messageText: unknown; start: number }[] }).parseDiagnostics;
  if (broken) throw fail(file, path, broken.start, `does not parse: ${String(broken.messageText)}`);
  return file;
}

/** An error with its place. */
export function fail(file: ts.SourceFile, path: string, position: number, message: string): ProofError {
  const { line, character } = file.getLineAndCharacterOfPosition(position);
  return new ProofError(`${path}:${line + 1}:${character + 1}: ${message}`);
}
