/**
 * The proof of restores: on the syntax tree of what is about to be written, every restore branches only where it is
 * planned, and loads exactly what its plan says. It speaks of our source, as that of the savers does.
 */

import type { ts } from "ts-morph";

import { RESTORE_REVISION } from "./build-restores.ts";
import { expectedRestore } from "./expected-restore.ts";
import { loadRegionsOf } from "./load-region.ts";
import { ALLOWED_KINDS, checkParameters, fail, parsedFile, ProofError } from "./prove-straight-line.ts";
import type { RestoreSpec } from "./restore-spec.ts";
import { compiler } from "./ts-morph.ts";

/** Beside what savers may have: branches, comparisons, and literals in what is bound. */
const RESTORE_KINDS = new Set([
  ...ALLOWED_KINDS,
  compiler.SyntaxKind.IfStatement,
  compiler.SyntaxKind.ConditionalExpression,
  compiler.SyntaxKind.ReturnStatement,
  compiler.SyntaxKind.EqualsEqualsEqualsToken,
  compiler.SyntaxKind.ExclamationEqualsEqualsToken,
  compiler.SyntaxKind.QuestionToken,
  compiler.SyntaxKind.ColonToken,
]);
/** Receivers of calls; the loads of regions are some, and are proved where they are defined. */
const RESTORE_CALLS = /^(?:registers\.base|areas\.accepts|x87|[li]\d+_\d+|whole\.at|parts\.at|U\.set)$/;

/** What a restore may bind, beside `whole`, `parts` and `initial`. */
const BINDINGS: Readonly<Record<string, string>> = {
  R: "registers.i32",
  s: "registers.b64",
  U: "registers.u8",
  Q: "areas.i32",
  d: "areas.b64",
  mxcsrMask: "registers.mxcsrMask",
  M: "areas.offsetMask",
  i: "registers.initialBase >>> 2",
  x87: "registers.load(load_x87, areas)",
};

type Runs = readonly (readonly [offset: number, length: number])[];

/** Proves every restore of a module's text; throws ProofError at the first that fails. Returns their number. */
export function proveRestores(path: string, text: string, specs: readonly RestoreSpec[]): number {
  const file = parsedFile(path, text);
  const loads = loadRegionsOf(specs).map(({ name }) => name);
  const imports = ["import { restoreRoutine, type RestoreRoutine } from", `import { ${loads.join(", ")} } from`];
  if (loads.length === 0) imports.pop();
  const statements = file.statements.slice(imports.length);
  imports.forEach((wanted, i) => {
    const statement = file.statements[i];
    if (!statement || !plain(statement, file).startsWith(`${wanted} "`))
      throw new ProofError(`${path}: the import of ${wanted.slice(7)} is missing`);
  });
  statements.forEach((statement, i) => {
    const spec = specs[i];
    const [declaration, more] = compiler.isVariableStatement(statement) ? statement.declarationList.declarations : [];
    const call = declaration?.initializer;
    if (!spec || more || declaration?.name.getText(file) !== spec.name || !call || !compiler.isCallExpression(call))
      throw fail(file, path, statement.getStart(file), `unplanned statement: ${statement.getText(file).slice(0, 60)}`);
    proveRoutine(file, path, spec, call);
  });
  if (statements.length !== specs.length)
    throw new ProofError(`${path}: ${statements.length} restores, planned are ${specs.length}`);
  return specs.length;
}

function proveRoutine(file: ts.SourceFile, path: string, spec: RestoreSpec, call: ts.CallExpression): void {
  const [literal] = call.arguments;
  const members = literal && compiler.isObjectLiteralExpression(literal) ? [...literal.properties] : [];
  const bind = members.at(-1);
  const statements = bind && compiler.isMethodDeclaration(bind) ? [...(bind.body?.statements ?? [])] : [];
  const last = statements.pop();
  const restore = last && compiler.isReturnStatement(last) ? last.expression : undefined;
  if (!bind || !compiler.isMethodDeclaration(bind) || !restore || !compiler.isFunctionExpression(restore))
    throw fail(file, path, call.getStart(file), `restore ${spec.name} has no function`);
  const head = `${call.expression.getText(file)}({ ${members
    .slice(0, -1)
    .map((each) => plain(each, file))
    .join(", ")}, ${bind.name.getText(file)}`;
  if (head !== routineHead(spec) || call.arguments.length !== 1 || restore.name?.text !== spec.name)
    throw fail(file, path, call.getStart(file), `${spec.name} is "${head}", planned is "${routineHead(spec)}"`);
  checkParameters(file, path, spec.name, bind, ["registers", "areas"]);
  checkParameters(file, path, spec.name, restore, ["processor", "offset"]);
  checkKinds(file, path, restore.body);
  const views = boundViews(file, path, spec, statements);
  compare(file, path, spec, effectsOf(file, restore.body.statements, views));
}

/** The members beside the code, written from the plan. */
function routineHead({ name, families, plan }: RestoreSpec): string {
  const pair = (mask: bigint): string => {
    const high = mask >> 32n;
    return `[0x${(mask & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}]`;
  };
  const pieces = plan.pieces.map((each) => `[${each.component}, ${each.registers}, ${each.area ?? -1}, ${each.length}]`);
  return (
    `restoreRoutine({ revision: ${RESTORE_REVISION}, name: "${name}", families: [${families.map((family) => `"${family}"`).join(", ")}], ` +
    `rfbm: ${pair(plan.rfbm)}, xcompBv: ${pair(plan.xcompBv)}, size: ${plan.size}, pieces: [${pieces.join(", ")}], bind`
  );
}

function checkKinds(file: ts.SourceFile, path: string, body: ts.Node): void {
  const visit = (node: ts.Node): void => {
    const refuse = (what: string): ProofError => fail(file, path, node.getStart(file), `${what} is not allowed in a restore`);
    if (!RESTORE_KINDS.has(node.kind)) throw refuse(`${compiler.SyntaxKind[node.kind]} ${node.getText(file).slice(0, 40)}`);
    if (compiler.isCallExpression(node) && !RESTORE_CALLS.test(node.expression.getText(file)))
      throw refuse(`call of ${node.expression.getText(file)}`);
    compiler.forEachChild(node, visit);
  };
  visit(body);
}

/** The runs behind `whole`, `parts` and `initial`; everything else must be bound as planned. */
function boundViews(
  file: ts.SourceFile,
  path: string,
  spec: RestoreSpec,
  statements: readonly ts.Statement[],
): ReadonlyMap<string, Runs> {
  const views = new Map<string, Runs>();
  for (const statement of statements) {
    const [, name = "", value = ""] = /^const (\w+) = (.+);$/.exec(plain(statement, file)) ?? [];
    const made = name === "initial" ? "registers.initial(" : "registers.places(areas, ";
    const runs = ["whole", "parts", "initial"].includes(name) && value.startsWith(made) ? value.slice(made.length, -1) : "";
    if (/^\[(?:\[\d+, \d+\](?:, )?)*\]$/.test(runs)) views.set(name, JSON.parse(runs) as Runs);
    else if ((Object.hasOwn(BINDINGS, name) ? BINDINGS[name] : loadOf(name)) !== value)
      throw fail(file, path, statement.getStart(file), `${spec.name} binds ${plain(statement, file)}`);
  }
  return views;
}

/** What the name of a region's function must be bound to. */
function loadOf(name: string): string | undefined {
  const [, kind, place] = /^([li])(\d+_\d+)$/.exec(name) ?? [];
  return kind && `registers.load(${kind === "l" ? "load" : "initial"}_${place}, areas)`;
}

interface Effect {
  readonly text: string;
  readonly position: number;
}

/** What a body does, one line per effect in order: blocks flattened, views resolved, moves joined to runs. */
function effectsOf(file: ts.SourceFile, statements: readonly ts.Statement[], views: ReadonlyMap<string, Runs>): Effect[] {
  const effects: Effect[] = [];
  for (const statement of statements) {
    const position = statement.getStart(file);
    if (compiler.isIfStatement(statement) && compiler.isBlock(statement.thenStatement) && !statement.elseStatement) {
      effects.push({ text: `if (${plain(statement.expression, file)}) {`, position });
      effects.push(...effectsOf(file, statement.thenStatement.statements, views), { text: "}", position });
      continue;
    }
    const text = effectText(plain(statement, file), views);
    const joined = joinedMove(effects.at(-1)?.text ?? "", text);
    if (joined === undefined) effects.push({ text, position });
    else effects[effects.length - 1] = { text: joined, position };
  }
  return effects;
}

function effectText(text: string, views: ReadonlyMap<string, Runs>): string {
  const move = /^(s|R)\[(t|f)(?: \+ (\d+))?\] = (d|Q)\[(q|w)(?: \+ (\d+))?\]!;$/.exec(text);
  const kind = move ? `${move[1]}${move[2]}${move[4]}${move[5]}` : "";
  // A dword at the place of MXCSR is no piece of a component.
  if (move && (kind === "stdq" || (kind === "RfQw" && move[3] !== "6"))) {
    const unit = kind === "stdq" ? 8 : 4;
    return `move${unit} ${Number(move[6] ?? 0) * unit} -> ${Number(move[3] ?? 0) * unit} length ${unit}`;
  }
  const set = /^U\.set\((.+)\[(\d+)\]!, base(?: \+ (\d+))?\);$/.exec(text);
  if (!set) return text;
  const run = (name: string): readonly [number | string, number | string] => views.get(name)?.[Number(set[2])] ?? ["?", "?"];
  const to = set[3] ?? "0";
  if (set[1] === "all") return `set ${run("whole").join(" ")} -> ${to}`;
  if (set[1] === "initial") return `set initial ${run("initial").join(" ")} -> ${to}`;
  const choice = /^\((.+) \? area : initial\)$/.exec(set[1] ?? "");
  const [area, length] = run("parts");
  const [registers, initialLength] = run("initial");
  if (!choice || length !== initialLength) return text;
  return `set ${choice[1]} ? ${area} : initial ${registers} ${length} -> ${to}`;
}

/** Two moves of neighbours as one. */
function joinedMove(previous: string, next: string): string | undefined {
  const form = /^move([48]) (\d+) -> (\d+) length (\d+)$/;
  const a = form.exec(previous)?.slice(1).map(Number);
  const b = form.exec(next)?.slice(1).map(Number);
  if (!a || !b || a[0] !== b[0] || a[1]! + a[3]! !== b[1] || a[2]! + a[3]! !== b[2]) return undefined;
  return `move${a[0]} ${a[1]} -> ${a[2]} length ${a[3]! + b[3]!}`;
}

function compare(file: ts.SourceFile, path: string, spec: RestoreSpec, effects: readonly Effect[]): void {
  const expected = expectedRestore(spec);
  for (let i = 0; i < Math.max(effects.length, expected.length); i++) {
    const got = effects[i];
    if (got?.text === expected[i]) continue;
    const place = got?.position ?? effects.at(-1)?.position ?? 0;
    const message = `expected "${expected[i] ?? "nothing"}", got "${got?.text ?? "nothing"}"`;
    throw fail(file, path, place, `${spec.name} does not do what was planned: ${message}`);
  }
}

/** Text of a node with single spaces. */
function plain(node: ts.Node, file: ts.SourceFile): string {
  return node.getText(file).replace(/\s+/g, " ");
}
