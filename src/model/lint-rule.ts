/** The shape of a lint rule over models. */

import type { CpuModel } from "./cpu-model.ts";
import { componentKey } from "./component-key.ts";
import type { YamlPath } from "./yaml-source.ts";

/** One way in which a model does not add up. */
export interface LintHit {
  readonly path: YamlPath;
  readonly atKey?: boolean;
  readonly message: string;
  readonly remedy: string;
}

/** One rule. Errors refuse a model; warnings name what no known CPU shows. */
export interface LintRule {
  /** Kebab-case, stable. */
  readonly id: string;
  readonly severity: "error" | "warning";
  /** Why, with the clause it comes from. */
  readonly reason: string;
  check(model: CpuModel): Iterable<LintHit>;
}

/** Path of a component's row, or of one of its keys. */
export function rowPath(index: number, key?: "index" | "size" | "offset" | "supervisor" | "align64" | "xfd"): YamlPath {
  const row = ["components", componentKey(index)];
  return key === undefined ? row : [...row, key];
}
