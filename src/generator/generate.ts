/** Models and masks in, files out: the generator as a function. Nothing is read or written here. */

import type { CpuModel } from "../model/cpu-model.ts";
import { type DraftOptions, moduleDrafter } from "./draft-module.ts";
import { assemble, type GenerateResult } from "./generate-result.ts";
import { planGeneration, type PlanOptions } from "./plan-generation.ts";
import { moduleProver } from "./prove-module.ts";

/** What to generate with. */
export type GenerateOptions = PlanOptions & DraftOptions;

/**
 * Generates savers and model modules. The same input gives the same bytes, whatever the order of models.
 * Throws ProofError if the output is not what was planned; nothing is returned then.
 */
export function generate(models: readonly CpuModel[], options: GenerateOptions): GenerateResult {
  const plan = planGeneration(models, options);
  const draft = moduleDrafter(options);
  const prove = moduleProver();
  return assemble(
    plan,
    plan.modules.map((module) => prove(draft(module))),
  );
}
