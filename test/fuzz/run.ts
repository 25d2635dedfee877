/**
 * `npm run fuzz [-- target...] [--cases N] [--seed S] [--first N]`: each target in a worker, which is watched, so that a
 * hang or a crash of the engine is a finding like any other. A target is a file `<name>.target.ts` in this folder.
 */

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { type FuzzReport, type FuzzTarget, runFuzz } from "./fuzz-target.ts";

interface Task {
  readonly name: string;
  readonly cases: number;
  readonly seed: number;
  readonly first: number;
  /** Element 0: the case that runs. */
  readonly progress: SharedArrayBuffer;
}

const FILE = /^(.+)\.target\.[jt]s$/;
/** No case may take as long as this; slow ones that end are reported by their time. */
const HANG_MS = 30_000;

async function work({ name, progress, ...range }: Task): Promise<void> {
  const current = new Float64Array(progress);
  const report = await runFuzz(await load(name), range, (number) => void (current[0] = number));
  parentPort?.postMessage(report);
}

async function load(name: string): Promise<FuzzTarget> {
  const file = readdirSync(new URL(".", import.meta.url)).find((each) => FILE.exec(each)?.[1] === name);
  return ((await import(new URL(`./${file}`, import.meta.url).href)) as { target: FuzzTarget }).target;
}

function watch(task: Task): Promise<FuzzReport> {
  const current = new Float64Array(task.progress);
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
  return new Promise((resolve) => {
    let seen = -1;
    const failed = (what: string): void => {
      clearInterval(timer);
      void worker.terminate();
      const finding = `case ${current[0]} of seed ${task.seed}: ${what}`;
      resolve({ cases: (current[0] ?? 0) - task.first, deep: 0, outcomes: new Map(), findings: [finding] });
    };
    const timer = setInterval(() => {
      if (current[0] === seen) failed(`does not end within ${HANG_MS / 1000} s`);
      seen = current[0] ?? 0;
    }, HANG_MS);
    worker.once("message", (report: FuzzReport) => {
      clearInterval(timer);
      void worker.terminate();
      resolve(report);
    });
    worker.once("error", (error) => failed(error.stack ?? error.message));
    worker.once("exit", (code) => failed(`the worker ended with exit code ${code}`));
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cases: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
      first: { type: "string", default: "0" },
    },
  });
  const known = readdirSync(new URL(".", import.meta.url)).flatMap((each) => FILE.exec(each)?.[1] ?? []);
  const names = positionals.length > 0 ? positionals : [...new Set(known)].sort();
  const numbers = [values.cases, values.seed, values.first].map(Number);
  const wrong = names.find((name) => !known.includes(name)) ?? (numbers.every(Number.isSafeInteger) ? undefined : "number");
  if (wrong !== undefined) {
    console.error(`fuzz: no ${wrong}; targets are ${known.join(", ")}; options --cases N, --seed S, --first N`);
    process.exitCode = 2;
    return;
  }
  const [cases = 0, seed = 0, first = 0] = numbers;
  for (const name of names) {
    const { summary, leastDeep } = await load(name);
    console.log(`${name}: ${summary}`);
    const start = performance.now();
    const report = await watch({ name, cases, seed, first, progress: new SharedArrayBuffer(8) });
    const share = report.deep / Math.max(1, report.cases);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`  ${report.cases} cases in ${seconds} s, ${report.findings.length} findings`);
    console.log(`  past the header checks: ${(share * 100).toFixed(1)} % (at least ${leastDeep * 100} %)`);
    for (const [outcome, count] of [...report.outcomes].sort(([, a], [, b]) => b - a)) console.log(`    ${outcome}: ${count}`);
    for (const finding of report.findings) console.log(`  FINDING ${finding}`);
    if (report.findings.length > 0 || share < leastDeep) process.exitCode = 1;
  }
}

await (isMainThread ? main() : work(workerData as Task));
