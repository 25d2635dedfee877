/** How long commands and imports take: fresh processes, each figure the median of several. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../src/host/load-models.ts";
import { writeSparseCore } from "../formats/sparse-core.ts";
import { thisMachine } from "./machine.ts";
import { median } from "./measure.ts";
import type { SectionResult } from "./sections.ts";

/** Rows of the section, each with its target in milliseconds, or in times of the row `of`. */
export const COMMAND_ROWS: readonly { readonly name: string; readonly target: number; readonly of?: string }[] = [
  { name: "node -e 0", target: Number.NaN },
  { name: "xsavekit --help", target: 2, of: "node -e 0" },
  { name: "import of a model, above an empty module", target: 2 },
  { name: "import of a model with all its savers, the same", target: 2 },
  { name: "inspect of a sparse core of 4 GiB", target: 300 },
  { name: "import of every dump of the collection", target: 3000 },
];

/** Runs of each. */
const RUNS = 5;
/** The collection of real dumps beside the repository; its row is missing where that is. */
const DUMPS = join(packageRoot(), "../shared/cpuid-dumps");
const MODEL = "intel-sapphire-rapids";

/** Values in nanoseconds, as of all sections. */
export async function commands(): Promise<SectionResult> {
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-bench-"));
  try {
    const main = join(packageRoot(), "dist/src/cli/main.js");
    const core = join(folder, "sparse.core");
    writeSparseCore(core, "first");
    const peak = join(folder, "peak.cjs");
    writeFileSync(peak, "process.on('exit', () => process.stderr.write(`${process.resourceUsage().maxRSS}\\n`));\n");
    const peaks: number[] = [];
    const figures = new Map<string, () => number>([
      ["node -e 0", () => wall(["-e", "0"])],
      ["xsavekit --help", () => wall([main, "--help"])],
      ["import of a model, above an empty module", () => importing(folder, `${MODEL}.js`)],
      ["import of a model with all its savers, the same", () => importing(folder, `${MODEL}/savers.js`)],
      [
        "inspect of a sparse core of 4 GiB",
        () => {
          peaks.push(Number(run(["--require", peak, main, "inspect", core]).stderr) * 1024);
          return wall([main, "inspect", core]);
        },
      ],
    ]);
    if (existsSync(DUMPS)) {
      const dumps = readdirSync(DUMPS, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.parentPath !== DUMPS)
        .map((entry) => join(entry.parentPath, entry.name));
      // A dump that gives no model is a finding, so the command's status is 1.
      figures.set("import of every dump of the collection", () => wall([main, "import", "--jsonl", ...dumps], 1));
    }
    const rows = [...figures].map(([name, measure]) => {
      const ns = median(Array.from({ length: RUNS }, measure)) * 1e6;
      return { name, ns, p10: ns, p90: ns };
    });
    return { title: thisMachine().title, rows, quiet: 1, peakBytes: median(peaks) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds that importing a module takes in a fresh process that has imported another, less those of an empty one. */
function importing(folder: string, module: string): number {
  const [warm, empty] = ["warm.mjs", "empty.mjs"].map((name) => join(folder, name)) as [string, string];
  for (const path of [warm, empty]) writeFileSync(path, "export {};\n");
  const imports = [warm, empty, join(packageRoot(), "dist/generated", module)].map(
    (path) => `await import(${JSON.stringify(pathToFileURL(path).href)}); times.push(performance.now());`,
  );
  const program = `const times = [];\n${imports.join("\n")}\nconsole.log(times[2] - times[1] - (times[1] - times[0]));`;
  return Number(run(["--input-type=module", "-e", program]).stdout);
}

/** Milliseconds that a process takes. Throws Error if it ends with another status. */
function wall(args: readonly string[], status = 0): number {
  const start = performance.now();
  run(args, status);
  return performance.now() - start;
}

function run(args: readonly string[], wanted = 0): { readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== wanted) throw new Error(`node ${args.slice(0, 3).join(" ")} ended with ${status}: ${stderr}`);
  return { stdout, stderr };
}
