/** Does a model add up? All rules, in one list, run in one place. */

import type { CpuModel } from "./cpu-model.ts";
import { MASK_RULES } from "./lint-mask-rules.ts";
import { ROW_RULES } from "./lint-row-rules.ts";
import type { LintRule } from "./lint-rule.ts";
import { SOURCE_RULES } from "./lint-source-rules.ts";
import type { Finding } from "./yaml-source.ts";

export { standardSizeOf } from "./lint-row-rules.ts";
export type { LintHit, LintRule } from "./lint-rule.ts";

/** Every rule over models. */
export const LINT_RULES: readonly LintRule[] = [...MASK_RULES, ...ROW_RULES, ...SOURCE_RULES];

/** What does not add up, each at a path of the model's YAML form. */
export function lintModel(model: CpuModel): Finding[] {
  const findings: Finding[] = [];
  for (const { id, severity, reason, check } of LINT_RULES) {
    for (const hit of check(model)) findings.push({ rule: id, severity, ...hit, message: `${hit.message}: ${reason}` });
  }
  return findings;
}
