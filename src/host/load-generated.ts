/** The one place that loads generated modules, by name, at run time. */

import type { GeneratedModel } from "../runtime/generated-v1.ts";

/** The registry of all generated models. Throws with the remedy if `generated/` was never built. */
export async function generatedRegistry(): Promise<Readonly<Record<string, () => Promise<GeneratedModel>>>> {
  const name = "xsavekit/generated";
  try {
    return ((await import(name)) as { models: Readonly<Record<string, () => Promise<GeneratedModel>>> }).models;
  } catch (error) {
    throw new Error(`the generated savers are not built (${(error as Error).message}): run "npm run build"`);
  }
}
