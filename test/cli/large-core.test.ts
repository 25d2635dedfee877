/** `inspect` of cores of 4 GiB, sparse on disk: registers are right and memory does not follow the file's size. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, rmSync, statSync, writeFileSync, writeSync, ftruncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { CoreWriter } from "../formats/core-writer.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xsavekit-large-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SIZE = 4 * 1024 ** 3;
const LIMIT_KIB = 120 * 1024;

/** Prints the process's peak memory at its end. */
const REPORT = join(folder, "report.cjs");
writeFileSync(REPORT, "process.on('exit', () => process.stderr.write(`maxrss ${process.resourceUsage().maxRSS}\\n`));\n");

/** Writes a core of SIZE bytes whose notes come first or last; its path. */
function largeCore(where: "first" | "last"): string {
  const area = new Uint8Array(832);
  const view = new DataView(area.buffer);
  view.setUint32(24, 0x1fa0, true);
  view.setBigUint64(464, 7n, true);
  view.setBigUint64(512, 7n, true);
  area.fill(0x5c, 576 + 16 * 3, 576 + 16 * 4);
  const core = new CoreWriter("x86-64")
    .thread(77, { signal: 11, area })
    .layout([[2, 256, 576]])
    .bytes();
  const file = join(folder, `${where}.core`);
  const descriptor = openSync(file, "w");
  if (where === "first") writeSync(descriptor, core);
  else {
    // The segment of the notes is moved to the file's end.
    const headers = core.subarray(0, 64 + 2 * 56);
    const notes = core.subarray(headers.length);
    new DataView(headers.buffer, headers.byteOffset).setBigUint64(64 + 8, BigInt(SIZE - notes.length), true);
    writeSync(descriptor, headers);
    writeSync(descriptor, notes, 0, notes.length, SIZE - notes.length);
  }
  ftruncateSync(descriptor, SIZE);
  closeSync(descriptor);
  expect(statSync(file).size).toBe(SIZE);
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
