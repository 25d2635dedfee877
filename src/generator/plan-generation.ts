/** Which files there will be: everything that can be said before a saver is rendered, so without ts-morph and Handlebars. */

import type { CpuModel } from "../model/cpu-model.ts";
import { type MaskFamily, masksFor } from "../model/read-masks.ts";
import type { SaveFamily } from "../runtime/save-plan.ts";
import { withHeader } from "./file-header.ts";
import { modelModuleText, modelSaversText, registryText } from "./model-module.ts";
import { regionsOf, type RegionSpec } from "./region-copy.ts";
import { groupKey, groupsFor, type GroupSpec } from "./saver-spec.ts";

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
}

/** A module of savers that is to be built. Plain data, so that it can go to another thread. */
export interface SaversModule {
  /** Path below the output folder. */
  readonly path: string;
  /** In the order in which they are written. */
  readonly groups: readonly GroupSpec[];
  /** What the digest of inputs is taken of, the template aside. */
  readonly keys: readonly string[];
  /** Regions whose copies it defines; a module has these or groups. */
  readonly regions: readonly RegionSpec[];
}

/** All that is to be generated: the modules of savers, and the rest as text already. */
export interface GenerationPlan {
  readonly modules: readonly SaversModule[];
  readonly files: readonly GeneratedFile[];
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

/** Plans which modules there are and what is in each. */
export function planGeneration(models: readonly CpuModel[], options: PlanOptions): GenerationPlan {
  const sorted = models.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const byFile = new Map<string, Map<string, PlacedGroup>>();
  const groups = new Map<string, GroupSpec[]>();
  const files: GeneratedFile[] = [];
  for (const model of sorted) {
    const requested = masksFor(model, options.masks).map((mask) => ({
      name: mask.name,
      rfbm: mask.rfbm,
      families: mask.instructions.map((name) => name.slice(0, -2) as SaveFamily),
      xinuseClasses: mask.xinuseClasses,
    }));
    const own: GroupSpec[] = [];
    for (const group of groupsFor(model, requested)) own.push(place(byFile, group));
    groups.set(model.id, own);
    const imported = own.map(({ name, file, plan }) => ({ name, file, rfbm: plan.rfbm }));
    const source = `cpu-models/${model.id}.yaml, cpu-models/masks.yaml`;
    const thin = modelModuleText(model, imported, options.seam.fromRoot, options.extension);
    files.push({ path: `${model.id}.ts`, text: withHeader(thin, source, thin) });
    const all = modelSaversText(model, imported, options.seam.fromSavers, options.extension);
    files.push({ path: `${model.id}/savers.ts`, text: withHeader(all, source, all) });
  }
  const ids = sorted.map((model) => model.id);
  const registry = registryText(ids, options.seam.fromRoot, options.extension);
  files.push({ path: "index.ts", text: withHeader(registry, "cpu-models/", registry) });
  const modules = [...byFile].map(([file, entries]) => {
    const ordered = [...entries.values()].toSorted((a, b) => compareGroups(a.group, b.group));
    const members = ordered.map(({ group }) => group);
    return { path: `savers/${file}.ts`, groups: members, keys: ordered.map(({ key }) => key), regions: [] as RegionSpec[] };
  });
  const regions = regionsOf(modules.flatMap((module) => module.groups));
  if (regions.length > 0) modules.push({ path: "savers/copies.ts", groups: [], keys: [], regions });
  return { modules, files, groups };
}

interface PlacedGroup {
  readonly group: GroupSpec;
  readonly key: string;
}

/** Puts a group into its file, or finds the equal one there; a namesake of other content gets a file of its own. */
function place(byFile: Map<string, Map<string, PlacedGroup>>, group: GroupSpec): GroupSpec {
  const key = groupKey(group);
  for (const file of [group.file, `${group.file}-${key.slice(0, 8)}`]) {
    const entries = byFile.get(file) ?? new Map<string, PlacedGroup>();
    byFile.set(file, entries);
    const found = entries.get(group.name);
    if (found && found.key !== key) continue;
    const placed = found?.group ?? { ...group, file };
    entries.set(group.name, { group: placed, key });
    return placed;
  }
  throw new Error(`two groups named ${group.name} share the digest ${key.slice(0, 8)}`);
}

function compareGroups(a: GroupSpec, b: GroupSpec): number {
  if (a.plan.rfbm !== b.plan.rfbm) return a.plan.rfbm < b.plan.rfbm ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
