/** Models and masks in, files out: the generator as a function. Nothing is read or written here. */

import type { CpuModel } from "../model/cpu-model.ts";
import { buildLoadsModule } from "./build-loads.ts";
import { buildRestoresModule } from "./build-restores.ts";
import { buildCopiesModule, buildSaversModule } from "./build-module.ts";
import { sha256, withHeader } from "./file-header.ts";
import {
  type GeneratedFile,
  type GenerationPlan,
  planGeneration,
  type PlanOptions,
  type PlannedModule,
} from "./plan-generation.ts";
import { KnownStatements } from "./known-statements.ts";
import { proveLoads } from "./prove-loads.ts";
import { proveRestores } from "./prove-restores.ts";
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
  /** Restores that were proved to load what their plans say. */
  readonly restores: number;
  /** Which groups each model uses, for `--explain`. */
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

/** A module as a file. */
export interface BuiltModule {
  readonly file: GeneratedFile;
  /** Savers and restores in it that were proved. */
  readonly savers: number;
  readonly restores: number;
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
export function moduleBuilder({ templates, seam, extension }: BuildOptions): (module: PlannedModule) => BuiltModule {
  const render = bodyRenderer(templates);
  const imports = { seam: seam.fromSavers, copies: `./copies${extension}`, loads: `./loads${extension}` };
  const known = new KnownStatements();
  return (module) => {
    const { kind, path, keys } = module;
    const proved = { savers: 0, restores: 0 };
    let text: string;
    if (kind === "savers") {
      text = buildSaversModule(module.specs, render, imports);
      proved.savers = proveModule(path, text, module.specs, known);
    } else if (kind === "restores") {
      text = buildRestoresModule(module.specs, render, imports);
      proved.restores = proveRestores(path, text, module.specs, known);
    } else if (kind === "loads") {
      text = buildLoadsModule(module.specs, render, seam.fromSavers);
      proveLoads(path, text, module.specs, known);
    } else {
      text = buildCopiesModule(module.specs, render, seam.fromSavers);
      proveCopies(path, text, module.specs, known);
    }
    const [template, rest] = SOURCES[kind];
    const inputs = JSON.stringify([sha256(templates[template]), keys]);
    return { file: { path, text: withHeader(text, `templates/${template}, ${rest}`, inputs) }, ...proved };
  };
}

/** What each kind of module is made from: its template, and what is named beside it in the header. */
const SOURCES = {
  savers: ["save-body.hbs", "leaf 0DH rows of the models that import it"],
  copies: ["copy-body.hbs", "regions of the savers that import it"],
  loads: ["load-body.hbs", "regions of the restores that import it"],
  restores: ["restore-body.hbs", "leaf 0DH rows of the models that import it"],
} as const;

/** The plan's files and the built modules as one result, sorted by path. */
export function assemble(plan: GenerationPlan, built: readonly BuiltModule[]): GenerateResult {
  return {
    files: [...plan.files, ...built.map(({ file }) => file)].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    savers: built.reduce((sum, { savers }) => sum + savers, 0),
    restores: built.reduce((sum, { restores }) => sum + restores, 0),
    groups: plan.groups,
  };
}
