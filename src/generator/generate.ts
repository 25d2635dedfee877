/** Models and masks in, files out: the generator as a function. Nothing is read or written here. */

import type { CpuModel } from "../model/cpu-model.ts";
import { type MaskFamily, masksFor } from "../model/read-masks.ts";
import type { SaveFamily } from "../runtime/save-plan.ts";
import { buildSaversModule } from "./build-module.ts";
import { sha256, withHeader } from "./file-header.ts";
import { modelModuleText, modelSaversText, registryText } from "./model-module.ts";
import { proveModule } from "./prove-straight-line.ts";
import { bodyRenderer, type TemplateTexts } from "./render-body.ts";
import { groupKey, groupsFor, type GroupSpec } from "./saver-spec.ts";

/** A file of the output: path below the output folder, with `/`. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** What to generate with. */
export interface GenerateOptions {
  readonly masks: readonly MaskFamily[];
  readonly templates: TemplateTexts;
  /** Module specifiers of the seam, seen from the output folder and from a folder in it. */
  readonly seam: { readonly fromRoot: string; readonly fromSavers: string };
  /** Extension in imports between generated files: `.ts` or `.js`. */
  readonly extension: ".ts" | ".js";
}

/** What was generated. */
export interface GenerateResult {
  readonly files: readonly GeneratedFile[];
  /** Savers that were proved straight-line. */
  readonly savers: number;
  /** Which groups each model uses, for `--explain`. */
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

/**
 * Generates savers and model modules. The same input gives the same bytes, whatever the order of models.
 * Throws ProofError if the output is not what was planned; nothing is returned then.
 */
export function generate(models: readonly CpuModel[], options: GenerateOptions): GenerateResult {
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
  const registry = registryText(
    sorted.map((model) => model.id),
    options.seam.fromRoot,
    options.extension,
  );
  files.push({ path: "index.ts", text: withHeader(registry, "cpu-models/", registry) });
  const render = bodyRenderer(options.templates);
  const templateDigest = sha256(options.templates["save-body.hbs"]);
  let savers = 0;
  for (const [file, entries] of [...byFile].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const ordered = [...entries.values()].toSorted((a, b) => compareGroups(a.group, b.group));
    const path = `savers/${file}.ts`;
    const specs = ordered.map((entry) => entry.group);
    const text = buildSaversModule(path, specs, render, { specifier: options.seam.fromSavers });
    savers += proveModule(path, text, specs);
    const inputs = JSON.stringify([templateDigest, ordered.map((entry) => entry.key)]);
    files.push({ path, text: withHeader(text, "templates/save-body.hbs, leaf 0DH rows of the models that import it", inputs) });
  }
  return { files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)), savers, groups };
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
