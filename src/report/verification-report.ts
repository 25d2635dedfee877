/** The outcome of `verify` for people. */

/** What a verification gives, as far as it is printed. */
export interface VerificationOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Executions reproduced up to a named deviation, by its reason. */
  readonly deviating: Readonly<Record<string, number>>;
  readonly bySaver: { readonly generated: number; readonly general: number };
  readonly byInstruction: Readonly<Record<string, unknown>>;
  readonly failures: readonly {
    readonly id: string;
    readonly component: number | string | null;
    readonly offset: number;
    readonly expected: string;
    readonly got: string;
  }[];
}

const MOST_FAILURES = 20;

/** First line `N passed, N failed`, then counts, then the first failures. */
export function verificationText(outcome: VerificationOutcome): string {
  const { passed, failed, skipped, deviating, bySaver, byInstruction, failures } = outcome;
  const more = failures.length - MOST_FAILURES;
  return [
    `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
    `by saver: ${bySaver.generated} generated, ${bySaver.general} general path`,
    ...Object.entries(byInstruction).map(([name, count]) => `  ${name}: ${counted(count)}`),
    ...Object.entries(deviating).map(([reason, count]) => `deviating, ${reason}: ${count}`),
    ...failures.slice(0, MOST_FAILURES).map(({ id, component, offset, expected, got }) => `FAILED ${id}: ${component ?? "area"} at ${offset}: expected ${expected}, got ${got}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("\n");
}

function counted(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value).map(([name, count]) => `${String(count)} ${name}`).join(", ");
}
