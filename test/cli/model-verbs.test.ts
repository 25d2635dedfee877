import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundledIds, loadBundledModels } from "../../src/host/load-models.ts";
import { AREA_FORMS, modelReport } from "../../src/report/model-report.ts";
import { AIDA_DUMP, REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const zen5 = readFileSync(join(REPOSITORY, "cpu-models/amd-zen-5.yaml"), "utf8");
const badModel = join(folder, "amd-zen-5.yaml");
writeFileSync(badModel, zen5.replace("sizeMax: 2440", "sizeMax: 2441"));

function oneLineError({ code, out, err }: { code: number | null; out: string; err: string }, message: string | RegExp): void {
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  expect(err).toMatch(message);
  expect(err).not.toContain("    at ");
}

test("models: every model, as table and JSON", () => {
  const { code, out } = xsavekit(["models"]);
  expect(code).toBe(0);
  for (const id of bundledIds()) expect(out).toContain(`\n${id} `);
  const { value } = xsavekitJson(["models"]);
  expect(value.models.map(({ id }: { id: string }) => id)).toEqual(bundledIds());
  expect(value.models.find(({ id }: { id: string }) => id === "intel-sapphire-rapids")).toEqual({
    id: "intel-sapphire-rapids",
    name: "Intel Sapphire Rapids",
    kind: "silicon",
    vendor: "GenuineIntel",
    xcr0Supported: "0x602e7",
    xssSupported: "0xdd00",
    sizes: { standard: 11008, xsavec: 10752, xsaves: 11776 },
  });
  oneLineError(xsavekit(["models", "extra"]), "too many arguments");
});

test("show --json: the documented shape", () => {
  const { code, value } = xsavekitJson(["show", "amd-zen-5"]);
  expect(code).toBe(0);
  expect(value).toMatchObject({
    id: "amd-zen-5",
    vendor: "AuthenticAMD",
    xcr0Supported: "0x2e7",
    xssSupported: "0x1800",
    sizeMax: 2440,
    standard: { rfbm: "0x2e7", size: 2440, offsets: { 2: 576, 5: 832, 6: 896, 7: 1408, 9: 2432 } },
    xsavec: { rfbm: "0x2e7", size: 2440, offsets: { 2: 576, 5: 832, 6: 896, 7: 1408, 9: 2432 } },
    xsaves: { rfbm: "0x1ae7", size: 2480, offsets: { 2: 576, 5: 832, 6: 896, 7: 1408, 9: 2432, 11: 2440, 12: 2456 } },
  });
  expect(value.components[0]).toEqual({
    index: 2,
    name: "AVX",
    supervisor: false,
    size: 256,
    standardOffset: 576,
    align64: false,
    xfd: false,
  });
  expect(value.components.at(-1)).toEqual({
    index: 12,
    name: "CET_S",
    supervisor: true,
    size: 24,
    standardOffset: null,
    align64: false,
    xfd: false,
  });
});

test("show --mask takes hexadecimal and names, and is cut to the model", () => {
  const masks = ["0x800000000207", "x87,SSE,AVX,PKRU"].map((mask) => xsavekitJson(["show", "amd-zen-5", "--mask", mask]).value);
  expect(masks[0]).toEqual(masks[1]);
  expect(masks[0].xsavec).toEqual({ rfbm: "0x207", size: 840, offsets: { 2: 576, 9: 832 } });
  const { code, err } = xsavekit(["show", "amd-zen-3", "--mask", "0x10000e7"]);
  expect([code, err]).toEqual([
    0,
    "xsavekit: --mask: amd-zen-3 has no 0x10000e0 (opmask, ZMM_Hi256, Hi16_ZMM, component 24); left out\n",
  ]);
  oneLineError(xsavekit(["show", "amd-zen-5", "--mask", "AVXX"]), "did you mean AVX?");
  oneLineError(xsavekit(["show", "amd-zen-5", "--format", "xsave"]), "Allowed choices are standard, xsavec, xsaves");
});

test("show draws within 80 columns, with offsets, holes and buffer sizes", () => {
  const { code, out } = xsavekit(["show", "intel-sapphire-rapids", "--format", "standard"]);
  expect(code).toBe(0);
  for (const model of loadBundledModels()) {
    for (const line of modelReport(model, AREA_FORMS).split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  }
  expect(out).toMatch(/^ +832 ├─+┤ 0x340\n +│ hole, nothing is written ╱+ 256 bytes │$/m);
  expect(out).toMatch(/^ +2816 ├─+┤ 0xb00\n +│ TILEDATA \(aligned to 64\) +8192 bytes │$/m);
  expect(out).toMatch(/^XSAVES +0x6dfe7 +11776 +11776$/m);
});

test("a model is an id, a YAML path, a dump or standard input", () => {
  const byId = xsavekitJson(["show", "amd-zen-5"]).value;
  expect(xsavekitJson(["show", "cpu-models/amd-zen-5.yaml"]).value).toEqual(byId);
  expect(xsavekitJson(["show", "-"], zen5).value).toEqual(byId);
  expect(xsavekitJson(["show", "cpu-models/amd-zen-4-firecracker-guest.yaml"]).value.xssSupported).toBe("0x0");
  oneLineError(xsavekit(["show", "amd-zen5"]), "no model and no file `amd-zen5`: did you mean amd-zen-5?");
  oneLineError(xsavekit(["show", "no/such.yaml"]), "no/such.yaml: no such file");
  oneLineError(xsavekit(["show", badModel]), /amd-zen-5\.yaml:\d+:\d+: .*remedy: /);
  oneLineError(xsavekit(["show", "package.json"]), /unknown-format: .*remedy: give the text that `cpuid -r` prints/);
  oneLineError(xsavekit(["show", "cpu-models/masks.yaml"]), "mask families");
});

test("compare: exit 0 if identical, 1 if not, the documented shape, Markdown", () => {
  expect(xsavekitJson(["compare", "amd-zen-4", "amd-zen-5"])).toMatchObject({
    code: 0,
    value: { models: ["amd-zen-4", "amd-zen-5"], identical: true },
  });
  const { code, value } = xsavekitJson([
    "compare",
    "amd-zen-4",
    "amd-zen-3",
    "intel-ice-lake-server",
    "--mask",
    "x87,SSE,AVX,PKRU",
  ]);
  expect(code).toBe(1);
  expect(value.components[1]).toEqual({
    index: 9,
    name: "PKRU",
    differs: true,
    values: [
      { size: 8, standardOffset: 2432, compactedOffset: 832 },
      { size: 8, standardOffset: 2432, compactedOffset: 832 },
      { size: 8, standardOffset: 2688, compactedOffset: 832 },
    ],
  });
  const text = xsavekit(["compare", "amd-zen-4", "intel-ice-lake-server"]);
  expect(text.code).toBe(1);
  expect(text.out).toMatch(/^≠ +9 +PKRU +8 @ 2432 \/ 2432 +8 @ 2688 \/ /m);
  const markdown = xsavekit(["compare", "amd-zen-4", "intel-ice-lake-server", "--markdown"]);
  expect(markdown.code).toBe(1);
  expect(markdown.out).toMatch(
    /^\|  \| n \| component \| amd-zen-4 \| intel-ice-lake-server \|\n\|---\|---:\|---\|---:\|---:\|\n/,
  );
  oneLineError(xsavekit(["compare", "amd-zen-4"]), "at least two models");
});

test("lint: 0 with warnings at most, 1 with an error, 2 for what cannot be read", () => {
  expect(xsavekitJson(["lint", "cpu-models/amd-zen-5.yaml", "cpu-models/masks.yaml"])).toEqual({
    code: 0,
    value: {
      files: [
        { file: "cpu-models/amd-zen-5.yaml", diagnostics: [] },
        { file: "cpu-models/masks.yaml", diagnostics: [] },
      ],
    },
  });
  const { code, value } = xsavekitJson(["lint", badModel]);
  expect(code).toBe(1);
  expect(value.files[0].diagnostics[0]).toMatchObject({
    severity: "error",
    line: expect.any(Number),
    column: expect.any(Number),
    rule: expect.any(String),
    message: expect.any(String),
    remedy: expect.any(String),
  });
  expect(xsavekit(["lint", badModel]).out).toContain("1 file, 1 error, 0 warnings");
  expect(xsavekitJson(["lint", AIDA_DUMP]).value.files[0].file).toBe(AIDA_DUMP);
  const missing = xsavekit(["lint", "no-such-file", "cpu-models/amd-zen-5.yaml"]);
  expect(missing).toMatchObject({ code: 2, err: "xsavekit: no-such-file: no such file; check the path\n" });
  expect(missing.out).toContain("1 file, 0 errors");
  expect(xsavekit(["lint", "package.json"]).code).toBe(2);
});
