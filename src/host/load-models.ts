/** Where models come from: the package's `cpu-models/`, a YAML file, a dump. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { distinctCpus, leafDCpu, readDump } from "../dumps/index.ts";
import type { LeafDCpu, RawDump } from "../dumps/index.ts";
import type { ByteSource } from "../formats/byte-source.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { ModelError, hasErrors, quoteText } from "../model/diagnostic.ts";
import type { LeafDFinding } from "../model/lint-leaf-0d.ts";
import { examineLeafD, findingsAt } from "../model/model-from-leaf-0d.ts";
import { ID_FORM } from "../model/model-schema.ts";
import { nearestName } from "../model/nearest-name.ts";
import { readMasks } from "../model/read-masks.ts";
import type { MaskFamily } from "../model/read-masks.ts";
import { readModel } from "../model/read-model.ts";
import type { LoadBase } from "../model/read-model.ts";
import { DumpFileError, dumpText, readDumpFile } from "./read-dump-file.ts";

/** A model argument names nothing that can be read. */
export class ModelArgumentError extends Error {
  override readonly name = "ModelArgumentError";
}

const PACKAGE_NAME = /"name":\s*"xsavekit"/;
const MASKS_FILE = "masks.yaml";
const YAML_NAME = /\.ya?ml$/;

/** The package's folder, from wherever in it this module runs (`src/host` or `dist/src/host`). */
export function packageRoot(from: string = import.meta.url): string {
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && PACKAGE_NAME.test(readFileSync(manifest, "utf8"))) return folder;
    if (dirname(folder) === folder)
      throw new ModelArgumentError(`no package.json of xsavekit above ${fileURLToPath(from)}; install the package again`);
  }
}

/** The package's version. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
}

/** The package's `cpu-models/`. */
export function modelsFolder(): string {
  return join(packageRoot(), "cpu-models");
}

/** Ids of the models that come with the package, sorted. */
export function bundledIds(folder: string = modelsFolder()): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml") && name !== MASKS_FILE)
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** Gives the text of `extends` from the folders, first match first. */
function baseFrom(folders: readonly string[]): LoadBase {
  return (id) => {
    if (!ID_FORM.test(id)) return undefined;
    const path = folders.map((folder) => join(folder, `${id}.yaml`)).find(existsSync);
    return path === undefined ? undefined : readFileSync(path, "utf8");
  };
}

/** The error of a name that no model has; `ids`: those that there are. */
function noModel(what: string, name: string, ids: readonly string[]): ModelArgumentError {
  // Of two that are equally near, the longer: amd-zen-5 for amd-zen5.
  const near = nearestName(name, ids.toReversed());
  const hint = near === undefined ? "`xsavekit models` lists them" : `did you mean ${near}? \`xsavekit models\` lists all`;
  return new ModelArgumentError(`${what} ${quoteText(name)}: ${hint}`);
}

/** One model of the package. Throws ModelArgumentError for an id that it has not, ModelError with what is wrong in its file. */
export function loadBundledModel(id: string, folder: string = modelsFolder()): CpuModel {
  if (!existsSync(join(folder, `${id}.yaml`)) || !ID_FORM.test(id)) throw noModel("no model", String(id), bundledIds(folder));
  const path = join(folder, `${id}.yaml`);
  const { model, diagnostics } = readModel(readFileSync(path, "utf8"), path, baseFrom([folder]));
  if (!model) throw new ModelError(diagnostics);
  return model;
}

/** All models of the package by id. Throws ModelError with what is wrong in all of their files. */
export function loadBundledModels(folder: string = modelsFolder()): CpuModel[] {
  const models: CpuModel[] = [];
  const wrong: Diagnostic[] = [];
  const loadBase = baseFrom([folder]);
  for (const id of bundledIds(folder)) {
    const path = join(folder, `${id}.yaml`);
    const { model, diagnostics } = readModel(readFileSync(path, "utf8"), path, loadBase);
    if (model) models.push(model);
    else wrong.push(...diagnostics);
  }
  if (wrong.length > 0) throw new ModelError(wrong);
  return models;
}

/** The mask families of the package. Throws ModelError. */
export function loadMasks(path: string = join(modelsFolder(), MASKS_FILE)): readonly MaskFamily[] {
  const { families, diagnostics } = readMasks(readFileSync(path, "utf8"), path);
  if (!families) throw new ModelError(diagnostics);
  return families;
}

/** One logical CPU of a dump, with all that is wrong with it as a model too. */
export interface ReadCpu extends LeafDCpu {
  readonly diagnostics: readonly Diagnostic[];
}

/** A dump with what it says about every logical CPU, and one model for each that differs from the others. */
export interface ReadDumpModels {
  readonly format: string;
  readonly cpus: readonly ReadCpu[];
  readonly models: readonly CpuModel[];
  /** About the dump as a whole. */
  readonly diagnostics: readonly Diagnostic[];
}

const FORMAT_REMEDY = "give the text that `cpuid -r` prints, or a model as a file named .yaml";
/** What reading a dump already says in the dump's own words, by the rule of the model that would say it again. */
const SAID_OF_DUMP: ReadonlyMap<string, readonly string[]> = new Map([
  ["no-leaf-0d", ["no-leaf-0d", "no-subleaf-0", "leaf-0d-zero", "leaf-0d-echoed"]],
  ["subleaf-1-missing", ["no-subleaf-1"]],
  ["row-missing", ["component-row-missing", "no-component-rows"]],
  ["row-without-bit", ["component-not-in-masks"]],
]);
const DUMP_REMEDY = "see the dump at this line; a row that is missing there can only come from another dump";

/** Makes models of a dump that was read. `id` names the first; others get a number. */
export function modelsFromDump(dump: RawDump, file: string, id?: string): ReadDumpModels {
  const asDiagnostic = ({ rule, severity, line, message }: RawDump["problems"][number]): Diagnostic => ({
    rule,
    severity,
    file,
    line,
    column: line === 0 ? 0 : 1,
    message,
    remedy: rule === "unknown-format" ? FORMAT_REMEDY : DUMP_REMEDY,
  });
  const models: CpuModel[] = [];
  const ids = new Set<string>();
  const leafDs = dump.cpus.map(leafDCpu);
  const findings = new Map<LeafDCpu, readonly LeafDFinding[]>();
  for (const distinct of distinctCpus(leafDs)) {
    const examined = examineLeafD(distinct.cpu, {
      file,
      source: file === "-" ? "standard input" : sourceOf(file),
      ...(id === undefined ? {} : { id }),
    });
    for (const cpu of distinct.cpus) findings.set(cpu, examined.findings);
    const { model } = examined;
    if (!model || models.some((other) => sameLayout(other, model))) continue;
    let free = model.id;
    for (let count = 2; ids.has(free); count++) free = `${model.id}-${count}`;
    ids.add(free);
    models.push({ ...model, id: free });
  }
  const cpus = leafDs.map((cpu): ReadCpu => {
    const said = new Set(cpu.problems.map(({ rule }) => rule));
    const more = (findings.get(cpu) ?? []).filter((finding) => !SAID_OF_DUMP.get(finding.rule)?.some((rule) => said.has(rule)));
    return { ...cpu, diagnostics: [...cpu.problems.map(asDiagnostic), ...findingsAt(cpu, more, file)] };
  });
  return { format: dump.format, cpus, models, diagnostics: dump.problems.map(asDiagnostic) };
}

/** A file's name as a source: without the folders of one machine. */
function sourceOf(file: string): string {
  return file.replaceAll("\\", "/").split("/").at(-1) || file;
}

function sameLayout(a: CpuModel, b: CpuModel): boolean {
  const key = ({ vendor, name, xcr0Supported, xssSupported, instructions, components, quirks }: CpuModel): string =>
    JSON.stringify([vendor, name, `${xcr0Supported} ${xssSupported}`, instructions, components, quirks]);
  return key(a) === key(b);
}

/** What a file is, and what is wrong with it. */
export interface CheckedFile {
  readonly kind: "model" | "masks" | "dump" | "unknown";
  readonly models: readonly CpuModel[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads and lints a file: YAML by its name, or, from standard input and under other names, what its
 * text looks like. `input` is what is at `path` where that was read already (standard input). Throws DumpFileError where
 * the file cannot be read.
 */
export async function checkFile(path: string, input?: ByteSource): Promise<CheckedFile> {
  const text = await (input ? dumpText(input, path) : readDumpFile(path));
  if (YAML_NAME.test(path) || (path === "-" && looksLikeYaml(text))) {
    if (path.replaceAll("\\", "/").split("/").at(-1) === MASKS_FILE)
      return { kind: "masks", models: [], diagnostics: readMasks(text, path).diagnostics };
    const { model, diagnostics } = readModel(text, path, baseFrom([dirname(path), modelsFolder()]));
    return { kind: "model", models: model ? [model] : [], diagnostics };
  }
  const dump = readDump(text);
  const { models, diagnostics, cpus } = modelsFromDump(dump, path);
  const all = [...diagnostics];
  const seen = new Set<string>();
  for (const each of cpus.flatMap((cpu) => cpu.diagnostics)) {
    // Logical CPUs that say the same say the same wrong.
    const key = `${each.rule} ${each.message}`;
    if (!seen.has(key)) all.push(each);
    seen.add(key);
  }
  return { kind: dump.problems.some(({ rule }) => rule === "unknown-format") ? "unknown" : "dump", models, diagnostics: all };
}

function looksLikeYaml(text: string): boolean {
  return /^(?:id|name|extends):/m.test(text.slice(0, 4096));
}

/** Every model that an argument stands for: one for an id or YAML, all distinct CPUs for a dump. `input` as for `checkFile`. */
export async function resolveModels(argument: string, input?: ByteSource): Promise<readonly CpuModel[]> {
  const ids = bundledIds();
  if (ids.includes(argument)) return [loadBundledModel(argument)];
  if (argument !== "-" && !existsSync(argument) && !/[/\\.]/.test(argument)) throw noModel("no model and no file", argument, ids);
  const { kind, models, diagnostics } = await checkFile(argument, input);
  if (kind === "masks") throw new ModelArgumentError(`${argument}: holds mask families, not a CPU; name a model`);
  if (models.length > 0 && (kind === "dump" || !hasErrors(diagnostics))) return models;
  if (diagnostics.length === 0) throw new DumpFileError(`${argument}: no CPU in it; name a dump with leaf 0DH`, "");
  throw new ModelError(diagnostics.toSorted((a, b) => Number(b.severity === "error") - Number(a.severity === "error")));
}

/** The one model that an argument stands for. A dump of CPUs that differ is refused. `input` as for `checkFile`. */
export async function resolveModel(argument: string, input?: ByteSource): Promise<CpuModel> {
  const [model, ...others] = await resolveModels(argument, input);
  if (!model) throw new ModelArgumentError(`${argument}: no CPU in it; name a dump with leaf 0DH`);
  if (others.length > 0) {
    throw new ModelArgumentError(
      `${argument}: ${others.length + 1} different CPUs; run \`xsavekit import\` on it and name one of the YAML files`,
    );
  }
  return model;
}
