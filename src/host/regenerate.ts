/** Generates and writes: the bundled models into the package, or any models into a user's own project. */

import { join } from "node:path";

import { isHandEdited } from "../generator/file-header.ts";
import { assemble, type GenerateResult } from "../generator/generate-result.ts";
import { planGeneration } from "../generator/plan-generation.ts";
import type { GroupSpec } from "../generator/saver-spec.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { ModelError } from "../model/diagnostic.ts";
import { readMasks } from "../model/read-masks.ts";
import { modelJsonSchema } from "../model/model-schema.ts";
import { compareTree, type TreeDifference, writeTree } from "../output/output-tree.ts";
import { generationStamp } from "./generation-stamp.ts";
import { loadBundledModels, modelsFolder, packageRoot } from "./load-models.ts";
import { masksText, templateTexts } from "./package-files.ts";

/** What to do. */
export interface RegenerateOptions {
  /** Models for a user's project; absent: all bundled ones, into the package's `generated/`. */
  readonly models?: readonly CpuModel[];
  /** Folder of a user's project. */
  readonly out?: string;
  /** Report only, write nothing. */
  readonly check: boolean;
  /** Generate even if nothing changed, since the groups are wanted. */
  readonly always?: boolean;
}

/** What was found or done. */
export interface RegenerateResult {
  /** Paths below the output folder; the package's schema is `../cpu-models/schema.json`. */
  readonly difference: TreeDifference;
  /** Number of files that the output consists of. */
  readonly files: number;
  /** Savers proved; undefined if nothing had changed and nothing was rendered. */
  readonly savers: number | undefined;
  /** Restores proved, likewise. */
  readonly restores: number | undefined;
  /** Which saver groups serve each model, by id; empty if nothing was rendered. */
  readonly groups: ReadonlyMap<string, readonly GroupSpec[]>;
}

const NO_DIFFERENCE: TreeDifference = { missing: [], changed: [], handEdited: [], orphaned: [] };

/** Generates, compares with the folder and, unless told to check only, writes. Throws ModelError for a model or mask file that is wrong. */
export async function regenerate(options: RegenerateOptions): Promise<RegenerateResult> {
  const { models, out, check } = options;
  if (models !== undefined && out === undefined) throw new Error("models of your own need --out DIR");
  const folder = out ?? join(packageRoot(), "generated");
  const stamp = out === undefined ? generationStamp(folder) : undefined;
  if (!check && options.always !== true && stamp?.current() === true)
    return { difference: NO_DIFFERENCE, files: stamp.count, savers: undefined, restores: undefined, groups: new Map() };
  const { files, savers, restores, groups } = await build(models, out === undefined);
  const difference = compareTree(folder, files, isHandEdited);
  const schema = out === undefined ? [{ path: SCHEMA_NAME, text: modelJsonSchema() }] : [];
  const inModels = compareTree(modelsFolder(), schema, () => false);
  if (!check) {
    writeTree(folder, files, difference);
    writeTree(modelsFolder(), schema, { ...inModels, orphaned: [] });
    stamp?.write();
  }
  const besides = (paths: readonly string[]): string[] => paths.map((path) => `../cpu-models/${path}`);
  return {
    difference: {
      ...difference,
      missing: [...besides(inModels.missing), ...difference.missing],
      changed: [...besides(inModels.changed), ...difference.changed],
    },
    files: files.length,
    savers,
    restores,
    groups,
  };
}

const SCHEMA_NAME = "schema.json";

/** Everything as text. For the bundled models, which are many, on several threads. */
async function build(own: readonly CpuModel[] | undefined, inPackage: boolean): Promise<GenerateResult> {
  // Loaded here: an unchanged tree does not need what renders and proves.
  const { ProofThreads } = await import("./prove-in-threads.ts");
  const threads = new ProofThreads(own === undefined);
  try {
    const masks = readMasks(masksText(), "cpu-models/masks.yaml");
    if (!masks.families) throw new ModelError(masks.diagnostics);
    const models = own ?? loadBundledModels();
    const seam = inPackage
      ? { fromRoot: "../src/runtime/generated-v1.ts", fromSavers: "../../src/runtime/generated-v1.ts" }
      : { fromRoot: "xsavekit/runtime/generated-v1", fromSavers: "xsavekit/runtime/generated-v1" };
    const extension = inPackage ? ".ts" : ".js";
    const plan = planGeneration(models, { masks: masks.families, seam, extension });
    const built = await threads.build({ templates: templateTexts(), seam, extension }, plan.modules);
    return assemble(plan, built);
  } finally {
    await threads.end();
  }
}
