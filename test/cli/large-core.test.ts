/** `inspect` of cores of 4 GiB, sparse on disk: registers are right and memory does not follow the file's size. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { writeSparseCore } from "../formats/sparse-core.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xsavekit-large-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LIMIT_KIB = 120 * 1024;

/** Prints the process's peak memory at its end. */
const REPORT = join(folder, "report.cjs");
writeFileSync(REPORT, "process.on('exit', () => process.stderr.write(`maxrss ${process.resourceUsage().maxRSS}\\n`));\n");

/** Writes a core of 4 GiB whose notes come first or last; its path. */
function largeCore(where: "first" | "last"): string {
  const file = join(folder, `${where}.core`);
  writeSparseCore(file, where);
  expect(statSync(file).size).toBe(4 * 1024 ** 3);
  return file;
}

/** What `sh` runs, with `inspect` for the command; expects the thread's registers and gives the peak memory in KiB. */
function peakOf(script: string, ...args: string[]): number {
  const inspect = `"${process.execPath}" --require "${REPORT}" "${MAIN}" inspect --json`;
  const { stdout, stderr, status } = spawnSync("sh", ["-c", script.replaceAll("inspect", inspect), "sh", ...args], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^maxrss \d+\n$/)]);
  const { threads } = JSON.parse(stdout);
  expect(threads).toMatchObject([
    { tid: 77, signal: 11, registers: { mxcsr: "0x1fa0", ymm3: `${"00".repeat(16)}${"5c".repeat(16)}` } },
  ]);
  return Number(/\d+/.exec(stderr)?.[0]);
}

test.each(["first", "last"] as const)("a core whose notes come %s", { timeout: 60_000 }, (where) => {
  const peak = peakOf('inspect "$1"', largeCore(where));
  console.log(`4 GiB, notes ${where}: peak memory ${Math.round(peak / 1024)} MiB`);
  expect(peak).toBeLessThan(LIMIT_KIB);
});

test("a pipe is read as far as 64 MiB, as standard input and by name", { timeout: 60_000 }, () => {
  const file = largeCore("first");
  for (const name of ["-", "/dev/stdin"]) expect(peakOf(`cat "$1" | inspect ${name}`, file)).toBeLessThan(2 * LIMIT_KIB);
});
