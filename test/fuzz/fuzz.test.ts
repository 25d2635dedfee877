/** A quick slice of `npm run fuzz` for every target, and the runner itself. */

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { type FuzzTarget, runFuzz } from "./fuzz-target.ts";

const names = readdirSync(import.meta.dirname).flatMap((file) => /^(.+)\.target\.ts$/.exec(file)?.[1] ?? []);
const CASES = 1500;

test.each(names)("%s: nothing found, and most inputs get past the header checks", { timeout: 60_000 }, async (name) => {
  const { target } = (await import(/* @vite-ignore */ `./${name}.target.ts`)) as { target: FuzzTarget };
  const report = await runFuzz(target, { cases: CASES, seed: 1 });
  console.log(`${name}: ${report.deep} of ${report.cases} past the header checks; ${JSON.stringify([...report.outcomes])}`);
  expect(report.findings).toEqual([]);
  expect(report.cases).toBe(CASES);
  expect(report.deep / report.cases).toBeGreaterThanOrEqual(target.leastDeep);
});

test("the runner: a finding names its case, which runs alone as it did among others", async () => {
  const thrown: FuzzTarget = {
    summary: "throws on some numbers",
    leastDeep: 0,
    prepare: () => (prng) => {
      const number = prng.below(1000);
      if (number < 10) throw new Error(`number ${number}`);
      return { name: "fine", deep: true };
    },
  };
  const report = await runFuzz(thrown, { cases: 5000, seed: 7 });
  expect(report.findings.length).toBe(10);
  const [, number, what] = /^case (\d+) of seed 7: Error: (number \d)\n/.exec(report.findings[3] ?? "") ?? [];
  const alone = await runFuzz(thrown, { cases: 1, seed: 7, first: Number(number) });
  expect(alone.findings).toHaveLength(1);
  expect(alone.findings[0]).toContain(`case ${number} of seed 7: Error: ${what}`);
});
