import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DUMP_READERS, distinctCpus, leafDCpus, readDump } from "../../src/dumps/index.ts";
import { MAX_CPUS, MAX_PROBLEMS, MAX_ROWS } from "../../src/dumps/dump-collector.ts";

const FIXTURES = ["aida-two-cpus.txt", "cpuid-r.txt", "libcpuid.test"].map((name) =>
  readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8"),
);
const FORMATS = DUMP_READERS.map((reader) => reader.format);
let turn = 0;

/** Reads a text as what it looks like, as the first three formats and as three others in turn; throws only if a reader does. */
function readAll(text: string): void {
  const others = [0, 1, 2].map(() => FORMATS[turn++ % FORMATS.length]);
  for (const format of [undefined, ...FORMATS.slice(0, 3), ...others]) {
    const dump = readDump(text, format);
    for (const { leafD } of leafDCpus(dump)) {
      for (const { registers } of leafD.values()) {
        for (const value of registers)
          if (!(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff)) throw new Error(`register ${value}`);
      }
    }
    distinctCpus(leafDCpus(dump));
  }
}

const edit = fc.record({
  at: fc.nat(),
  length: fc.nat({ max: 40 }),
  text: fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      "\r",
      "\n",
      "\0",
      "[SL ",
      "[SL FFFFFFFF]",
      "CPUID ",
      "CPU 0:",
      "0x",
      "-",
      "FFFFFFFF",
      "-".repeat(80),
      "\uFEFF",
    ),
  ),
});

test("mutated dumps never throw, and give whole registers", () => {
  fc.assert(
    fc.property(fc.constantFrom(...FIXTURES), fc.array(edit, { minLength: 1, maxLength: 20 }), (fixture, edits) => {
      let text = fixture;
      for (const { at, length, text: put } of edits) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + put + text.slice(start + length);
      }
      readAll(text);
    }),
    { numRuns: 200 },
  );
});

test("any registers in leaf 0DH never throw, numbered or not", () => {
  const register = fc.oneof(fc.nat(0x3ff), fc.constantFrom(0, 3, 7, 0xe7, 0x240, 0x340, 0xffffffff), fc.nat(0xffffffff));
  const row = fc.tuple(fc.option(fc.nat(70)), register, register, register, register);
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  fc.assert(
    fc.property(fc.array(row, { maxLength: 80 }), (rows) => {
      const text = rows.map(
        ([subleaf, ...registers]) =>
          `CPUID 0000000D: ${registers.map(hex).join("-")}${subleaf === null ? "" : ` [SL ${subleaf.toString(16)}]`}`,
      );
      readAll(text.join("\n"));
    }),
    { numRuns: 150 },
  );
});

test.each([
  ["one line of blanks", " ".repeat(1_000_000)],
  ["only CRs", "\r".repeat(1_000_000)],
  ["only line feeds", "\n".repeat(1_000_000)],
  ["CRs before the only line feed", `${"\r".repeat(500_000)}\n${"a\r".repeat(250_000)}`],
  ["one row without end", `CPUID 0000000D: ${"00000000-".repeat(100_000)}`],
  ["blanks inside rows", `CPUID${" ".repeat(900)}0000000D\n`.repeat(1_000)],
  ["dashes", `${"-".repeat(900)}x\n`.repeat(1_000)],
  ["headings only", "CPU 0:\n".repeat(150_000)],
  ["damaged rows only", "CPUID 0000000D: 0-0\n".repeat(50_000)],
  ["leaf 0 only", "CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n".repeat(20_000)],
  [
    "rows without end",
    `CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n${"CPUID 0000000D: 00000007-00000340-00000340-00000000\n".repeat(20_000)}`,
  ],
])(
  "1 MB of %s: bounded",
  (name, text) => {
    const start = performance.now();
    const dump = readDump(text);
    // Every reader in the full run, otherwise a quarter of them, others for each text.
    const step = process.env["XSAVEKIT_FULL"] === "1" ? 1 : 4;
    const readers = DUMP_READERS.filter((_, i) => i % step === name.length % step);
    const dumps = [dump, ...readers.map((reader) => reader.read(text))];
    for (const each of dumps) {
      expect(each.cpus.length).toBeLessThanOrEqual(MAX_CPUS);
      expect(each.cpus.reduce((sum, cpu) => sum + cpu.rows.length, 0)).toBeLessThanOrEqual(MAX_ROWS);
      expect(each.problems.length).toBeLessThanOrEqual(MAX_PROBLEMS + 3);
      leafDCpus(each);
    }
    const took = performance.now() - start;
    console.log(`${name}: ${took.toFixed(0)} ms for ${dumps.length} readings`);
    expect(took / dumps.length).toBeLessThan(1_000);
  },
  30_000,
);
