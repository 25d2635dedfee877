/** The outcome of `verify` against this CPU for people. */

import { type VerificationOutcome, verificationText } from "./verification-report.ts";

/** What such a verification gives, as far as it is printed. */
export interface HardwareOutcome extends VerificationOutcome {
  readonly cpu: string;
  readonly model: string | undefined;
  readonly seed: number;
  readonly executions: Readonly<Record<string, { readonly cases: number; readonly withInit: number; readonly faults: number }>>;
  readonly conditions: Readonly<Record<string, number>>;
  readonly faultsByRule: Readonly<Record<string, number>>;
}

/** First line `N passed, N failed`, then counts, then the first failures. */
export function hardwareText(outcome: HardwareOutcome): string {
  const { cpu, model, seed, executions, conditions, faultsByRule } = outcome;
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return [
    // Executions say more than the counts of those that passed.
    verificationText({ ...outcome, byInstruction: {} }),
    `on ${cpu}, ${model === undefined ? "no bundled model has its signature: rules by CPUID" : `rules of ${model}`}, seed ${seed}`,
    ...Object.entries(executions).map(
      ([name, { cases, withInit, faults }]) =>
        `  ${name}: ${cases} executed, ${withInit} with a component in init, ${faults} faults`,
    ),
    `states: ${counts(conditions)}`,
    `faults of restores: ${counts(faultsByRule)}`,
  ].join("\n");
}
