import { describe, expect, test } from "vitest";
import { distinctCpus, leafDCpus, readDump } from "../../src/dumps/index.ts";
import type { LeafDCpu, RawDump } from "../../src/dumps/index.ts";
import { decodeDumpBytes } from "../../src/host/read-dump-file.ts";
import { secondLeafD, secondReading } from "./second-reading.ts";
import { HAS_ANOMALY_LIST, SKIPPED, anomaly, sharedBytes, sharedDumps, sharedSources } from "./shared-dumps.ts";

const FORMATS = ["instlatx64-aida", "cpuid-r", "libcpuid-test"];

interface Read {
  file: string;
  text: string;
  dump: RawDump;
  cpus: LeafDCpu[];
}

describe.skipIf(SKIPPED !== undefined)("every real dump of the three text formats", () => {
  const texts = sharedDumps(FORMATS).map((file) => [file, decodeDumpBytes(sharedBytes(file))] as const);
  const start = performance.now();
  const all: Read[] = texts.map(([file, text]) => {
    const dump = readDump(text);
    return { file, text, dump, cpus: leafDCpus(dump) };
  });
  const took = performance.now() - start;
  const withRule = (...rules: string[]): string[] =>
    all.filter(({ cpus }) => cpus.some((cpu) => cpu.problems.some(({ rule }) => rules.includes(rule)))).map(({ file }) => file);
  const ours = (files: string[]): string[] => files.filter((file) => FORMATS.some((format) => file.startsWith(`${format}/`)));

  test("is recognised and read whole", () => {
    const mebibytes = texts.reduce((sum, [, text]) => sum + text.length, 0) / 2 ** 20;
    const cpus = all.reduce((sum, read) => sum + read.cpus.length, 0);
    console.log(`${all.length} dumps, ${cpus} logical CPUs, ${mebibytes.toFixed(1)} MiB read in ${took.toFixed(0)} ms`);
    expect(all.length).toBeGreaterThan(100);
    expect(all.filter(({ file, dump }) => !file.startsWith(`${dump.format}/`)).map(({ file }) => file)).toEqual([]);
    expect(all.filter(({ dump }) => dump.problems.length > 0).map(({ file, dump }) => [file, dump.problems])).toEqual([]);
  });

  test("has the rows that a second reading finds, on every logical CPU", () => {
    for (const { file, text, dump } of all) {
      const rows = dump.cpus.map((cpu) =>
        cpu.rows.filter((row) => row.leaf === 13).map((row) => [row.subleaf ?? null, ...row.registers]),
      );
      expect(rows, file).toEqual(secondReading(text));
    }
  });

  test("has the sub-leaves that sizes and offsets say", () => {
    const echoed = withRule("leaf-0d-echoed");
    for (const { file, text, cpus } of all) {
      if (echoed.includes(file)) continue;
      const second = secondReading(text);
      cpus.forEach((cpu, i) => {
        const leafD = Object.fromEntries([...cpu.leafD].map(([subleaf, row]) => [subleaf, [...row.registers]]));
        expect(leafD, `${file} ${cpu.cpu}`).toEqual(secondLeafD(second[i] ?? []));
      });
    }
  });

  test("has the vendor, family, model, stepping and brand of the collection's list", () => {
    const sources = sharedSources();
    for (const { file, cpus } of all) {
      const said = /^(.*) \((.{12}) ([0-9a-f]+)h\/([0-9a-f]+)h\/([0-9a-f]+);/.exec(sources.get(file) ?? "");
      expect(said, file).not.toBeNull();
      const [, brand = "", vendor, family = "", model = "", stepping = ""] = said ?? [];
      const cpu = cpus[0];
      expect([cpu?.vendor, cpu?.family, cpu?.model, cpu?.stepping], file).toEqual([
        vendor,
        parseInt(family, 16),
        parseInt(model, 16),
        parseInt(stepping, 16),
      ]);
      expect(cpu?.brand.replace(/\s+/g, " "), file).toBe(brand === "?" ? "" : brand.replace(/\s+/g, " "));
    }
  });

  test.skipIf(!HAS_ANOMALY_LIST)("names the damage that the collection's list names", () => {
    expect(withRule("leaf-0d-echoed").toSorted()).toEqual(ours(anomaly("max basic leaf < 0Dh")).toSorted());
    expect(withRule("leaf-0d-zero")).toEqual(ours(anomaly("leaf 0Dh present, all zero")));
    expect(withRule("component-not-in-masks")).toEqual(ours(anomaly("component row whose bit is in neither")));
    expect(withRule("no-subleaf-1")).toEqual(expect.arrayContaining(ours(anomaly("sub-leaf 1 absent"))));
    const incomplete = withRule("component-row-missing", "no-component-rows");
    const listed = [
      "XCR0 bit set but component row missing",
      "IA32_XSS bit set but supervisor row missing",
      "only sub-leaf 0 (and 1)",
    ].flatMap((heading) => ours(anomaly(heading)));
    expect(incomplete).toEqual(expect.arrayContaining(listed));
    console.log(`${incomplete.length} dumps lack component rows, ${new Set(listed).size} of them listed`);
    const count = (rule: string): string => `${rule} ${withRule(rule).length}`;
    console.log(
      ["subleaf-inferred", "no-subleaf-1", "component-row-missing", "no-component-rows", "leaf-0d-zero", "leaf-0d-echoed"]
        .map(count)
        .join(", "),
    );
    expect(withRule("subleaf-unknown", "duplicate-row", "no-leaf-0d")).toEqual([]);
  });

  test("says the same on all logical CPUs", () => {
    expect(all.filter(({ cpus }) => distinctCpus(cpus).length !== 1).map(({ file }) => file)).toEqual([]);
  });
});
