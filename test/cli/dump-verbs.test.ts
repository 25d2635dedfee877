import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { probeableCpus } from "../../src/host/probe-cpuid.ts";
import { readModel } from "../../src/model/read-model.ts";
import { AIDA_DUMP, CPUID_R_DUMP, REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

test("import --json: the documented shape", () => {
  const { code, value } = xsavekitJson(["import", CPUID_R_DUMP]);
  expect(code).toBe(0);
  expect(value.format).toBe("cpuid-r");
  for (const cpu of value.cpus) {
    expect(cpu).toMatchObject({
      cpu: expect.any(String),
      vendor: expect.any(String),
      family: expect.any(Number),
      model: expect.any(Number),
      stepping: expect.any(Number),
      brand: expect.any(String),
      diagnostics: expect.any(Array),
    });
    expect(cpu.leafD["0"]).toHaveLength(4);
    for (const each of cpu.diagnostics) expect(Object.keys(each)).toEqual(["rule", "severity", "line", "message"]);
  }
});

test("import: what the dump's reader says of a row, the model's rules do not say again", () => {
  const row = (subleaf: string, values: string): string => `CPUID 0000000D: ${values} [SL ${subleaf}]\n`;
  const dump = [
    "CPUID 00000000: 00000016-756E6547-6C65746E-49656E69\nCPUID 00000001: 000906EA-00100800-7FFAFBBF-BFEBFBFF\n",
    row("00", "00000207-00000240-00000A88-00000000"),
    row("01", "0000000F-00000240-00000000-00000000"),
    row("02", "00000100-00000240-00000000-00000000"),
    row("07", "00000400-00000680-00000000-00000000"),
  ];
  const rules = (text: string): string[] =>
    xsavekitJsonLoose(["import", "-"], text).cpus[0].diagnostics.map(({ rule }: { rule: string }) => rule);
  expect(rules(dump.join(""))).toEqual(["component-row-missing", "component-not-in-masks"]);
  expect(rules(dump.slice(0, 3).join(""))).toEqual(["no-component-rows"]);
  expect(rules([...dump.slice(0, 1), ...dump.slice(2)].join(""))).toEqual(["no-subleaf-0"]);
  expect(rules(dump[0] + row("00", "00000000-00000000-00000000-00000000"))).toEqual(["leaf-0d-zero"]);
  const withoutOne = dump[0] + row("00", "00000007-00000340-00000340-00000000") + dump[3];
  expect(rules(withoutOne)).toEqual(["no-subleaf-1"]);
});

test("import writes YAML that lint accepts", () => {
  const { code, out } = xsavekit(["import", CPUID_R_DUMP, "--id", "my-cpu"]);
  expect(code).toBe(0);
  expect(readModel(out.split("---\n")[0] ?? "", "my-cpu.yaml").model?.id).toBe("my-cpu");
});

test("import takes standard input and several dumps", () => {
  const text = readFileSync(join(REPOSITORY, CPUID_R_DUMP), "utf8");
  expect(xsavekitJson(["import", "-"], text).value.cpus).toEqual(xsavekitJson(["import", CPUID_R_DUMP]).value.cpus);
  expect(xsavekitJson(["import", CPUID_R_DUMP, AIDA_DUMP]).value.map(({ file }: { file: string }) => file)).toEqual([
    CPUID_R_DUMP,
    AIDA_DUMP,
  ]);
});

test("import: a CPU without leaf 0DH is a finding, other text is unreadable", () => {
  const old =
    "CPU 0:\n   0x00000000 0x00: eax=0x00000002 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n   0x00000001 0x00: eax=0x00000673 ebx=0x00000000 ecx=0x00000000 edx=0x0387f9ff\n";
  const { code, out, err } = xsavekit(["import", "-"], old);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("no-leaf-0d");
  for (const [args, message] of [
    [["import", "package.json"], "not a CPUID dump"],
    [["import", "no-such"], "no-such: no such file; check the path"],
    [["import", CPUID_R_DUMP, "--id", "Bad Id"], "lower-case words"],
  ] as const) {
    const refused = xsavekit(args);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/^xsavekit: [^\n]*\n$/);
    expect(refused.err).toContain(message);
  }
});

test("import: many files, one object a line in order, a failed one in its place", () => {
  const files = [CPUID_R_DUMP, "no-such", AIDA_DUMP, "package.json"];
  for (const [args, input] of [
    [files, ""],
    [files.slice(0, 2).concat("--files-from", "-"), files.slice(2).join("\n")],
  ] as const) {
    const { code, out, err } = xsavekit(["import", "--jsonl", ...args], input);
    expect([code, err]).toEqual([2, ""]);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ file }) => file)).toEqual(files);
    expect(lines.map((each) => each.format)).toEqual(["cpuid-r", undefined, "instlatx64-aida", undefined]);
    expect(lines[1].error.message).toBe("no-such: no such file; check the path");
    expect(lines[3].error.message).toContain("not a CPUID dump");
  }
  const text = xsavekit(["import", ...files]);
  expect(text.code).toBe(2);
  expect(text.err).toMatch(/^xsavekit: no-such: no such file; check the path$/m);
  expect(text.out.split("---\n").length).toBeGreaterThan(1);
  expect(xsavekitJsonLoose(["import", ...files]).map(({ file }: { file: string }) => file)).toEqual(files);
  for (const args of [[], ["-", "-"], ["-", "--files-from", "-"]]) expect(xsavekit(["import", ...args]).code).toBe(2);
});

const xsavekitJsonLoose = (args: readonly string[], input?: string): any => JSON.parse(xsavekit([...args, "--json"], input).out);

test("import reads dumps in gzip", () => {
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-"));
  const file = join(folder, "dump.gz");
  writeFileSync(file, gzipSync(readFileSync(join(REPOSITORY, CPUID_R_DUMP))));
  expect(xsavekitJson(["import", file]).value.cpus).toEqual(xsavekitJson(["import", CPUID_R_DUMP]).value.cpus);
  rmSync(folder, { recursive: true });
});

test("probe: this machine, or what to do where its CPUID cannot be read", () => {
  const { code, out, err } = xsavekit(["probe", "--json"]);
  if (code === 2) {
    expect(err).toMatch(/^xsavekit: cannot read \/dev\/cpu\/\d+\/cpuid[^\n]*xsavekit import -`\n$/);
    console.log(`the rest is skipped: ${err.trim()}`);
  } else {
    const value = JSON.parse(out);
    expect(value.format).toBe("dev-cpu");
    expect(value.cpus).toHaveLength(probeableCpus().length);
  }
  const refused = xsavekit(["probe", "--cpu", "first"]);
  expect([refused.code, refused.out]).toEqual([2, ""]);
  expect(refused.err).toContain("Write a number");
});

test("import --out: a file named after the model or a folder, whole or not at all, never over another without --force", () => {
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-import-"));
  try {
    const file = join(folder, "my-cpu.yaml");
    expect(xsavekit(["import", CPUID_R_DUMP, "--out", file])).toMatchObject({ code: 0, out: `wrote ${file}\n` });
    expect(readModel(readFileSync(file, "utf8"), file).model?.id).toBe("my-cpu");
    expect(readFileSync(file, "utf8")).toMatch(/^id: my-cpu\n/);
    writeFileSync(file, "mine\n");
    for (const [args, message] of [
      [["--out", file], "there already"],
      [["--out", folder, "--id", "my-cpu"], "there already"],
      [["--out", join(folder, "Bad Name.yaml")], "the file's name is the model's id"],
      [["--out", join(folder, "my-cpu.txt")], "my-cpu.txt: a model's file is named .yaml"],
      [["--out", file, "--id", "other"], "leave --id out"],
      [["--force"], "--out"],
    ] as const) {
      const { code, out, err } = xsavekit(["import", CPUID_R_DUMP, ...args]);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
      expect(err).toContain(message);
    }
    expect(readFileSync(file, "utf8")).toBe("mine\n");
    expect(xsavekit(["import", CPUID_R_DUMP, "--out", file, "--force"]).code).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("id: my-cpu");
    expect(xsavekit(["import", CPUID_R_DUMP, "--out", join(folder, "new", "sub")]).code).toBe(0);
    expect(readdirSync(join(folder, "new", "sub"))).toHaveLength(1);
    expect(xsavekit(["import", CPUID_R_DUMP, "--out", `${join(folder, "rev.2")}/`]).code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(["my-cpu.yaml", "new", "rev.2"]);
    writeFileSync(join(folder, "rev.2", "schema.json"), "{}");
    expect(xsavekit(["import", CPUID_R_DUMP, "--out", join(folder, "rev.2", "b.yaml")]).code).toBe(0);
    expect(readFileSync(join(folder, "rev.2", "b.yaml"), "utf8")).toMatch(
      /^# yaml-language-server: \$schema=schema.json\nid: b\n/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
