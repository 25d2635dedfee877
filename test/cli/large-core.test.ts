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

test.each(["first", "last"])("a core whose notes come %s", { timeout: 60_000 }, (where) => {
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
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--require", REPORT, MAIN, "inspect", "--json", file], {
    encoding: "utf8",
  });
  expect(status).toBe(0);
  const { threads } = JSON.parse(stdout);
  expect(threads).toMatchObject([
    { tid: 77, signal: 11, registers: { mxcsr: "0x1fa0", ymm3: `${"00".repeat(16)}${"5c".repeat(16)}` } },
  ]);
  const peak = Number(/^maxrss (\d+)$/m.exec(stderr)?.[1]);
  console.log(`4 GiB, notes ${where}: peak memory ${Math.round(peak / 1024)} MiB`);
  expect(peak).toBeLessThan(LIMIT_KIB);
});
