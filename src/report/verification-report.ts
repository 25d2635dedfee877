/** The outcome of `verify` for people. */

import { escapeText } from "../model/diagnostic.ts";

/** What a verification gives, as far as it is printed. */
export interface VerificationOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Executions reproduced up to a named deviation, by its reason. */
  readonly deviating: Readonly<Record<string, number>>;
  readonly bySaver: { readonly generated: number; readonly general: number };
  readonly byInstruction: Readonly<Record<string, number>>;
  readonly skippedBy: Readonly<Record<string, number>>;
  readonly failures: readonly {
    readonly id: string;
    readonly component: string;
    readonly offset: number;
    readonly expected: string;
    readonly got: string;
  }[];
}

const MOST_FAILURES = 20;

/** First line `N passed, N failed`, then counts, then the first failures. */
export function verificationText(outcome: VerificationOutcome): string {
  const { passed, failed, skipped, deviating, skippedBy, bySaver, byInstruction, failures } = outcome;
  const more = failures.length - MOST_FAILURES;
  return [
    `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
    `by saver: ${bySaver.generated} generated, ${bySaver.general} general path`,
    ...Object.entries(byInstruction).map(([name, count]) => `  ${name}: ${count}`),
    ...Object.entries(deviating).map(([reason, count]) => `deviating, ${escapeText(reason)}: ${count}`),
    ...Object.entries(skippedBy).map(([reason, count]) => `skipped, ${reason}: ${count}`),
    ...failures
      .slice(0, MOST_FAILURES)
      .map(
        ({ id, component, offset, expected, got }) =>
          `FAILED ${escapeText(id)}: ${component} at ${offset}: expected ${expected}, got ${escapeText(got)}`,
      ),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("\n");
}
