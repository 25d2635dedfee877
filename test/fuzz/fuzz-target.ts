/** What a file `*.target.ts` in this folder exports as `target`, and how its cases are run. */

import { Prng } from "../../src/verify/random/prng.ts";

/** How a case ended, if nothing is wrong with it. */
export interface FuzzOutcome {
  /** Few and short: `restored`, `refused: xstate-bv-bits`. Counted. */
  readonly name: string;
  /** True: the input got past the checks of its outermost header, to where the work is. */
  readonly deep: boolean;
}

/** Runs one case, drawn from `prng` alone. Throws an Error for a finding. */
export type FuzzCase = (prng: Prng) => FuzzOutcome | Promise<FuzzOutcome>;

/** Something that is given inputs nobody meant. */
export interface FuzzTarget {
  readonly summary: string;
  /** Everything that is made once. */
  readonly prepare: () => Promise<FuzzCase> | FuzzCase;
  /** Share of cases that has to be deep, 0 .. 1: fewer show that the mutations are too coarse to find anything. */
  readonly leastDeep: number;
}

/** What a run gave. */
export interface FuzzReport {
  readonly cases: number;
  readonly deep: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
}

/** Beyond these more findings tell nothing new. */
const MOST_FINDINGS = 10;
/** A case that takes longer hangs, as far as a user can tell. */
const LONGEST_CASE_MS = 2000;

/** Runs cases `first` .. `first + cases - 1` of a seed. Case n of a seed is the same whatever ran before it. */
export async function runFuzz(
  target: FuzzTarget,
  { cases, seed, first = 0 }: { readonly cases: number; readonly seed: number; readonly first?: number },
  onCase: (number: number) => void = () => {},
): Promise<FuzzReport> {
  const run = await target.prepare();
  const outcomes = new Map<string, number>();
  const findings: string[] = [];
  let deep = 0;
  let ran = 0;
  for (let number = first; number < first + cases && findings.length < MOST_FINDINGS; number++) {
    onCase(number);
    const prng = new Prng(Math.imul(seed, 0x9e37_79b1) ^ number);
    const start = performance.now();
    try {
      const result = run(prng);
      // Awaiting what is there already would cost more than most cases.
      const outcome = result instanceof Promise ? await result : result;
      outcomes.set(outcome.name, (outcomes.get(outcome.name) ?? 0) + 1);
      if (outcome.deep) deep++;
    } catch (error) {
      findings.push(`case ${number} of seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    const took = performance.now() - start;
    if (took > LONGEST_CASE_MS) findings.push(`case ${number} of seed ${seed}: took ${Math.round(took)} ms`);
    ran++;
  }
  return { cases: ran, deep, outcomes, findings };
}
