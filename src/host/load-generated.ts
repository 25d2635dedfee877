/** The one place that loads generated modules, by name, at run time. */

import type { GeneratedModel, GeneratedRestores } from "../runtime/generated-v1.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";

interface Registries {
  readonly models: Readonly<Record<string, () => Promise<GeneratedModel>>>;
  readonly restores: Readonly<Record<string, () => Promise<GeneratedRestores>>>;
}

/** A module of `generated/` by the name under which the package exports it. Throws with the remedy if it was never built. */
async function generatedModule(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    throw new Error(`the generated savers are not built (${(error as Error).message}): run "npm run build"`);
  }
}

async function registries(): Promise<Registries> {
  return (await generatedModule("xsavekit/generated")) as Registries;
}

/** The registry of all generated models. Throws with the remedy if `generated/` was never built. */
export async function generatedRegistry(): Promise<Registries["models"]> {
  return (await registries()).models;
}

/** The registry of their generated restores. Throws as `generatedRegistry`. */
export async function generatedRestores(): Promise<Registries["restores"]> {
  return (await registries()).restores;
}

/** Masks and rows of every bundled model, without its savers: one module, with no YAML to read. */
export async function generatedCpus(): Promise<readonly ProcessorDescription[]> {
  return ((await generatedModule("xsavekit/generated/cpus")) as { cpus: readonly ProcessorDescription[] }).cpus;
}
