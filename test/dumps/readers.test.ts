import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DUMP_READERS, decodeSignature, devCpuDump, distinctCpus, leafDCpus, readDump } from "../../src/dumps/index.ts";
import type { LeafDCpu, RawDump } from "../../src/dumps/index.ts";

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const aida = fixture("aida-two-cpus.txt");
const cpuidR = fixture("cpuid-r.txt");
const libcpuid = fixture("libcpuid.test");
const rules = (of: { problems: readonly { rule: string }[] } | undefined): string[] => of?.problems.map(({ rule }) => rule) ?? [];
const subleaves = (cpu: LeafDCpu | undefined): number[] => [...(cpu?.leafD.keys() ?? [])];
const withoutLines = (dump: RawDump): unknown =>
  dump.cpus.map((cpu) => [cpu.label, cpu.rows.map(({ leaf, subleaf, registers }) => [leaf, subleaf, registers])]);

/** Leaf 0 of an Intel CPU with leaf 0DH, leaf 1, and rows of leaf 0DH without sub-leaf numbers. */
const unnumbered = (...rows: string[]): LeafDCpu | undefined =>
  leafDCpus(
    readDump(
      [
        "00000000: 0000001B-756E6547-6C65746E-49656E69",
        "00000001: 000606A6-00000800-7FFEFBFF-BFEBFBFF",
        ...rows.map((row) => `0000000D: ${row}`),
      ]
        .map((row) => `CPUID ${row}`)
        .join("\n"),
    ),
  )[0];

test("AIDA64 text: CPUs by heading, hexadecimal sub-leaf numbers, lines", () => {
  const dump = readDump(aida);
  expect(dump.format).toBe("instlatx64-aida");
  expect(dump.problems).toEqual([]);
  expect(dump.cpus.map((cpu) => cpu.label)).toEqual(["Logical CPU #0", "Logical CPU #1"]);
  const [cpu] = leafDCpus(dump);
  expect(cpu).toMatchObject({
    cpu: "Logical CPU #0",
    vendor: "GenuineIntel",
    family: 6,
    model: 0x9a,
    stepping: 3,
    brand: "Example CPU",
    problems: [],
  });
  expect(subleaves(cpu)).toEqual([0, 1, 2, 8, 9, 11, 12, 16]);
  expect(cpu?.leafD.get(2)).toEqual({ registers: [0x100, 0x240, 0, 0], line: 11 });
});

test("logical CPUs that differ stay apart, equal ones are one", () => {
  const cpus = leafDCpus(readDump(aida));
  const labels = (all: typeof cpus): string[][] => distinctCpus(all).map((each) => each.cpus.map(({ cpu }) => cpu));
  expect(labels(cpus)).toEqual([["Logical CPU #0"], ["Logical CPU #1"]]);
  expect(labels(cpus.slice(0, 1).flatMap((first) => [first, { ...first, cpu: "other" }]))).toEqual([["Logical CPU #0", "other"]]);
});

test("cpuid -r: vendor kept to the blank, LWP at sub-leaf 3EH", () => {
  const dump = readDump(cpuidR);
  expect([dump.format, dump.problems]).toEqual(["cpuid-r", []]);
  const [cpu] = leafDCpus(dump);
  expect(cpu).toMatchObject({
    cpu: "CPU 0",
    vendor: "  Shanghai  ",
    family: 6,
    model: 0x7b,
    stepping: 1,
    brand: "",
    problems: [],
  });
  expect(subleaves(cpu)).toEqual([0, 1, 2, 62]);
});

test("libcpuid's arrays: decimal and hexadecimal names, nothing after the line of dashes", () => {
  const dump = readDump(libcpuid);
  expect([dump.format, dump.problems]).toEqual(["libcpuid-test", []]);
  expect(dump.cpus.map((cpu) => cpu.rows.map((row) => [row.leaf, row.subleaf]))).toEqual([
    [
      [0, undefined],
      [1, undefined],
      [13, undefined],
      [0x80000002, undefined],
      [4, 1],
      [11, 1],
      [0x14, 1],
      [0x8000001d, 0],
    ],
  ]);
  const [cpu] = leafDCpus(dump);
  expect(cpu).toMatchObject({ vendor: "AuthenticAMD", family: 0x15, model: 1, stepping: 2, brand: "Example CPU" });
  expect(subleaves(cpu)).toEqual([0]);
  expect(rules(cpu)).toEqual(["subleaf-inferred", "no-subleaf-1", "no-component-rows"]);
});

test("rows with answers after a line of dashes are a libcpuid test, however long", () => {
  const rows = aida.repeat(100);
  expect(readDump(`${rows}${"-".repeat(80)}\nx86\n`).format).toBe("libcpuid-test");
  expect(readDump(rows).format).toBe("instlatx64-aida");
});

test.each([
  ["CR LF", (text: string) => text.replaceAll("\n", "\r\n")],
  ["lone CR", (text: string) => text.replaceAll("\n", "\r")],
  ["byte order mark", (text: string) => `\uFEFF${text}`],
  ["byte order mark read as Latin-1", (text: string) => `\u00EF\u00BB\u00BF${text}`],
  ["blanks at both ends", (text: string) => text.replaceAll("\n", "  \t\n  ")],
  [
    "lower case rows",
    (text: string) => text.replace(/^(?:CPUID 0|CPUID 8|basic|ext|intel|amd| +0x).*$/gm, (line) => line.toLowerCase()),
  ],
  ["upper case digits", (text: string) => text.replace(/[0-9a-f]{8}/g, (digits) => digits.toUpperCase())],
])("%s changes nothing", (_, change) => {
  for (const text of [aida, cpuidR, libcpuid]) {
    const dump = readDump(change(text));
    expect(dump.problems).toEqual([]);
    expect(withoutLines(dump)).toEqual(withoutLines(readDump(text)));
  }
});

test("lines are counted the same with any line end", () => {
  const lines = (text: string): unknown => readDump(text).cpus.map((cpu) => cpu.rows.map((row) => row.line));
  for (const end of ["\r\n", "\r"]) expect(lines(aida.replaceAll("\n", end))).toEqual(lines(aida));
});

test("CPUs without headings: a leaf 0 opens the next", () => {
  const text = aida.replace(/^-+\[.*$/gm, "");
  expect(readDump(text).cpus.map((cpu) => [cpu.label, cpu.rows.length])).toEqual([
    ["CPU 0", 13],
    ["CPU 1", 10],
  ]);
});

test("damaged rows are named with their line, the rest is read", () => {
  const cut = aida.replace("00000100-00000240-00000000-00000000 [SL 02]", "00000100-00000240-0000000-00000000 [SL 02]");
  expect(readDump(cut).problems).toMatchObject(
    [
      { rule: "bad-row", severity: "error", line: 11 },
      { rule: "bad-row", line: 32 },
    ].slice(0, 1),
  );
  expect(rules(leafDCpus(readDump(cut))[0])).toEqual(["component-row-missing"]);
  for (const tail of ["[SL 0", "[SL xx]", "[SL]", "[S"]) {
    expect(rules(readDump(`CPUID 0000000D: 00000100-00000240-00000000-00000000 ${tail}\nx`))).toEqual(["bad-row", "no-rows"]);
  }
  expect(rules(readDump(cpuidR.replace("ebx=0x00000240", "ebx=0x0000024")))).toEqual(["bad-row"]);
  expect(rules(readDump(libcpuid.replace("00000340 000003c0", "00000340 000003c")))).toEqual(["bad-row"]);
});

test("a bracket that stays open hides nothing: a brand string that ends in one with a NUL", () => {
  // InstLatx64's GenuineIntel0050654_SkylakeXeon_CPUID10: its 80000004H prints `[30GHz` and the line ends.
  const brand = [
    "65746E49-2952286C-6F655820-2952286E [Intel(R) Xeon(R)]",
    "322D5720-20353531-20555043-2E332040 [ W-2155 CPU @ 3.]",
  ];
  const rows = [...brand, "48473033-0000007A-00000000-00000000 [30GHz"].map((row, i) => `CPUID 8000000${i + 2}: ${row}`);
  const dump = readDump(rows.join("\n"));
  expect(dump.problems).toEqual([]);
  expect(leafDCpus(dump)[0]?.brand).toBe("Intel(R) Xeon(R) W-2155 CPU @ 3.30GHz");
});

test("the oldest InstLatx64 dumps have blanks between the registers", () => {
  // CentaurHauls0000694_C5XL_Nehemiah_CPUID
  const dump = readDump(
    "CPUID 00000000 : 00000001 746E6543 736C7561 48727561\nCPUID 00000001 : 00000694 00000000 00000000 0380B13D",
  );
  expect(dump).toMatchObject({ format: "instlatx64-aida", problems: [] });
  expect(leafDCpus(dump)[0]).toMatchObject({ vendor: "CentaurHauls", family: 6, model: 9, stepping: 4 });
});

test("umio's first versions", () => {
  const row = (leaf: string, subleaf: string, registers: string): string =>
    ` ${leaf}h_x${subleaf}: ${["eax", "ebx", "ecx", "edx"].map((name, i) => `${name}=${registers.split(" ")[i]}h`).join(" ")}`;
  // The tool's own dump of a Ryzen 5 2600.
  const rows = [
    `${row("00000000", "0", "0000000D 68747541 444D4163 69746E65")} [AuthenticAMD]`,
    row("0000000D", "0", "00000007 00000340 00000340 00000000"),
    row("0000000D", "2", "00000100 00000240 00000000 00000000"),
    row("0000000D", "C", "00000000 00000000 00000000 00000000"),
  ];
  const dump = readDump([0, 1].map((n) => `Core ID: ${n}   / Thread: ${n}  \nCPUID Dump\n${rows.join("\n")}`).join("\n\n"));
  expect(dump).toMatchObject({ format: "umio-dump", problems: [] });
  expect(leafDCpus(dump).map((cpu) => [cpu.cpu, cpu.vendor, subleaves(cpu)])).toEqual([
    ["Core ID: 0   / Thread: 0", "AuthenticAMD", [0, 2, 12]],
    ["Core ID: 1   / Thread: 1", "AuthenticAMD", [0, 2, 12]],
  ]);
  expect(rules(readDump(rows.join("\n").replace("ebx=00000340h", "ebx=0000340h")))).toEqual(["bad-row"]);
});

test("rows of leaf 0DH that are all called sub-leaf 0 are numbered by what they hold", () => {
  // RJCP's conversion of InstLatx64's GenuineIntel0090675_AlderLake_01, which prints no numbers.
  const rows = [
    "00000207,00000340,00000A88,00000000",
    "0000000F,000003D0,00019900,00000000",
    "00000100,00000240,00000000,00000000",
  ];
  const xml = (subleaves: number[]): string =>
    `<processor>\n${rows.map((row, i) => `<register eax="0000000D" ecx="0000000${subleaves[i]}">${row}</register>`).join("\n")}\n</processor>`;
  const leafD = (text: string): unknown => Object.fromEntries(leafDCpus(readDump(text))[0]?.leafD ?? []);
  expect(leafD(xml([0, 0, 0]))).toEqual(leafD(xml([0, 1, 2])));
  expect(rules(leafDCpus(readDump(xml([0, 0, 0])))[0])).toContain("subleaf-inferred");
  expect(rules(leafDCpus(readDump(xml([0, 0, 2])))[0])).toContain("duplicate-row");
});

test("a dump cut inside a row is truncated", () => {
  expect(readDump(cpuidR.slice(0, -20)).problems).toMatchObject([{ rule: "truncated", line: 7 }]);
});

test("text that is no dump", () => {
  for (const text of ["", "  \n", "hello", "0x00000000; EAX=0x0000000d; EBX=0x68747541; ECX=0x444d4163; EDX=0x69746e65"]) {
    expect(readDump(text)).toMatchObject({
      format: "unknown",
      cpus: [],
      problems: [{ rule: "unknown-format", severity: "error" }],
    });
  }
  expect(rules(readDump(aida, "no-such"))).toEqual(["unknown-format"]);
  expect(rules(readDump(aida, "cpuid-r"))).toContain("no-rows");
});

test("rows behind a long beginning, and rows that a mail quotes", () => {
  // VirtualBox logs its configuration first: in public logs the rows come after 47 and 52 KiB, with more devices later.
  const log = `${"00:00:00.100000 [/Devices/pcnet/] (level 2)\n".repeat(4_000)}${["Gst", "Hst"].map((side) => `00:00:00.154969 ${side}: 0000000d/0000  00000007 00000340 00000340 00000000\n`).join("")}`;
  expect(log.length).toBeGreaterThan(150_000);
  expect(readDump(log)).toMatchObject({
    format: "vbox-log",
    problems: [],
    cpus: [{ rows: [{ line: 4001 }] }, { rows: [{ line: 4002 }] }],
  });
  for (const mark of [">", "> ", ">> ", "> > "]) {
    expect(withoutLines(readDump(cpuidR.replace(/^/gm, mark)))).toEqual(withoutLines(readDump(cpuidR)));
  }
});

test("formats have distinct names", () => {
  expect(new Set(DUMP_READERS.map((reader) => reader.format)).size).toBe(DUMP_READERS.length);
});

test("sub-leaf numbers are inferred by masks, sizes and offsets", () => {
  const cpu = unnumbered(
    "000002E7-00000A80-00000A88-00000000",
    "0000000F-00000A00-00000100-00000000",
    "00000100-00000240-00000000-00000000",
    "00000040-00000440-00000000-00000000",
    "00000200-00000480-00000000-00000000",
    "00000400-00000680-00000000-00000000",
    "00000080-00000000-00000001-00000000",
    "00000008-00000A80-00000000-00000000",
  );
  expect(subleaves(cpu)).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
  expect(rules(cpu)).toEqual(["subleaf-inferred"]);
});

test("sub-leaf 1 left out: the second row is AVX", () => {
  const cpu = unnumbered("00000007-00000340-00000340-00000000", "00000100-00000240-00000000-00000000");
  expect(subleaves(cpu)).toEqual([0, 2]);
  expect(rules(cpu)).toEqual(["subleaf-inferred", "no-subleaf-1"]);
});

test("rows that could be two things are not numbered", () => {
  // One supervisor row of 8 bytes; PASID, HDC and HWP all have 8.
  const cpu = unnumbered(
    "00000007-00000340-00000340-00000000",
    "0000000F-00000340-00012400-00000000",
    "00000100-00000240-00000000-00000000",
    "00000008-00000000-00000001-00000000",
  );
  expect(subleaves(cpu)).toEqual([0, 1, 2]);
  expect(rules(cpu)).toEqual([
    "subleaf-inferred",
    "subleaf-unknown",
    "component-row-missing",
    "component-row-missing",
    "component-row-missing",
  ]);
});

test("a place that no known CPU has is accepted when order and size suffice", () => {
  const cpu = unnumbered(
    "00000207-00000400-00000400-00000000",
    "00000000-00000000-00000000-00000000",
    "00000100-00000240-00000000-00000000",
    "00000008-00000400-00000000-00000000",
  );
  expect(subleaves(cpu)).toEqual([0, 1, 2, 9]);
});

test("what leaf 0DH can lack", () => {
  const of = (...lines: string[]): LeafDCpu | undefined =>
    leafDCpus(readDump(lines.map((line) => `CPUID ${line}`).join("\n")))[0];
  const leaf0 = (max: string): string => `00000000: ${max}-756E6547-6C65746E-49656E69`;
  const leaf1 = "00000001: 000006FB-00000800-0000E3BD-BFEBFBFF";
  expect(rules(of(leaf0("0000000A"), leaf1))).toEqual(["no-leaf-0d"]);
  const echoed = of(leaf0("0000000A"), leaf1, "0000000D: 07280203-00000000-00000000-00002501");
  expect([rules(echoed), echoed?.leafD.size]).toEqual([["leaf-0d-echoed"], 0]);
  // libcpuid fills its arrays with zeros beyond the highest leaf: that repeats nothing.
  expect(rules(of(leaf0("00000005"), leaf1, "0000000D: 00000000-00000000-00000000-00000000"))).toEqual(["no-leaf-0d"]);
  expect(rules(of(leaf0("0000000D"), leaf1, "0000000D: 00000000-00000000-00000000-00000000 [SL 00]"))).toEqual(["leaf-0d-zero"]);
  expect(
    rules(of("0000000D: 00000003-00000240-00000240-00000000 [SL 00]", "0000000D: 00000000-00000000-00000000-00000000 [SL 01]")),
  ).toEqual(["no-leaf-0", "no-leaf-1"]);
  expect(rules(of(leaf0("0000000D"), leaf1, "0000000D: 00000100-00000240-00000000-00000000 [SL 02]"))).toEqual(["no-subleaf-0"]);
});

test("a row whose bit is in neither mask, a row printed twice, a row beyond 62", () => {
  const text = cpuidR
    .replace("0x3e:", "0x03:")
    .concat(
      "   0x0000000d 0x02: eax=0x00000100 ebx=0x00000241 ecx=0x00000000 edx=0x00000000\n",
      "   0x0000000d 0x3f: eax=0x00000100 ebx=0x00000241 ecx=0x00000000 edx=0x00000000\n",
    );
  const [cpu] = leafDCpus(readDump(text));
  expect(rules(cpu)).toEqual(["duplicate-row", "component-row-missing", "component-not-in-masks", "subleaf-out-of-range"]);
  expect(cpu?.leafD.get(2)?.registers[1]).toBe(0x240);
});

test("80000008H:EBX is there where printed", () => {
  const row = "   0x80000008 0x00: eax=0x00003030 ebx=0x00000004 ecx=0x00000000 edx=0x00000000\n";
  expect(leafDCpus(readDump(cpuidR + row))[0]?.cpuid80000008Ebx).toBe(4);
  expect(leafDCpus(readDump(cpuidR))[0]).not.toHaveProperty("cpuid80000008Ebx");
  const seven = "   0x00000007 0x00: eax=0x00000000 ebx=0x00002001 ecx=0x00000000 edx=0x00000000\n";
  expect(leafDCpus(readDump(cpuidR + seven))[0]?.cpuid7Ebx).toBe(0x2001);
});

test("signatures", () => {
  expect(decodeSignature(0x00b40f40)).toEqual({ family: 0x1a, model: 0x44, stepping: 0 });
  expect(decodeSignature(0x000806f8)).toEqual({ family: 6, model: 0x8f, stepping: 8 });
  expect(decodeSignature(0x000307b0)).toEqual({ family: 7, model: 0x3b, stepping: 0 });
  expect(decodeSignature(0x00000f29)).toEqual({ family: 15, model: 2, stepping: 9 });
  expect(decodeSignature(0xffffffff)).toEqual({ family: 270, model: 255, stepping: 15 });
});

test("probed rows make a dump", () => {
  const dump = devCpuDump([{ number: 3, rows: [{ leaf: 0, subleaf: 0, registers: [13, 0x756e6547, 0x6c65746e, 0x49656e69] }] }]);
  expect(dump).toMatchObject({ format: "dev-cpu", cpus: [{ label: "CPU 3", rows: [{ leaf: 0, line: 0 }] }], problems: [] });
});
