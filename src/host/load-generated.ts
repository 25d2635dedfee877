/** The one place that loads generated modules, by name, at run time. */

import type { GeneratedModel, GeneratedRestores } from "../runtime/generated-v1.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";

interface Registries {
  readonly models: Readonly<Record<string, () => Promise<GeneratedModel>>>;
  readonly restores: Readonly<Record<string, () => Promise<GeneratedRestores>>>;
}

async function registries(): Promise<Registries> {
  const name = "xsavekit/generated";
  try {
    return (await import(name)) as Registries;
  } catch (error) {
    throw new Error(`the generated savers are not built (${(error as Error).message}): run "npm run build"`);
  }
}

/** The registry of all generated models. Throws with the remedy if `generated/` was never built. */
export async function generatedRegistry(): Promise<Registries["models"]> {
  return (await registries()).models;
}

/** The registry of their generated restores. Throws as `generatedRegistry`. */
export async function generatedRestores(): Promise<Registries["restores"]> {
  return (await registries()).restores;
}

/** Masks and rows of every bundled model, without its savers: some 40 ms for all, where reading their YAML takes ten times that. */
export async function generatedCpus(): Promise<ProcessorDescription[]> {
  const ids = Object.keys(await generatedRegistry());
  return Promise.all(ids.map(async (id) => ((await import(`xsavekit/generated/${id}`)) as { cpu: ProcessorDescription }).cpu));
}
