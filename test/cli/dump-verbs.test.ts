import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    [["import", "no-such"], "no-such: no such file"],
    [["import", CPUID_R_DUMP, "--id", "Bad Id"], "lower-case words"],
  ] as const) {
    const refused = xsavekit(args);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/^xsavekit: [^\n]*\n$/);
    expect(refused.err).toContain(message);
  }
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
    writeFileSync(file, "mine\n");
    for (const [args, message] of [
      [["--out", file], "there already"],
      [["--out", folder, "--id", "my-cpu"], "there already"],
      [["--out", join(folder, "Bad Name.yaml")], "the file's name is the model's id"],
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
    expect(readdirSync(folder).sort()).toEqual(["my-cpu.yaml", "new"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
