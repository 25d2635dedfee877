/**
 * The proof: on the syntax tree of what is about to be written, every save function is straight-line and
 * stores exactly what its plan says; all else in a module is, to the letter, what the plan says. It speaks of our source;
 * the engine keeps its own bounds checks.
 */

import { calledOf } from "./body-context.ts";
import { copiesImports, copyData, copyTextName, formMaker, makersOf, SEAM_REVISION } from "./build-module.ts";
import { expectedCopy, expectedEffects } from "./expected-effects.ts";
import { KnownStatements } from "./known-statements.ts";
import { ModuleLines, type PlacedStatement } from "./module-lines.ts";
import { regionsOf, type RegionSpec } from "./region-copy.ts";
import { type FormSpec, type GroupSpec } from "./saver-spec.ts";
import { statementEffects } from "./statement-effects.ts";
import { ALLOWED_KINDS, StatementJudge } from "./statement-rules.ts";

/** Receivers of a saver's calls; a region's copy is one, and is proved where it is defined. */
const SAVER_CALLS = /^(?:areas\.check|registers\.base|U\.set|move64|move128|mxcsrInUse|c\d+_\d+)$/;
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
  const module = new ModuleLines(path, text, known);
  const regions = regionsOf(groups).map(({ name }) => name);
  const makers = makersOf(groups);
  const imported = new Set([...makers, ...regions]);
  module.takeImport([...makers, "type SaverForm", "type SaverGroup"]);
  if (regions.length > 0) module.takeImport(regions);
  for (const group of groups) {
    for (const form of group.forms) proveForm(module, form, imported);
    takeMade(module, group.name, "SaverGroup", "saverGroup(");
    module.take(...groupData(group).map((each) => `  ${each},`), ");");
  }
  module.end();
  return groups.reduce((sum, { forms }) => sum + forms.length, 0);
}

/** Proves a module with one text of every region's copy; throws ProofError at the first that fails. */
export function proveCopies(
  path: string,
  text: string,
  regions: readonly RegionSpec[],
  number: number,
  known?: KnownStatements,
): void {
  proveRegions(
    path,
    text,
    {
      texts: [number],
      maker: "regionCopy",
      imports: copiesImports(regions),
      type: "RegionCopy",
      names: COPY_NAMES,
      judge: COPIES,
    },
    regions.map((region) => ({
      name: region.name,
      data: copyData(region),
      expected: expectedCopy(region),
    })),
    known,
  );
}

/** What regions of a module are made by, their type, and what their functions may name. */
export interface RegionsForm {
  /** Numbers of the texts that each has. */
  readonly texts: readonly number[];
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
  readonly data: readonly string[];
  readonly expected: readonly string[];
  readonly fromArea?: boolean;
}

/** Proves a module that consists of regions; throws ProofError at the first function that fails. */
export function proveRegions(
  path: string,
  text: string,
  { texts, maker, imports, type, names, judge }: RegionsForm,
  regions: readonly PlannedRegion[],
  known: KnownStatements = new KnownStatements(),
): void {
  const module = new ModuleLines(path, text, known);
  const imported = new Set(imports);
  module.takeImport([...imports, `type ${type}`]);
  for (const region of regions) {
    takeMade(module, region.name, type, `${maker}({`);
    module.take(...region.data.map((each) => `  ${each},`), "  texts: [");
    const { fromArea = true, expected } = region;
    for (const number of texts) {
      module.take(`    (registers${fromArea ? ", areas" : ""}) => {`);
      proveBound(module, copyTextName(region, number), "      ", { names, expected, judge, imported, fromArea });
      module.take("    },");
    }
    module.take("  ],", "});");
  }
  module.end();
}

/** Reads the beginning of a declaration: `made` is its maker's name and what opens behind it. */
export function takeMade(module: ModuleLines, name: string, type: string, made: string): void {
  module.takeComment();
  module.take(`export const ${name}: ${type} = /* @__PURE__ */ ${made}`);
}

function proveForm(module: ModuleLines, form: FormSpec, imported: ReadonlySet<string>): void {
  takeMade(module, form.name, "SaverForm", `${formMaker(form)}(`);
  module.take(...formData(form).map((each) => `  ${each},`), "  (registers, areas) => {");
  proveBound(module, form.name, "    ", {
    names: SAVER_NAMES,
    expected: expectedEffects(form),
    judge: SAVERS,
    imported,
    calls: calledOf([form]),
    fromArea: true,
  });
  module.take("  },", ");");
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
  readonly fromArea: boolean;
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

/** Constants, and the return of one straight-line function `(processor, offset)` of the planned effects. */
function proveBound(module: ModuleLines, name: string, indent: string, plan: BoundPlan): void {
  const { fromArea, judge, imported, expected, calls = [] } = plan;
  const stands = boundNames(module, name, indent, plan.names, imported);
  const parameters = ["processor", ...(fromArea ? ["offset"] : [])];
  const outer = ["registers", ...(fromArea ? ["areas"] : [])];
  const body = takeFunction(module, name, indent, parameters);
  judge.check(module, name, body, [...outer, ...parameters, ...stands.keys(), ...calls], new Set([...imported, name]));
  const effects = statementEffects(body, stands);
  compareEffects(module, name, effects, expected);
}

/** Throws ProofError at the first effect that is not the expected one. */
export function compareEffects(
  module: ModuleLines,
  name: string,
  effects: readonly { readonly text: string; readonly position: number }[],
  expected: readonly string[],
): void {
  for (let i = 0; i < Math.max(effects.length, expected.length); i++) {
    const got = effects[i];
    if (got?.text === expected[i]) continue;
    const message = `expected "${expected[i] ?? "nothing"}", got "${got?.text ?? "nothing"}"`;
    throw module.fail(
      got?.position ?? effects.at(-1)?.position ?? module.position,
      `${name} does not do what was planned: ${message}`,
    );
  }
}

/** Reads the function that a function that binds returns: its statements. */
export function takeFunction(
  module: ModuleLines,
  name: string,
  indent: string,
  parameters: readonly string[],
): readonly PlacedStatement[] {
  module.take(`${indent}return function ${name}(${parameters.join(", ")}) {`);
  const body = module.takeBody();
  module.take(`${indent}};`);
  return body;
}

/** Reads the constants of a function that binds, by name; refuses a name that is there already. */
export function takeConstants(
  module: ModuleLines,
  owner: string,
  indent: string,
  imported: ReadonlySet<string>,
  each: (name: string, value: string, position: number) => void,
): void {
  const names = new Set([...imported, owner, "registers", "areas"]);
  for (;;) {
    const line = module.peek();
    const [, name, value] = line.startsWith(`${indent}const `) ? (/^ *const (\w+) = (.+);$/.exec(line) ?? []) : [];
    if (!name || !value) return;
    const position = module.position + indent.length;
    if (names.has(name)) throw module.fail(position, `${owner} declares ${name} again`);
    names.add(name);
    each(name, value, position);
    module.skip();
  }
}

/**
 * The names that are bound before the function, each with what it stands for: views and copies by their data, all else
 * is fixed and stands for itself.
 */
function boundNames(
  module: ModuleLines,
  owner: string,
  indent: string,
  fixed: Readonly<Record<string, string>>,
  imported: ReadonlySet<string>,
): Map<string, string> {
  const stands = new Map<string, string>();
  takeConstants(module, owner, indent, imported, (name, value, position) => {
    const view = /^registers\.(views|lbrViews)\((\d+)(?:, (\d+))?\)$/.exec(value);
    const copy = /^registers\.copy\((copy_\d+_\d+\w*), areas\)$/.exec(value);
    if (copy?.[1] && !imported.has(copy[1])) throw module.fail(position, `${owner} uses ${copy[1]}, which is not imported`);
    const found = view ? view.slice(1) : copy && [copy[1]];
    if (found && !Object.hasOwn(fixed, name)) stands.set(name, found.filter(Boolean).join(" "));
    else if (Object.hasOwn(fixed, name) && fixed[name] === value) stands.set(name, name);
    else throw module.fail(position, `${owner} binds ${name} to ${value}`);
  });
  return stands;
}

/** What a group is made of, written from the plan. */
function groupData({ families, plan, forms }: GroupSpec): string[] {
  const segments = forms
    .at(-1)!
    .segments.filter(({ components }) => components[0]! > 1)
    .map((each) => `[${each.components[0]}, ${each.registers}, ${each.area}, ${each.length}]`);
  return [
    `${SEAM_REVISION}`,
    families.length > 1 ? "COMPACTED_SAVES" : `["${families[0]}"]`,
    maskData(plan.rfbm),
    `${plan.size}`,
    `[${segments.join(", ")}]`,
    `[${forms.map((form) => form.name).join(", ")}]`,
    ...((plan.rfbm & 1n) === 0n ? [] : [`"${plan.x87Pointers}"`]),
  ];
}

/** What a saver is made of beside its code, written from the plan. */
function formData(form: FormSpec): string[] {
  if (form.segments.some((each) => each.kind === "sink")) return [];
  return [form.inUse === "any" ? '"any"' : maskData(form.inUse)];
}

/** A mask's two words. */
function maskData(mask: bigint): string {
  const high = mask >> 32n;
  return `[0x${(mask & 0xffff_ffffn).toString(16)}, ${high === 0n ? "0" : `0x${high.toString(16)}`}]`;
}
