import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leafDCpus } from "../../src/dumps/index.ts";
import { ProbeError, probeCpuid, probeableCpus } from "../../src/host/probe-cpuid.ts";
import { DumpFileError, decodeDumpBytes, readDumpFile } from "../../src/host/read-dump-file.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "dumps-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const TEXT = "CPU 0:\n   0x00000000 0x00: eax=0x0000000d\n";

test.each([
  ["UTF-8", Buffer.from(TEXT)],
  ["UTF-8 with a mark", Buffer.from(`\uFEFF${TEXT}`)],
  ["UTF-16LE with a mark", Buffer.from(`\uFEFF${TEXT}`, "utf16le")],
  ["UTF-16BE with a mark", Buffer.from(`\uFEFF${TEXT}`, "utf16le").swap16()],
  ["UTF-16LE", Buffer.from(TEXT, "utf16le")],
  ["UTF-16BE", Buffer.from(TEXT, "utf16le").swap16()],
])("%s", async (name, bytes) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  expect(await readDumpFile(path)).toBe(TEXT);
});

test("Latin-1 where it is no UTF-8", () => {
  expect(decodeDumpBytes(Buffer.from("Intel\xae", "latin1"))).toBe("Intel\u00AE");
  expect(decodeDumpBytes(new Uint8Array())).toBe("");
  expect(decodeDumpBytes(Uint8Array.of(0, 0, 0, 0))).toBe("\0\0\0\0");
});

test("errors name the file and the reason", async () => {
  await expect(readDumpFile(join(folder, "none"))).rejects.toThrow(/none: no such file; check the path$/);
  await expect(readDumpFile(folder)).rejects.toThrow(/is a directory/);
  await expect(readDumpFile(folder)).rejects.toBeInstanceOf(DumpFileError);
  writeFileSync(join(folder, "large"), "x".repeat(101));
  await expect(readDumpFile(join(folder, "large"), 100)).rejects.toThrow(/larger than 100 bytes/);
});

test("no cpuid driver: errno and the ways out", () => {
  expect(probeableCpus(folder)).toEqual([]);
  expect(() => probeCpuid(undefined, folder)).toThrow(ProbeError);
  expect(() => probeCpuid(undefined, folder)).toThrow(/\(ENOENT\).*modprobe cpuid.*cpuid -r \| xsavekit import -/);
});

test("this machine, where it has the driver", (context) => {
  let cpus;
  try {
    cpus = leafDCpus(probeCpuid());
  } catch (error) {
    console.log(`skipped: ${String(error)}`);
    context.skip();
    return;
  }
  expect(cpus.length).toBe(probeableCpus().length);
  for (const cpu of cpus) {
    expect(cpu.vendor).toHaveLength(12);
    expect(cpu.problems.filter(({ rule }) => rule.startsWith("subleaf") || rule.startsWith("duplicate"))).toEqual([]);
  }
});
