/** How long a generation of all models takes, from a copy of the package, and reading its models. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledIds, loadBundledModels, packageRoot } from "../../src/host/load-models.ts";
import { thisMachine } from "./machine.ts";
import type { SectionResult } from "./sections.ts";

/** Rows of the section, each with its target in milliseconds. CPU time is that of all threads; it has none. */
export const GENERATION_ROWS: readonly (readonly [name: string, target: number])[] = [
  ["generate, all models, cold", 1000],
  ["generate, all models, cold: CPU time", Number.NaN],
  ["generate, nothing changed", 500],
  ["node that does nothing", Number.NaN],
  ["reading a model's YAML, in a fresh process", 2],
];

/** Cold: no generated file and no note of a generation before. Values in nanoseconds, as of all sections. */
export async function generation(): Promise<SectionResult> {
  const start = performance.now();
  loadBundledModels();
  const reading = (performance.now() - start) / bundledIds().length;
  const copy = mkdtempSync(join(tmpdir(), "xsavekit-bench-"));
  try {
    for (const name of ["dist/src", "cpu-models", "templates", "package.json"])
      cpSync(join(packageRoot(), name), join(copy, name), { recursive: true });
    // A folder of its own, since the note is kept in it.
    const modules = join(packageRoot(), "node_modules");
    mkdirSync(join(copy, "node_modules"));
    for (const name of readdirSync(modules))
      if (!name.startsWith(".")) symlinkSync(join(modules, name), join(copy, "node_modules", name));
    const main = [join(copy, "dist/src/cli/main.js"), "generate"];
    const cold = timed(main);
    const unchanged = timed(main);
    const nothing = timed(["-e", "0"]);
    const figures = [cold.wall, cold.cpu, unchanged.wall, nothing.wall, reading];
    const rows = GENERATION_ROWS.map(([name], i) => {
      const ns = (figures[i] ?? Number.NaN) * 1e6;
      return { name, ns, p10: ns, p90: ns };
    });
    return { title: thisMachine().title, rows, quiet: 1 };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Milliseconds that a process takes, and that its threads are busy. Throws Error if it fails. */
function timed(args: readonly string[]): { readonly wall: number; readonly cpu: number } {
  const [before, start] = [childrenCpu(), performance.now()];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} failed: ${stderr}`);
  return { wall: performance.now() - start, cpu: childrenCpu() - before };
}

/** CPU time of this process' children that have ended, in milliseconds; NaN where the system does not tell (proc(5), stat). */
function childrenCpu(): number {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return Number.NaN;
  }
}
