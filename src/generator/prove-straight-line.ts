/**
 * The proof: on the syntax tree of what is about to be written, every save function is straight-line and
 * stores exactly what its plan says. It speaks of our source; the engine keeps its own bounds checks.
 */

import type { ts } from "ts-morph";

import { moversOf } from "./body-context.ts";
import { copiesImports, copyData, copyTextName, formMaker, makersOf, SEAM_REVISION } from "./build-module.ts";
import { expectedCopy, expectedEffects } from "./expected-effects.ts";
import { regionsOf, type RegionSpec, TEXTS_PER_REGION } from "./region-copy.ts";
import { type FormSpec, type GroupSpec, pointerRule } from "./saver-spec.ts";
import { KnownStatements, ParsedModule, type PlacedStatement, ProofError, singleSpaced } from "./parsed-module.ts";
import { statementEffects } from "./statement-effects.ts";
import { ALLOWED_KINDS, StatementJudge } from "./statement-rules.ts";
import { compiler } from "./ts-morph.ts";

/** Receivers of a saver's calls; a region's copy is one, and is proved where it is defined. */
const SAVER_CALLS = /^(?:areas\.check|registers\.base|U\.set|move64|move128|c\d+_\d+)$/;
const NO_CALLS = /^(?!)/;
const SAVERS = straightLine(SAVER_CALLS);
const COPIES = straightLine(NO_CALLS);

/** A judge of straight-line functions that may call what matches. */
export function straightLine(calls: RegExp): StatementJudge {
  return new StatementJudge({ within: "a save function", kinds: ALLOWED_KINDS, calls });
}

/**
 * Proves every saver of a module's text; throws ProofError at the first that fails. Returns the number of savers. `known`:
 * the statements of modules that were proved before.
 */
export function proveModule(
  path: string,
  text: string,
  groups: readonly GroupSpec[],
  known: KnownStatements = new KnownStatements(),
): number {
  const module = new ParsedModule(path, text, known);
  const declared = declarations(module, "SaverForm");
  const forms = groups.flatMap((group) => group.forms);
  const regions = regionsOf(groups).map(({ name }) => name);
  const makers = makersOf(groups);
  const imported = new Set([...makers, ...regions]);
  for (const form of forms) proveForm(module, form, declared.get(form.name), imported);
  const planned = new Map<string, Planned>();
  for (const group of groups) {
    for (const form of group.forms) planned.set(form.name, { maker: formMaker(form) });
    planned.set(group.name, { maker: "saverGroup", data: groupData(group) });
  }
  const imports = [`import { ${makers.join(", ")}, type SaverForm, type SaverGroup } from`];
  if (regions.length > 0) imports.push(`import { ${regions.join(", ")} } from`);
  proveStatements(module, imports, planned);
  if (declared.size !== forms.length) throw new ProofError(`${path}: ${declared.size} savers, planned are ${forms.length}`);
  module.end();
  return forms.length;
}

/** Proves every text of every region's copy; throws ProofError at the first that fails. */
export function proveCopies(path: string, text: string, regions: readonly RegionSpec[], known?: KnownStatements): void {
  proveRegions(
    path,
    text,
    { maker: "regionCopy", imports: copiesImports(regions), type: "RegionCopy", names: COPY_NAMES, judge: COPIES },
    regions.map((region) => ({
      name: region.name,
      data: copyData(region).join(", "),
      expected: expectedCopy(region),
    })),
    known,
  );
}

/** What regions of a module are made by, their type, and what their functions may name. */
export interface RegionsForm {
  readonly maker: string;
  /** Values that the module imports. */
  readonly imports: readonly string[];
  readonly type: string;
  readonly names: Readonly<Record<string, string>>;
  readonly judge: StatementJudge;
}

/** A planned region: its data, and what each of its functions must do. */
export interface PlannedRegion {
  readonly name: string;
  readonly data: string;
  readonly expected: readonly string[];
  readonly fromArea?: boolean;
}

/** Proves a module that consists of regions; throws ProofError at the first function that fails. */
export function proveRegions(
  path: string,
  text: string,
  form: RegionsForm,
  regions: readonly PlannedRegion[],
  known: KnownStatements = new KnownStatements(),
): void {
  const { maker, type } = form;
  const module = new ParsedModule(path, text, known);
  const declared = declarations(module, type);
  for (const region of regions) proveRegion(module, region, form, declared.get(region.name));
  const planned = new Map(regions.map(({ name }) => [name, { maker }]));
  proveStatements(module, [`import { ${form.imports.join(", ")}, type ${type} } from`], planned);
  module.end();
}

/** Declarations of a type in a module, by name. */
function declarations({ file }: ParsedModule, type: string): Map<string, ts.VariableDeclaration> {
  const declared = new Map<string, ts.VariableDeclaration>();
  for (const statement of file.statements) {
    if (!compiler.isVariableStatement(statement)) continue;
    for (const each of statement.declarationList.declarations) {
      if (each.type?.getText(file) === type) declared.set(each.name.getText(file), each);
    }
  }
  return declared;
}

/** What a maker is given. */
function argumentsOf(call: ts.Expression | undefined): readonly ts.Expression[] {
  return call && compiler.isCallExpression(call) ? call.arguments : [];
}

/** The members of the object that a declaration's maker is given. */
function madeFrom(declaration: ts.VariableDeclaration | undefined): readonly ts.ObjectLiteralElementLike[] {
  const [literal] = argumentsOf(declaration?.initializer);
  return literal && compiler.isObjectLiteralExpression(literal) ? literal.properties : [];
}

// The compiler's own nodes: ts-morph's wrappers cost thirty times as much to walk (measured, 2.6 million nodes).
function proveForm(
  module: ParsedModule,
  form: FormSpec,
  declaration: ts.VariableDeclaration | undefined,
  imported: ReadonlySet<string>,
): void {
  const { file, path } = module;
  const given = argumentsOf(declaration?.initializer);
  const bind = given.at(-1);
  if (!declaration || !bind || !compiler.isArrowFunction(bind)) throw new ProofError(`${path}: saver ${form.name} is missing`);
  proveBound(module, form.name, bind, {
    names: SAVER_NAMES,
    expected: expectedEffects(form),
    judge: SAVERS,
    imported,
    calls: moversOf([form]),
  });
  const data = given
    .slice(0, -1)
    .map((each) => singleSpaced(each.getText(file)))
    .join(", ");
  const wanted = formData(form);
  if (data !== wanted)
    throw module.fail(declaration.getStart(file), `${form.name}: its data is "${data}", planned is "${wanted}"`);
}

function proveRegion(
  module: ParsedModule,
  region: PlannedRegion,
  { imports, names, judge }: RegionsForm,
  declaration: ts.VariableDeclaration | undefined,
): void {
  const { file, path } = module;
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
  const imported = new Set(imports);
  list.forEach((bind, index) => {
    const name = copyTextName(region, index);
    if (!compiler.isArrowFunction(bind)) throw module.fail(bind.getStart(file), `${name} is not a function`);
    proveBound(module, name, bind, { ...region, names, judge, imported });
  });
}

/** What a function that binds may name, and what the function that it returns must do. */
interface BoundPlan {
  readonly names: Readonly<Record<string, string>>;
  readonly expected: readonly string[];
  readonly judge: StatementJudge;
  readonly imported: ReadonlySet<string>;
  /** Imported functions that it may call. */
  readonly calls?: readonly string[];
  /** False where no area is read: there is no second parameter then. */
  readonly fromArea?: boolean;
}

const COPY_NAMES = {
  s: "registers.b64",
  B: "registers.blockSize",
  P: "registers.blockMask",
  d: "areas.b64",
  M: "areas.offsetMask",
  R: "registers.i32",
  Q: "areas.i32",
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
function proveBound(module: ParsedModule, name: string, bind: ts.MethodDeclaration | ts.ArrowFunction, plan: BoundPlan): void {
  const { fromArea = true, judge, imported, calls = [] } = plan;
  const outer = ["registers", ...(fromArea ? ["areas"] : [])];
  const inner = ["processor", ...(fromArea ? ["offset"] : [])];
  const { bound, body, end } = boundFunction(module, name, bind, outer, inner);
  const stands = boundNames(module, name, bound, plan.names, imported);
  judge.check(module, name, body, [...outer, ...inner, ...stands.keys(), ...calls], new Set([...imported, name]));
  const effects = statementEffects(body, stands);
  for (let i = 0; i < Math.max(effects.length, plan.expected.length); i++) {
    const got = effects[i];
    if (got?.text === plan.expected[i]) continue;
    throw module.fail(
      got?.position ?? end,
      `${name} does not do what was planned: expected "${plan.expected[i] ?? "nothing"}", got "${got?.text ?? "nothing"}"`,
    );
  }
}

/** What a function that binds consists of. */
export interface BoundFunction {
  /** The statements before it returns. */
  readonly bound: readonly PlacedStatement[];
  /** The statements of the function that it returns, and where they end. */
  readonly body: readonly PlacedStatement[];
  readonly end: number;
}

/** Takes a function that binds apart: `outer` and `inner` are the parameters of it and of the function that it returns. */
export function boundFunction(
  module: ParsedModule,
  name: string,
  bind: ts.MethodDeclaration | ts.ArrowFunction,
  outer: readonly string[],
  inner: readonly string[],
): BoundFunction {
  const at = bind.getStart(module.file);
  const statements = bind.body && compiler.isBlock(bind.body) ? module.statementsOf(bind.body) : [];
  const last = statements.at(-1);
  const node = last?.statement.node;
  const made = node && compiler.isReturnStatement(node) ? node.expression : undefined;
  if (!last?.body || !made || !compiler.isFunctionExpression(made) || made.name?.text !== name || made.body.statements.length > 0)
    throw module.fail(at, `${name} is missing`);
  checkParameters(module, name, bind, module.file, at, outer);
  checkParameters(module, name, made, last.statement.file, last.position, inner);
  return { bound: statements.slice(0, -1), body: module.statementsIn(last.body), end: last.body.end };
}

/**
 * The names that are bound before the function, each with what it stands for: views and copies by their data, all else
 * is fixed and stands for itself.
 */
function boundNames(
  module: ParsedModule,
  name: string,
  statements: readonly PlacedStatement[],
  fixed: Readonly<Record<string, string>>,
  imported: ReadonlySet<string>,
): Map<string, string> {
  const stands = new Map<string, string>();
  for (const { statement, position } of statements) {
    const [, bound, value] = /^const (\w+) = (.+);$/.exec(statement.text) ?? [];
    if (!bound || !value) throw module.fail(position, `unexpected statement ${statement.text}`);
    if (stands.has(bound) || imported.has(bound)) throw module.fail(position, `${name} declares ${bound} again`);
    const view = /^registers\.(views|lbrViews)\((\d+)(?:, (\d+))?\)$/.exec(value);
    const copy = /^registers\.copy\((copy_\d+_\d+\w*), areas\)$/.exec(value);
    if (copy?.[1] && !imported.has(copy[1])) throw module.fail(position, `${name} uses ${copy[1]}, which is not imported`);
    const found = view ? view.slice(1) : copy && [copy[1]];
    if (found && !Object.hasOwn(fixed, bound)) stands.set(bound, found.filter(Boolean).join(" "));
    else if (Object.hasOwn(fixed, bound) && fixed[bound] === value) stands.set(bound, bound);
    else throw module.fail(position, `${name} binds ${bound} to ${value}`);
  }
  return stands;
}

/** Just these parameters, without type, default value, pattern or rest; no modifier before the function. */
function checkParameters(
  module: ParsedModule,
  name: string,
  node: ts.MethodDeclaration | ts.ArrowFunction | ts.FunctionExpression,
  file: ts.SourceFile,
  position: number,
  names: readonly string[],
): void {
  node.parameters.forEach((parameter, i) => {
    const text = parameter.getText(file);
    if (text === names[i]) return;
    throw module.fail(position, `default value, rest, pattern or unplanned name in a parameter of ${name}: ${text}`);
  });
  if (node.parameters.length !== names.length || node.modifiers !== undefined || node.asteriskToken !== undefined)
    throw module.fail(position, `a function of ${name} is not of the form (${names.join(", ")})`);
}

/** What makes a declaration of a module, and its data where it has no code. */
interface Planned {
  readonly maker: string;
  readonly data?: string;
}

/** A module is its imports and the planned declarations, each made by its maker; nothing else runs in it. */
function proveStatements(module: ParsedModule, imports: readonly string[], planned: ReadonlyMap<string, Planned>): void {
  const { file, path } = module;
  const missing = new Map(planned);
  file.statements.forEach((statement, i) => {
    const text = singleSpaced(statement.getText(file));
    if (compiler.isImportDeclaration(statement) && imports[i] !== undefined && text.startsWith(`${imports[i]} "`)) return;
    const list = compiler.isVariableStatement(statement) ? statement.declarationList.declarations : [];
    const [declaration] = list;
    const name = declaration?.name.getText(file) ?? "";
    const plan = missing.get(name);
    const call = declaration?.initializer;
    if (i < imports.length || list.length !== 1 || !plan || !call || !compiler.isCallExpression(call))
      throw module.fail(statement.getStart(file), `unplanned statement: ${text.slice(0, 60)}`);
    missing.delete(name);
    const maker = call.expression.getText(file);
    if (maker !== plan.maker) throw module.fail(call.getStart(file), `${name} is made by ${maker}`);
    const data = call.arguments.map((each) => singleSpaced(each.getText(file))).join(", ");
    if (plan.data !== undefined && data !== plan.data)
      throw module.fail(call.getStart(file), `${name}: its data is "${data}", planned is "${plan.data}"`);
  });
  const [first] = missing.keys();
  if (first !== undefined) throw new ProofError(`${path}: ${first} is missing`);
}

/** What a group is made of, written from the plan. */
function groupData({ families, plan, forms }: GroupSpec): string {
  const segments = forms
    .at(-1)!
    .segments.map((each) => `[${each.components[0]}, ${each.registers}, ${each.area}, ${each.length}]`);
  return [
    SEAM_REVISION,
    `[${families.map((family) => `"${family}"`).join(", ")}]`,
    maskData(plan.rfbm),
    plan.size,
    `"${pointerRule(plan)}"`,
    `[${segments.join(", ")}]`,
    `[${forms.map((form) => form.name).join(", ")}]`,
  ].join(", ");
}

/** What a saver is made of beside its code, written from the plan. */
function formData(form: FormSpec): string {
  if (form.segments.some((each) => each.kind === "sink")) return "";
  return form.inUse === "any" ? '"any"' : maskData(form.inUse);
}

/** A mask's two words. */
function maskData(mask: bigint): string {
  const high = mask >> 32n;
  return `[0x${(mask & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}]`;
}
