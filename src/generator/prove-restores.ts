/**
 * The proof of restores: on the syntax tree of what is about to be written, every restore branches only where it is
 * planned, and loads exactly what its plan says. It speaks of our source, as that of the savers does.
 */

import type { ts } from "ts-morph";

import { RESTORE_REVISION } from "./build-restores.ts";
import { expectedRestore } from "./expected-restore.ts";
import { loadRegionsOf } from "./load-region.ts";
import { type BodyStatement, KnownStatements, singleSpaced } from "./known-statements.ts";
import { ModuleLines, type PlacedStatement } from "./module-lines.ts";
import { compareEffects, takeConstants, takeFunction, takeMade } from "./prove-straight-line.ts";
import { ALLOWED_KINDS, StatementJudge } from "./statement-rules.ts";
import type { RestoreSpec } from "./restore-spec.ts";
import { compiler } from "./ts-morph.ts";

/** Beside what savers may have: branches, comparisons, and literals in what is bound. */
const RESTORE_KINDS: ReadonlySet<ts.SyntaxKind> = new Set([
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
const RESTORE_CALLS = /^(?:registers\.base|areas\.accepts|x87|legacy|[li]\d+_\d+|whole\.at|parts\.at|U\.set)$/;

const RESTORES = new StatementJudge({ within: "a restore", kinds: RESTORE_KINDS, calls: RESTORE_CALLS });

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
  j: "registers.initialBase >>> 3",
  x87: "registers.x87(areas)",
  legacy: "registers.load(load_legacy, areas)",
};

type Runs = readonly (readonly [offset: number, length: number])[];

/** Proves every restore of a module's text; throws ProofError at the first that fails. Returns their number. */
export function proveRestores(
  path: string,
  text: string,
  specs: readonly RestoreSpec[],
  known: KnownStatements = new KnownStatements(),
): number {
  const module = new ModuleLines(path, text, known);
  const loads = loadRegionsOf(specs).map(({ name }) => name);
  const imported = new Set(["restoreRoutine", ...loads]);
  module.takeImport(["restoreRoutine", "type RestoreRoutine"]);
  if (loads.length > 0) module.takeImport(loads);
  for (const spec of specs) {
    const { name } = spec;
    takeMade(module, name, "RestoreRoutine", "restoreRoutine({");
    module.take(...routineData(spec).map((each) => `  ${each},`), "  bind(registers, areas) {");
    const { names, views } = boundViews(module, name, imported);
    const body = takeFunction(module, name, "    ", ["processor", "offset"]);
    module.take("  },", "});");
    const outside = ["registers", "areas", "processor", "offset", ...names];
    RESTORES.check(module, name, body, outside, new Set([...imported, name]));
    const expected = joined(expectedRestore(spec).map((text) => ({ text, position: 0 })));
    compareEffects(
      module,
      name,
      joined(effectsOf(body, views)),
      expected.map(({ text }) => text),
    );
  }
  module.end();
  return specs.length;
}

/** The members beside the code, written from the plan. */
function routineData({ name, families, plan }: RestoreSpec): string[] {
  const pair = (mask: bigint): string => {
    const high = mask >> 32n;
    return `[0x${(mask & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}]`;
  };
  const pieces = plan.pieces.map((each) => `[${each.component}, ${each.registers}, ${each.area ?? -1}, ${each.length}]`);
  return [
    `revision: ${RESTORE_REVISION}`,
    `name: "${name}"`,
    `families: [${families.map((family) => `"${family}"`).join(", ")}]`,
    `rfbm: ${pair(plan.rfbm)}`,
    `xcompBv: ${pair(plan.xcompBv)}`,
    `size: ${plan.size}`,
    `pieces: [${pieces.join(", ")}]`,
  ];
}

/** The names that are bound, and the runs behind `whole`, `parts` and `initial`; everything else must be bound as planned. */
function boundViews(
  module: ModuleLines,
  owner: string,
  imported: ReadonlySet<string>,
): { readonly names: ReadonlySet<string>; readonly views: ReadonlyMap<string, Runs> } {
  const names = new Set<string>();
  const views = new Map<string, Runs>();
  takeConstants(module, owner, "    ", imported, (name, value, position) => {
    names.add(name);
    const made = name === "initial" ? "registers.initial(" : "registers.places(areas, ";
    const runs = ["whole", "parts", "initial"].includes(name) && value.startsWith(made) ? value.slice(made.length, -1) : "";
    const load = /^registers\.load\((\w+), /.exec(value)?.[1];
    if (/^\[(?:\[\d+, \d+\](?:, )?)*\]$/.test(runs) && value.endsWith(")")) views.set(name, JSON.parse(runs) as Runs);
    else if ((Object.hasOwn(BINDINGS, name) ? BINDINGS[name] : loadOf(name)) !== value)
      throw module.fail(position, `${owner} binds ${name} to ${value}`);
    else if (load !== undefined && !imported.has(load))
      throw module.fail(position, `${owner} uses ${load}, which is not imported`);
  });
  return { names, views };
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

/** What a body does, one line per effect in order: blocks flattened, views resolved. */
function effectsOf(statements: readonly PlacedStatement[], views: ReadonlyMap<string, Runs>): Effect[] {
  const effects: Effect[] = [];
  for (const { statement, position } of statements) {
    let parts = flattened.get(statement);
    if (!parts) flattened.set(statement, (parts = flatten(statement.node, statement.file)));
    const moved = position - statement.node.getStart(statement.file);
    for (const part of parts) effects.push({ text: effectText(part.text, views), position: part.position + moved });
  }
  return effects;
}

/** A statement that comes often is taken apart once. Positions are those of its file. */
const flattened = new WeakMap<BodyStatement, readonly Effect[]>();

/** A statement as text; a block with what is in it, one each. */
function flatten(node: ts.Statement, file: ts.SourceFile): Effect[] {
  const position = node.getStart(file);
  if (!compiler.isIfStatement(node) || !compiler.isBlock(node.thenStatement))
    return [{ text: singleSpaced(node.getText(file)), position }];
  const { expression, thenStatement, elseStatement } = node;
  const inBlock = (block: ts.Statement): Effect[] =>
    compiler.isBlock(block) ? block.statements.flatMap((each) => flatten(each, file)) : flatten(block, file);
  const otherwise = elseStatement && [{ text: "} else {", position: elseStatement.getStart(file) }, ...inBlock(elseStatement)];
  const head = { text: `if (${singleSpaced(expression.getText(file))}) {`, position };
  return [head, ...inBlock(thenStatement), ...(otherwise ?? []), { text: "}", position }];
}

/** Moves of neighbours joined to runs. */
function joined(effects: readonly Effect[]): Effect[] {
  const runs: Effect[] = [];
  for (const effect of effects) {
    const last = runs.at(-1);
    const text = last && joinedMove(last.text, effect.text);
    if (last && text !== undefined) runs[runs.length - 1] = { text, position: last.position };
    else runs.push(effect);
  }
  return runs;
}

/** Moves of elements, by views and indices: the name of the effect, and bytes. */
const MOVES: Readonly<Record<string, readonly [name: string, unit: number]>> = {
  stdq: ["move8", 8],
  RfQw: ["move4", 4],
  stsj: ["initial8", 8],
};

function effectText(text: string, views: ReadonlyMap<string, Runs>): string {
  const move = /^(s|R)\[(t|f)(?: \+ (\d+))?\] = (d|Q|s)\[(q|w|j)(?: \+ (\d+))?\]!;$/.exec(text);
  const [name, unit] = MOVES[move ? `${move[1]}${move[2]}${move[4]}${move[5]}` : ""] ?? ["", 0];
  // A dword at the place of MXCSR is no piece of a component.
  if (move && unit > 0 && !(unit === 4 && move[3] === "6"))
    return `${name} ${Number(move[6] ?? 0) * unit} -> ${Number(move[3] ?? 0) * unit} length ${unit}`;
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
  const form = /^(move4|move8|initial8) (\d+) -> (\d+) length (\d+)$/;
  const [, name, ...a] = form.exec(previous) ?? [];
  const [, other, ...b] = form.exec(next) ?? [];
  const [from, to, length] = a.map(Number) as [number, number, number];
  const [nextFrom, nextTo, nextLength] = b.map(Number) as [number, number, number];
  if (!name || name !== other || from + length !== nextFrom || to + length !== nextTo) return undefined;
  return `${name} ${from} -> ${to} length ${length + nextLength}`;
}
