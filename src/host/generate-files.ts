/** `xsavekit/generator`: the generator as a library. It writes nothing. Importing it loads ts-morph and Handlebars. */

import { generate as generateWith, type GenerateOptions } from "../generator/generate.ts";
import type { GeneratedFile } from "../generator/plan-generation.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { loadMasks } from "./load-models.ts";
import { templateTexts } from "./package-files.ts";

export { isHandEdited } from "../generator/file-header.ts";
export { ProofError } from "../generator/module-lines.ts";
export type { GeneratedFile, GenerateOptions };

/** What a project of its own imports, as `generate --out` writes it. */
const IN_A_PROJECT = {
  seam: { fromRoot: "xsavekit/runtime/generated-v1", fromSavers: "xsavekit/runtime/generated-v1" },
  extension: ".js",
} as const;

/**
 * Savers, restores and model modules of the models as files, sorted by path (with `/`). Without options they are what
 * `xsavekit generate --out` writes: the package's masks and templates, imports of `xsavekit/runtime/generated-v1`. The
 * same models give the same bytes in any order. Throws ProofError if an output is not what was planned.
 */
export function generate(models: readonly CpuModel[], options: Partial<GenerateOptions> = {}): readonly GeneratedFile[] {
  return generateWith(models, { masks: loadMasks(), templates: templateTexts(), ...IN_A_PROJECT, ...options }).files;
}
