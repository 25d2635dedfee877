/** Models and masks in, files out: the generator as a function. Nothing is read or written here. */

import type { CpuModel } from "../model/cpu-model.ts";
import { buildCopiesModule, buildSaversModule, forgetFiles } from "./build-module.ts";
import { sha256, withHeader } from "./file-header.ts";
import {
  type GeneratedFile,
  type GenerationPlan,
  planGeneration,
  type PlanOptions,
  type SaversModule,
} from "./plan-generation.ts";
import { proveCopies, proveModule } from "./prove-straight-line.ts";
import { bodyRenderer, type TemplateTexts } from "./render-body.ts";
import type { GroupSpec } from "./saver-spec.ts";

/** What to generate with. */
export interface GenerateOptions extends PlanOptions {
  readonly templates: TemplateTexts;
}

/** What was generated. */
export interface GenerateResult {
  readonly files: readonly GeneratedFile[];
  /** Savers that were proved straight-line. */
  readonly savers: number;
  /** Which groups each model uses, for `--explain`. */
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

/** A module of savers as a file. */
export interface BuiltModule {
  readonly file: GeneratedFile;
  /** Savers in it that were proved. */
  readonly savers: number;
}

/**
 * Generates savers and model modules. The same input gives the same bytes, whatever the order of models.
 * Throws ProofError if the output is not what was planned; nothing is returned then.
 */
export function generate(models: readonly CpuModel[], options: GenerateOptions): GenerateResult {
  const plan = planGeneration(models, options);
  return assemble(plan, plan.modules.map(moduleBuilder(options)));
}

/** What building a module depends on. */
export type BuildOptions = Pick<GenerateOptions, "templates" | "seam" | "extension">;

/** Makes what renders, builds and proves one module; throws ProofError if it is not what was planned. */
export function moduleBuilder({ templates, seam, extension }: BuildOptions): (module: SaversModule) => BuiltModule {
  const render = bodyRenderer(templates);
  const templateDigest = sha256(templates["save-body.hbs"]);
  const copyDigest = sha256(templates["copy-body.hbs"]);
  const imports = { seam: seam.fromSavers, copies: `./copies${extension}` };
  return ({ path, groups, keys, regions }) => {
    if (regions.length > 0) {
      const text = buildCopiesModule(path, regions, render, seam.fromSavers);
      proveCopies(path, text, regions);
      forgetFiles();
      const inputs = JSON.stringify([copyDigest, regions]);
      return { file: { path, text: withHeader(text, COPIES_SOURCE, inputs) }, savers: 0 };
    }
    const text = buildSaversModule(path, groups, render, imports);
    const savers = proveModule(path, text, groups);
    forgetFiles();
    const inputs = JSON.stringify([templateDigest, keys]);
    return { file: { path, text: withHeader(text, SAVERS_SOURCE, inputs) }, savers };
  };
}

const COPIES_SOURCE = "templates/copy-body.hbs, regions of the savers that import it";
const SAVERS_SOURCE = "templates/save-body.hbs, leaf 0DH rows of the models that import it";

/** The plan's files and the built modules as one result, sorted by path. */
export function assemble(plan: GenerationPlan, built: readonly BuiltModule[]): GenerateResult {
  return {
    files: [...plan.files, ...built.map(({ file }) => file)].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    savers: built.reduce((sum, { savers }) => sum + savers, 0),
    groups: plan.groups,
  };
}
