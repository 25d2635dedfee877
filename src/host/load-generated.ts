/** The one place that loads generated modules, by name, at run time. */

import type { GeneratedModel } from "../runtime/generated-v1.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";

/** The registry of all generated models. Throws with the remedy if `generated/` was never built. */
export async function generatedRegistry(): Promise<Readonly<Record<string, () => Promise<GeneratedModel>>>> {
  const name = "xsavekit/generated";
  try {
    return ((await import(name)) as { models: Readonly<Record<string, () => Promise<GeneratedModel>>> }).models;
  } catch (error) {
    throw new Error(`the generated savers are not built (${(error as Error).message}): run "npm run build"`);
  }
}

/** Masks and rows of every bundled model, without its savers: some 40 ms for all, where reading their YAML takes ten times that. */
export async function generatedCpus(): Promise<ProcessorDescription[]> {
  const ids = Object.keys(await generatedRegistry());
  return Promise.all(ids.map(async (id) => ((await import(`xsavekit/generated/${id}`)) as { cpu: ProcessorDescription }).cpu));
}
