/** What a generation gives. */

import type { GeneratedFile, GenerationPlan } from "./plan-generation.ts";
import type { BuiltModule } from "./prove-module.ts";
import type { GroupSpec } from "./saver-spec.ts";

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

/** The plan's files and the built modules as one result, sorted by path. */
export function assemble(plan: GenerationPlan, built: readonly BuiltModule[]): GenerateResult {
  return {
    files: [...plan.files, ...built.map(({ file }) => file)].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    savers: built.reduce((sum, { savers }) => sum + savers, 0),
    restores: built.reduce((sum, { restores }) => sum + restores, 0),
    groups: plan.groups,
  };
}
