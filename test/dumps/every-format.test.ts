/** Every text format: the same rows written in each come back; every real dump agrees with a second reading. */

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { DUMP_READERS, leafDCpus, readDump } from "../../src/dumps/index.ts";
import { decodeDumpBytes } from "../../src/host/read-dump-file.ts";
import { modelsFromDump } from "../../src/host/load-models.ts";
import { secondReading } from "./second-reading.ts";
import { secondReadingOf } from "./second-reading-by-format.ts";
import { SKIPPED, sharedBytes, sharedDumps } from "./shared-dumps.ts";

// The second reading cuts 17 MB of text into words.
vi.setConfig({ testTimeout: 60_000 });

type Row = readonly [leaf: number, subleaf: number, eax: number, ebx: number, ecx: number, edx: number];
const h8 = (value: number): string => value.toString(16).padStart(8, "0");
const b32 = (value: number): string => value.toString(2).padStart(32, "0");
const registers = (row: Row, separator: string, prefix = ""): string =>
  row
    .slice(2)
    .map((value) => prefix + h8(value))
    .join(separator);
const named = (row: Row, between: string, prefix: string): string =>
  ["eax", "ebx", "ecx", "edx"].map((name, i) => `${name}=${prefix}${h8(row[i + 2]!)}`).join(between);
const lines = (rows: readonly Row[], line: (row: Row) => string): string => rows.map(line).join("\n");

/** Writers of each format, and whether it prints sub-leaves. */
const WRITERS: Record<string, { write: (rows: readonly Row[]) => string; numbered: boolean }> = {
  "cpuid-r": {
    numbered: true,
    write: (rows) =>
      `CPU 0:\n${lines(rows, (r) => `   0x${h8(r[0])} 0x${r[1].toString(16).padStart(2, "0")}: ${named(r, " ", "0x")}`)}`,
  },
  "instlatx64-aida": {
    numbered: true,
    write: (rows) => lines(rows, (r) => `CPUID ${h8(r[0])}: ${registers(r, "-")} [SL ${r[1].toString(16).padStart(2, "0")}]`),
  },
  "libcpuid-test": {
    numbered: true,
    write: (rows) =>
      `${lines(rows, (r) => `CPUID ${h8(r[0])}: ${registers(r, "-")} [SL ${r[1].toString(16).padStart(2, "0")}]`)}\n${"-".repeat(80)}\nx86\n`,
  },
  "libvirt-xml": {
    numbered: true,
    write: (rows) =>
      `<cpudata arch='x86'>\n${lines(rows, (r) => `  <cpuid eax_in='0x${h8(r[0])}' ecx_in='0x${r[1].toString(16).padStart(2, "0")}' ${["eax", "ebx", "ecx", "edx"].map((name, i) => `${name}='0x${h8(r[i + 2]!)}'`).join(" ")}/>`)}\n</cpudata>`,
  },
  "rjcp-xml": {
    numbered: true,
    write: (rows) =>
      `<?xml version="1.0"?>\n<cpuid>\n\t<processor>\n${lines(rows, (r) => `\t\t<register eax="${h8(r[0]).toUpperCase()}" ecx="${h8(r[1])}">${registers(r, ",").toUpperCase()}</register>`)}\n\t</processor>\n</cpuid>`,
  },
  "intel-sde-def": {
    numbered: true,
    write: (rows) => `# EAX ECX => EAX\n${lines(rows, (r) => `${h8(r[0])} ${h8(r[1])} => ${registers(r, " ")} #note`)}`,
  },
  "tycho-cpuid": {
    numbered: true,
    write: (rows) =>
      `CPU 0:\n${lines(rows, (r) => `CPUID ${h8(r[0])}:${r[1].toString(16).padStart(2, "0")} = ${registers(r, " ")} | ....`)}`,
  },
  "firecracker-json": {
    numbered: true,
    write: (rows) =>
      JSON.stringify(
        {
          guest_cpu_config: {
            cpuid_modifiers: rows.map((r) => ({
              leaf: `0x${r[0].toString(16)}`,
              subleaf: `0x${r[1].toString(16)}`,
              flags: 0,
              modifiers: ["eax", "ebx", "ecx", "edx"].map((register, i) => ({ register, bitmap: `0b${b32(r[i + 2]!)}` })),
            })),
            msr_modifiers: [{ addr: "0x10", bitmap: "0b0" }],
          },
        },
        null,
        2,
      ),
  },
  "fuchsia-json": {
    numbered: true,
    write: (rows) =>
      JSON.stringify(
        rows.map(([leaf, subleaf, eax, ebx, ecx, edx]) => ({ leaf, subleaf, eax, ebx, ecx, edx })),
        null,
        4,
      ),
  },
  "jcpuid-report": {
    numbered: true,
    write: (rows) => {
      const head = "  Function    Subfunction   Pass        EAX         EBX         ECX         EDX";
      const table = (part: readonly Row[]): string =>
        lines(part, (r) => `  ${h8(r[0])}    ${h8(r[1])}      00000000    ${registers(r, "    ")}`);
      return `Report file.\n${head}\n${table(rows)}\n----\n${head}\n${table(rows.slice(0, 1))}\n`;
    },
  },
  "jcpuid-hexdump": {
    numbered: false,
    write: (rows) => `Java CPUID v3.03.06.\n# 0\n${lines(rows, (r) => `CPUID ${h8(r[0])}: ${registers(r, "-")}`)}`,
  },
  "cpuz-report": {
    numbered: false,
    write: (rows) =>
      `CPU-Z TXT Report\n\nCPU Thread 0\n${lines(rows, (r) => `\t0x${h8(r[0])}\t\t${registers(r, "\t", "0x")}`)}\n\tPStateReg\t0x80000139-0x00005001`,
  },
  "umio-dump": {
    numbered: true,
    write: (rows) =>
      `[Pkg: 000, Core: 000, SMT: 000, x2APIC: 000, Thread: 000]\n${lines(rows, (r) => `  0x${h8(r[0])} 0x${r[1].toString(16)}:  ${registers(r, " ", "0x")}  [Note]`)}`,
  },
  "kcpuid-r": {
    numbered: true,
    write: (rows) =>
      `Basic Leafs :\n${lines(rows, (r) => `0x${h8(r[0])}: subleafs:\n  ${r[1]}: ${named(r, ", ", "0x").replaceAll(/e([abcd])x/g, (_, x: string) => `E${x.toUpperCase()}X`)}`)}`,
  },
  "linux-boot-log": {
    numbered: true,
    write: (rows) =>
      lines(
        rows.map((r) => [r[0] & 0xff, ...r.slice(1)] as unknown as Row),
        (r) => `[ 0.1] CPUID[${r[0].toString(16).padStart(2, "0")}, ${r[1].toString(16).padStart(2, "0")}]: ${named(r, " ", "")}`,
      ),
  },
  "vbox-log": {
    numbered: true,
    write: (rows) =>
      lines(
        rows,
        (r) =>
          `00:00:04.8 Gst: ${h8(r[0])}/${r[1].toString(16).padStart(4, "0")}  ${registers(r, " ")}\n00:00:04.8 Hst:                ${registers(r, " ")}`,
      ),
  },
  "xen-cpuid-p": {
    numbered: true,
    write: (rows) =>
      `Host policy: 3 leaves, 2 MSRs\n CPUID:\n${lines(rows, (r) => `  ${h8(r[0])}:${h8(r[1])} -> ${registers(r, ":")}`)}\n MSRs:\n  000000ce -> 0000000080000000`,
  },
  "vmware-log": {
    numbered: true,
    write: (rows) =>
      lines(rows, (r) => `Aug 20: vmx| hostCPUID level ${h8(r[0])}, ${r[1].toString(16)}: ${registers(r, " ", "0x")}`),
  },
  "x86info-a": {
    numbered: false,
    write: (rows) => `x86info v1.31\n${lines(rows, (r) => `eax in: 0x${h8(r[0])}, ${named(r, " ", "").replaceAll("=", " = ")}`)}`,
  },
};

test("there is a writer for every reader", () => {
  expect(Object.keys(WRITERS).sort()).toEqual(DUMP_READERS.map(({ format }) => format).sort());
});

describe.each(DUMP_READERS.map(({ format }) => format))("%s", (format) => {
  const { write, numbered } = WRITERS[format]!;
  const word = fc.nat(0xffff_ffff);
  const leaf0: Row = [0, 0, 0xd, 0x756e_6547, 0x6c65_746e, 0x4965_6e69];

  test("rows come back as written", () => {
    const row = fc.tuple(fc.constantFrom(1, 4, 13), fc.nat(62), word, word, word, word);
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const dump = readDump(write([leaf0, ...rows]));
        expect([dump.format, dump.problems]).toEqual([format, []]);
        const wanted = [leaf0, ...rows].map(([leaf, subleaf, ...values]) => [leaf, numbered ? subleaf : undefined, values]);
        for (const cpu of dump.cpus)
          expect(cpu.rows.map(({ leaf, subleaf, registers: got }) => [leaf, subleaf, [...got]])).toEqual(wanted);
        expect(dump.cpus).toHaveLength(format === "vbox-log" ? 2 : 1);
      }),
      { numRuns: 30 },
    );
  });

  test("a row with a digit too few is named with its line and left out", () => {
    const text = write([leaf0, [13, 0, 7, 0x340, 0x123, 0]]);
    const shortened = text.replace(/(?:0x|0b)?0*(?:123|100100011|291)\b/i, (digits) =>
      format.endsWith("json") ? '"?"'.slice(0, 1) : digits.slice(0, -1),
    );
    expect(shortened).not.toBe(text);
    const dump = readDump(shortened, format);
    const [problem] = dump.problems;
    expect(["bad-row", "truncated"]).toContain(problem?.rule);
    expect(problem?.line).toBeGreaterThan(0);
    expect(dump.cpus[0]?.rows.filter(({ leaf }) => leaf === 13) ?? []).toEqual([]);
  });
});

describe.skipIf(SKIPPED !== undefined)("every real dump of every format", () => {
  const formats = DUMP_READERS.map(({ format }) => format);
  const texts = sharedDumps(formats).map((file) => [file, decodeDumpBytes(sharedBytes(file))] as const);
  const start = performance.now();
  const all = texts.map(([file, text]) => ({ file, text, dump: readDump(text) }));
  console.log(`${all.length} dumps of ${formats.length} formats read in ${(performance.now() - start).toFixed(0)} ms`);

  test("is recognised and read whole", () => {
    expect(all.length).toBeGreaterThan(280);
    expect(all.filter(({ file, dump }) => !file.startsWith(`${dump.format}/`)).map(({ file }) => file)).toEqual([]);
    expect(all.filter(({ dump }) => dump.problems.length > 0).map(({ file, dump }) => [file, dump.problems])).toEqual([]);
  });

  test("has the rows that a second reading finds, on every CPU, policy and view", () => {
    for (const { file, text, dump } of all) {
      const rows = dump.cpus.map((cpu) =>
        cpu.rows.filter((row) => row.leaf === 13).map((row) => [row.subleaf ?? null, ...row.registers]),
      );
      const old = ["cpuid-r", "instlatx64-aida", "libcpuid-test"].includes(dump.format);
      expect(rows, file).toEqual(old ? secondReading(text) : secondReadingOf(dump.format, text));
    }
  });

  test("gives a model, or says why it cannot", () => {
    for (const { file, dump } of all) {
      const { models, cpus, diagnostics } = modelsFromDump(dump, file);
      const errors = [...diagnostics, ...cpus.flatMap((cpu) => cpu.diagnostics)].filter(({ severity }) => severity === "error");
      if (models.length === 0)
        expect(
          errors.map(({ rule }) => rule),
          file,
        ).not.toEqual([]);
    }
  });

  test("views that differ stay apart: Xen's policies, VirtualBox's guest and host", () => {
    const labels = (format: string): string[] =>
      all.filter(({ dump }) => dump.format === format).flatMap(({ dump }) => leafDCpus(dump).map(({ cpu }) => cpu));
    expect(labels("xen-cpuid-p")).toEqual(["Raw policy", "Host policy", "PV Max policy", "HVM Max policy"]);
    expect(labels("vbox-log")).toEqual(["Gst", "Hst"]);
  });
});
