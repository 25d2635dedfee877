/** Drafts -> files: printed by ts-morph, and proved. */

import type { DraftedModule } from "./draft-module.ts";
import { withHeader } from "./file-header.ts";
import { KnownStatements } from "./known-statements.ts";
import { moduleText } from "./module-text.ts";
import type { GeneratedFile, PlannedModule } from "./plan-generation.ts";
import { proveLoads } from "./prove-loads.ts";
import { proveRestores } from "./prove-restores.ts";
import { proveCopies, proveModule } from "./prove-straight-line.ts";

/** A module as a file. */
export interface BuiltModule {
  readonly file: GeneratedFile;
  /** Savers and restores in it that were proved. */
  readonly savers: number;
  readonly restores: number;
}

/** Makes what prints and proves modules; it throws ProofError if one is not what was planned. */
export function moduleProver(): (drafted: DraftedModule) => BuiltModule {
  const known = new KnownStatements();
  const prove = (planned: PlannedModule, text: string): Omit<BuiltModule, "file"> => {
    const { kind, path } = planned;
    if (kind === "savers") return { savers: proveModule(path, text, planned.specs, known), restores: 0 };
    if (kind === "restores") return { savers: 0, restores: proveRestores(path, text, planned.specs, known) };
    if (kind === "copies") proveCopies(path, text, planned.specs, planned.text, known);
    else proveLoads(path, text, planned.specs, known);
    return { savers: 0, restores: 0 };
  };
  return ({ planned, draft, source, inputs }) => {
    const text = moduleText(draft);
    const proved = prove(planned, text);
    return { file: { path: planned.path, text: withHeader(text, source, inputs) }, ...proved };
  };
}
