/**
 * `npm run bench`: saves by generated savers beside this CPU's own instructions, C copies and what others would
 * write. Every section runs in several fresh processes, in random order; ratios are taken within a process. Without
 * an argument all sections; with their names these; `--section NAME` measures one in this process and prints JSON.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { report } from "./bench/report.ts";
import { SECTIONS, type SectionResult } from "./bench/sections.ts";

/** Fresh processes per section. */
const PROCESSES = Number(process.env["XSAVEKIT_BENCH_PROCESSES"] ?? 3);

async function main(): Promise<void> {
  const [first, ...more] = process.argv.slice(2);
  if (first === "--section") {
    const [name] = more;
    console.log(JSON.stringify(await section(name)()));
    return;
  }
  const names = first === undefined ? Object.keys(SECTIONS) : [first, ...more];
  for (const name of names) section(name);
  const results = new Map<string, SectionResult[]>(names.map((name) => [name, []]));
  for (let round = 0; round < PROCESSES; round++) {
    for (const name of names.toSorted(() => Math.random() - 0.5)) {
      if (process.stderr.isTTY) process.stderr.write(`\r${round + 1}/${PROCESSES} ${name.padEnd(12)}`);
      results.get(name)?.push(inProcessOfItsOwn(name));
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  console.log(report(results, PROCESSES));
}

function section(name: string | undefined): () => Promise<SectionResult> {
  const found = name !== undefined && Object.hasOwn(SECTIONS, name) ? SECTIONS[name] : undefined;
  if (!found) throw new Error(`no section "${name ?? ""}"; there are ${Object.keys(SECTIONS).join(", ")}`);
  return found;
}

function inProcessOfItsOwn(name: string): SectionResult {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--expose-gc", fileURLToPath(import.meta.url), "--section", name],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`section ${name} failed: ${stderr}`);
  return JSON.parse(stdout) as SectionResult;
}

await main();
