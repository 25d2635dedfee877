/** What is wrong, on one line with its remedy. */

import { type Diagnostic, placeOf } from "../model/diagnostic.ts";
import { oneLine } from "./one-line.ts";

/** The message of anything thrown; of a model's errors the first, with its place. */
export function errorLine(error: unknown): string {
  if (error instanceof Error && "diagnostics" in error && Array.isArray(error.diagnostics)) {
    const [first, ...rest] = error.diagnostics as [Diagnostic, ...Diagnostic[]];
    const more = rest.length === 0 ? "" : ` (${rest.length} more: \`xsavekit lint\` shows all)`;
    return oneLine(`${placeOf(first)}: ${first.rule}: ${first.message}; remedy: ${first.remedy}${more}`);
  }
  return oneLine(error instanceof Error ? error.message : String(error));
}
