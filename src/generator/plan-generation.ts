/** Which files there will be: everything that can be said before a saver is rendered, so without ts-morph and Handlebars. */

import { hasBit, maskHex } from "../isa/feature-mask.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { type MaskFamily, masksFor } from "../model/read-masks.ts";
import { registerSlots } from "../runtime/register-slots.ts";
import type { SaveFamily } from "../runtime/save-plan.ts";
import { withHeader } from "./file-header.ts";
import { loadRegionsOf, type LoadRegionSpec } from "./load-region.ts";
import {
  allCpusText,
  cpuModuleText,
  type ImportedRoutine,
  modelModuleText,
  modelRoutinesText,
  registryText,
} from "./model-module.ts";
import { REGION_TEXTS, regionsOf, type RegionSpec } from "./region-copy.ts";
import { restoreKey, restoresFor, restoresOfMasks, type RestoreSpec } from "./restore-spec.ts";
import { groupKey, groupsFor, type GroupSpec, type RequestedMask } from "./saver-spec.ts";

/** A file of the output: path below the output folder, with `/`. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** What a plan depends on. */
export interface PlanOptions {
  readonly masks: readonly MaskFamily[];
  /** Module specifiers of the seam, seen from the output folder and from a folder in it. */
  readonly seam: { readonly fromRoot: string; readonly fromSavers: string };
  /** Extension in imports between generated files: `.ts` or `.js`. */
  readonly extension: ".ts" | ".js";
  /** Folder with a `/` in which headers say that the models and masks are; absent: they name the model alone. */
  readonly modelsFolder?: string;
}

interface ModuleOf<Kind extends string, Spec> {
  readonly kind: Kind;
  /** Path below the output folder. */
  readonly path: string;
  /** In the order in which they are written. */
  readonly specs: readonly Spec[];
  /** What the digest of inputs is taken of, the template aside. */
  readonly keys: readonly string[];
}

/** A module of savers or restores, or of the regions that they share. Plain data, so that it can go to another thread. */
export type PlannedModule =
  | ModuleOf<"savers", GroupSpec>
  | (ModuleOf<"copies", RegionSpec> & { readonly text: number })
  | ModuleOf<"restores", RestoreSpec>
  | ModuleOf<"loads", LoadRegionSpec>;

/** All that is to be generated: the modules that are to be built, and the rest as text already. */
export interface GenerationPlan {
  readonly modules: readonly PlannedModule[];
  readonly files: readonly GeneratedFile[];
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

/** Plans which modules there are and what is in each. Throws Error if two models have one id. */
export function planGeneration(models: readonly CpuModel[], options: PlanOptions): GenerationPlan {
  const sorted = models.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const twice = sorted.find(({ id }, at) => sorted[at + 1]?.id === id);
  if (twice)
    throw new Error(`two models have the id ${twice.id} and would be one file; name each once, rename the file of one of two`);
  const { modelsFolder } = options;
  const savers: Placed<GroupSpec> = new Map();
  const restores: Placed<RestoreSpec> = new Map();
  const routines = new Map<string, { readonly savers: readonly GroupSpec[]; readonly restores: readonly RestoreSpec[] }>();
  const groups = new Map<string, readonly GroupSpec[]>();
  const files: GeneratedFile[] = [];
  for (const model of sorted) {
    const requested = masksFor(model, options.masks).map((mask): RequestedMask => ({
      name: mask.name,
      rfbm: mask.rfbm,
      families: mask.instructions.map((name) => name.slice(0, -2) as SaveFamily),
      xinuseClasses: mask.xinuseClasses,
      anyOnly: mask.anyOnly,
    }));
    const cut = cutter(model);
    const planned = requested.map((mask) => {
      const key = cut(mask);
      let found = routines.get(key);
      if (!found) {
        found = {
          savers: groupsFor(model, [mask]).map((group) => place(savers, group, groupKey(group))),
          restores: restoresFor(model, restoresOfMasks([mask])).map((spec) => place(restores, spec, restoreKey(spec))),
        };
        routines.set(key, found);
      }
      return found;
    });
    const own = planned.flatMap((each) => each.savers);
    const ownRestores = planned.flatMap((each) => each.restores);
    groups.set(model.id, own);
    const imported = { savers: own.map(importOf), restores: ownRestores.map(importOf) };
    const source =
      modelsFolder === undefined ? `model ${model.id}` : `${modelsFolder}${model.id}.yaml, ${modelsFolder}masks.yaml`;
    const inputs = digestible([dataOf(model), requested]);
    const data = cpuModuleText(model, options.seam.fromSavers);
    files.push({ path: `${model.id}/cpu.ts`, text: withHeader(data, source, inputs) });
    const thin = modelModuleText(model, imported, regionsOf(own).length > 0, options.seam.fromRoot, options.extension);
    files.push({ path: `${model.id}.ts`, text: withHeader(thin, source, inputs) });
    for (const kind of ["savers", "restores"] as const) {
      const all = modelRoutinesText(kind, imported[kind], options.seam.fromSavers, options.extension);
      files.push({ path: `${model.id}/${kind}.ts`, text: withHeader(all, source, inputs) });
    }
  }
  const ids = sorted.map((model) => model.id);
  const allModels = modelsFolder ?? "all models named";
  const registry = registryText(ids, options.seam.fromRoot, options.extension);
  files.push({ path: "index.ts", text: withHeader(registry, allModels, digestible(ids)) });
  const cpus = allCpusText(sorted, options.seam.fromRoot);
  files.push({ path: "cpus.ts", text: withHeader(cpus, allModels, digestible(sorted.map(dataOf))) });
  const modules: PlannedModule[] = [...modulesOf("savers", savers), ...modulesOf("restores", restores)];
  const regions = regionsOf(modules.flatMap((module) => (module.kind === "savers" ? module.specs : [])));
  const keys = regions.map((region) => JSON.stringify(region));
  if (regions.length > 0)
    for (const text of REGION_TEXTS)
      modules.push({ kind: "copies", path: `savers/${COPIES[text - 1]}.ts`, specs: regions, text, keys });
  const loads = loadRegionsOf(modules.flatMap((module) => (module.kind === "restores" ? module.specs : [])));
  if (loads.length > 0)
    modules.push({ kind: "loads", path: "restores/loads.ts", specs: loads, keys: loads.map((each) => JSON.stringify(each)) });
  return { modules, files, groups };
}

/**
 * Gives the text of all that the routines of a mask depend on in a model: the mask, the rows of its components, slots that
 * are the model's own, vendor rules and instructions. Most models share most of their masks' routines, and planning each
 * for each model would be most of a generation.
 */
function cutter(model: CpuModel): (mask: RequestedMask) => string {
  const { extension } = registerSlots(model);
  const rest = JSON.stringify([extension, model.quirks, model.instructions]);
  const rows = model.components.map((row) => [row.index, JSON.stringify(row)] as const);
  return (mask) =>
    `${digestible(mask)}${rest}${rows.flatMap(([index, row]) => (hasBit(mask.rfbm, index) ? [row] : [])).join("")}`;
}

/** The modules of the regions' copies, by text. */
const COPIES = ["copies", "second-copies"] as const;

/** What a model's modules depend on: where its figures come from and notes about them are not in the output. */
function dataOf({ sources: _sources, notes: _notes, ...data }: CpuModel): object {
  return data;
}

/** Plain data as text for the digest of inputs; members come in the order of their types, whatever a file's order. */
function digestible(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === "bigint" ? maskHex(value) : value));
}

/** What savers' groups and restores have in common. */
interface Routine {
  readonly name: string;
  readonly file: string;
  readonly plan: { readonly rfbm: bigint };
}

/** Routines by file and name, each with the digest of all that its code depends on. */
type Placed<Spec> = Map<string, Map<string, { readonly spec: Spec; readonly key: string }>>;

function modulesOf<Kind extends string, Spec extends Routine>(kind: Kind, placed: Placed<Spec>): ModuleOf<Kind, Spec>[] {
  return [...placed].map(([file, entries]) => {
    const ordered = [...entries.values()].toSorted((a, b) => compareRoutines(a.spec, b.spec));
    return { kind, path: `${kind}/${file}.ts`, specs: ordered.map(({ spec }) => spec), keys: ordered.map(({ key }) => key) };
  });
}

/** Puts a routine into its file, or finds the equal one there; a namesake of other content gets a file of its own. */
function place<Spec extends Routine>(byFile: Placed<Spec>, spec: Spec, key: string): Spec {
  for (const file of [spec.file, `${spec.file}-${key.slice(0, 8)}`]) {
    const entries = byFile.get(file) ?? new Map<string, { spec: Spec; key: string }>();
    byFile.set(file, entries);
    const found = entries.get(spec.name);
    if (found && found.key !== key) continue;
    const placed = found?.spec ?? { ...spec, file };
    entries.set(spec.name, { spec: placed, key });
    return placed;
  }
  throw new Error(`two routines named ${spec.name} share the digest ${key.slice(0, 8)}`);
}

function importOf({ name, file, plan }: Routine): ImportedRoutine {
  return { name, file, rfbm: plan.rfbm };
}

function compareRoutines(a: Routine, b: Routine): number {
  if (a.plan.rfbm !== b.plan.rfbm) return a.plan.rfbm < b.plan.rfbm ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
