/** Times candidates of one process side by side: rounds in random order, and only those in which the machine was ours. */

/** Runs n operations; a candidate that is timed by native code returns its nanoseconds per operation. */
export type Candidate = (n: number) => number | void;

/** What was found for one candidate: nanoseconds per operation. */
export interface Measured {
  readonly name: string;
  readonly ns: number;
  readonly p10: number;
  readonly p90: number;
}

/** All candidates of a process, and the share of rounds that counted. */
export interface Measurement {
  readonly rows: readonly Measured[];
  readonly quiet: number;
}

/** Operations per sample, samples wanted of each candidate, and how long to wait for quiet ones. */
const PER_SAMPLE = 1500;
const SAMPLES = 31;
const MOST_MILLISECONDS = 8000;
/** A sample counts if a fixed piece of work just before and after it took at most this much longer than ever. */
const QUIET = 1.15;

/** The value that a share of sorted values lies below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Middle of the values. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/**
 * Times all candidates. A neighbour on the same core doubles the time of copies and adds a quarter to that of
 * microcode, so ratios of disturbed rounds mean nothing: `probe` times a fixed piece of work to recognise them.
 * Where fewer than a quarter of the wanted rounds were quiet, all rounds count and `quiet` says so.
 */
export async function measure(candidates: ReadonlyMap<string, Candidate>, probe: () => number): Promise<Measurement> {
  const names = [...candidates.keys()];
  const run = (name: string, n: number): number | void => candidates.get(name)?.(n);
  for (let round = 0; round < 60; round++) {
    for (const name of names) run(name, 2000);
    // Optimised code is installed between tasks.
    if (round % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  let best = Math.min(...Array.from({ length: 200 }, probe));
  const samples = new Map<string, { ns: number; load: number }[]>(names.map((name) => [name, []]));
  const quietOf = (name: string): number[] =>
    (samples.get(name) ?? []).filter(({ load }) => load <= best * QUIET).map(({ ns }) => ns);
  const end = performance.now() + MOST_MILLISECONDS;
  do {
    for (const name of shuffled(names)) {
      const before = probe();
      const start = process.hrtime.bigint();
      const own = run(name, PER_SAMPLE);
      const ns = typeof own === "number" ? own : Number(process.hrtime.bigint() - start) / PER_SAMPLE;
      const load = Math.max(before, probe());
      best = Math.min(best, load);
      samples.get(name)?.push({ ns, load });
    }
  } while (performance.now() < end && names.some((name) => quietOf(name).length < SAMPLES));
  const enough = names.every((name) => quietOf(name).length >= SAMPLES / 4);
  const all = [...samples.values()].flat();
  return {
    rows: names.map((name) => {
      const values = enough ? quietOf(name) : (samples.get(name) ?? []).map(({ ns }) => ns);
      return { name, ns: median(values), p10: quantile(values, 0.1), p90: quantile(values, 0.9) };
    }),
    quiet: enough ? all.filter(({ load }) => load <= best * QUIET).length / all.length : 0,
  };
}

/** A random order: a fixed one would give every candidate the same predecessor. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);
}
