/** Thread ids and the places of areas as binutils' objdump finds them in the same cores, for every ABI and system. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytesSource, openContainer } from "../../src/formats/index.ts";
import { CoreWriter } from "./core-writer.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-"));
afterAll(() => rmSync(folder, { recursive: true }));
const available = /elf32-x86-64/.test(spawnSync("objdump", ["-i"], { encoding: "utf8" }).stdout ?? "");
if (!available) console.log("skipped: no objdump for x86");

/** FreeBSD's `struct prstatus` with the sizes that BFD believes. */
function freebsdStatus(wide: boolean, tid: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(wide ? 224 : 104));
  view.setUint32(0, 1, true);
  [view.byteLength, wide ? 176 : 76, wide ? 512 : 176].forEach((size, i) =>
    wide ? view.setBigUint64(8 + 8 * i, BigInt(size), true) : view.setUint32(4 + 4 * i, size, true),
  );
  view.setInt32(wide ? 40 : 24, tid, true);
  return new Uint8Array(view.buffer);
}

const area = new Uint8Array(832).fill(1, 0, 24);
const linux = (abi: "x86-64" | "i386" | "x32"): CoreWriter =>
  new CoreWriter(abi).thread(4711, { signal: 5, area }).thread(4712, { area });
const netbsd = (abi: "x86-64" | "i386"): CoreWriter =>
  new CoreWriter(abi)
    .note("NetBSD-CORE@31", 33, new Uint8Array(abi === "i386" ? 64 : 208))
    .note("NetBSD-CORE@7", 33, new Uint8Array(abi === "i386" ? 64 : 208));
const freebsd = (abi: "x86-64" | "i386"): CoreWriter =>
  new CoreWriter(abi)
    .note("FreeBSD", 1, freebsdStatus(abi !== "i386", 100_123))
    .note("FreeBSD", 0x202, area)
    .note("FreeBSD", 1, freebsdStatus(abi !== "i386", 100_124))
    .note("FreeBSD", 0x202, area);

test.runIf(available).each([
  ["Linux, x86-64", linux("x86-64")],
  ["Linux, i386", linux("i386")],
  ["Linux, x32", linux("x32")],
  ["FreeBSD, x86-64", freebsd("x86-64")],
  ["FreeBSD, i386", freebsd("i386")],
  ["NetBSD, x86-64", netbsd("x86-64")],
  ["NetBSD, i386", netbsd("i386")],
])("%s", async (name, writer) => {
  const bytes = writer.bytes();
  const file = join(folder, `${name}.core`);
  writeFileSync(file, bytes);
  const { stdout } = spawnSync("objdump", ["-h", file], { encoding: "utf8" });
  const sections = (kind: string): [tid: number, offset: number][] =>
    [...stdout.matchAll(new RegExp(`${kind}/(\\d+)\\s+[0-9a-f]+\\s+[0-9a-f]+\\s+[0-9a-f]+\\s+([0-9a-f]+)`, "g"))].map(
      ([, tid, offset]) => [Number(tid), Number.parseInt(offset ?? "", 16)],
    );
  const { description, threads, warnings } = await openContainer(bytesSource(bytes));
  expect({ description, warnings }).toEqual({ description: `ELF core, ${name}`, warnings: [] });
  expect(threads.map(({ tid }) => tid)).toEqual(sections("\\.reg").map(([tid]) => tid));
  expect(threads.flatMap((each) => (each.area ? [[each.tid, each.area.fileOffset]] : []))).toEqual(sections("\\.reg-xstate"));
  expect(threads).toHaveLength(2);
});
