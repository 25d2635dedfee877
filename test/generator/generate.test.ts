/** The generator as a function, the committed output, and the writer. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";

import { isHandEdited } from "../../src/generator/file-header.ts";
import { generate, type GenerateOptions } from "../../src/generator/generate.ts";
import { planGeneration } from "../../src/generator/plan-generation.ts";
import { bundledIds, loadBundledModel, loadBundledModels, loadMasks, modelsFolder } from "../../src/host/load-models.ts";
import { generate as generateFiles } from "../../src/host/generate-files.ts";
import { templateTexts } from "../../src/host/package-files.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { readMasks } from "../../src/model/read-masks.ts";
import { readModel } from "../../src/model/read-model.ts";
import { compareTree, writeTree } from "../../src/output/output-tree.ts";
import { TABLE } from "../bench/sections.ts";

const options: GenerateOptions = {
  masks: loadMasks(),
  templates: templateTexts(),
  seam: { fromRoot: "../src/runtime/generated-v1.ts", fromSavers: "../../src/runtime/generated-v1.ts" },
  extension: ".ts",
  modelsFolder: "cpu-models/",
};
const few = ["amd-zen-4", "intel-sapphire-rapids", "amd-bulldozer"];
const generated = generate(
  few.map((id) => loadBundledModel(id)),
  options,
);
const shuffled = <T>(items: readonly T[]): T[] => items.toReversed();

test("the library gives what --out writes: paths and texts, importing the package", () => {
  const [a, b] = ["amd-zen-4", "intel-penryn"].map((id) => loadBundledModel(id)) as [CpuModel, CpuModel];
  const files = generateFiles([a, b]);
  expect(generateFiles([b, a])).toEqual(files);
  expect(Object.keys(files[0] ?? {})).toEqual(["path", "text"]);
  const imported = files
    .flatMap(({ text }) => [...text.matchAll(/from "([^"]+)"|import\("([^"]+)"\)/g)])
    .map((m) => m[1] ?? m[2]);
  expect(imported.length).toBeGreaterThan(20);
  for (const specifier of imported) expect(specifier).toMatch(/^xsavekit\/runtime\/generated-v1$|^\.[^"]*\.js$/);
});

test("two models of one id are refused, since one would silently be lost", () => {
  const zen4 = loadBundledModel("amd-zen-4");
  expect(() => generate([zen4, loadBundledModel("intel-penryn"), { ...zen4, name: "Another" }], options)).toThrow(
    /two models have the id amd-zen-4/,
  );
});

test("four bytes at an odd offset are proved like any other", () => {
  const zen4 = loadBundledModel("amd-zen-4");
  expect(zen4.quirks.pkruUpperBytes).toBe("kept");
  const components = zen4.components.map((row) => (row.index === 9 ? { ...row, standardOffset: 2433 } : row));
  const text = "xinuse: []\nfamilies:\n  - { name: pkru, components: [PKRU], instructions: [XSAVE64, XSAVEC64] }\n";
  const { families = [] } = readMasks(text, "masks.yaml");
  expect(generate([{ ...zen4, components }], { ...options, masks: families }).savers).toBeGreaterThan(2);
});

test("the header names the package's version and digests of inputs and of what is below it", () => {
  const { version } = JSON.parse(readFileSync(join(modelsFolder(), "../package.json"), "utf8")) as { version: string };
  const zen4 = loadBundledModel("amd-zen-4");
  const header = (model: CpuModel): string[] =>
    generate([model], options)
      .files.find(({ path }) => path === `${model.id}.ts`)
      ?.text.split("\n")
      .slice(0, 4) ?? [];
  const [first, source, inputs, body] = header(zen4);
  expect(first).toContain(`xsavekit ${version};`);
  expect(source).toContain("cpu-models/amd-zen-4.yaml");
  expect(inputs).toMatch(/^\/\/ inputs: sha256 [0-9a-f]{64}$/);
  expect(body?.slice(-64)).not.toBe(inputs?.slice(-64));
  // Signatures are in no saver, but they are input.
  expect(header({ ...zen4, signatures: [] }).map((line, at) => line === [first, source, inputs, body][at])).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test("two runs, any order of models and any order of YAML keys give the same bytes", () => {
  const models = few.map((id) => {
    const { components, ...rest } = parse(readFileSync(join(modelsFolder(), `${id}.yaml`), "utf8"), {
      intAsBigInt: true,
    }) as Record<string, unknown>;
    const hex = (value: unknown): string => `0x${(value as bigint).toString(16)}`;
    const reordered = {
      components: Object.fromEntries(shuffled(Object.entries(components as object))),
      ...Object.fromEntries(shuffled(Object.entries(rest))),
      xcr0Supported: hex(rest["xcr0Supported"]),
      xssSupported: hex(rest["xssSupported"]),
    };
    const text = stringify(reordered).replaceAll(/"(0x[0-9a-f]+)"/g, "$1");
    const { model, diagnostics } = readModel(text, `${id}.yaml`);
    if (!model) throw new Error(JSON.stringify(diagnostics, null, 1));
    return model;
  });
  expect(generate(shuffled(models), options).files).toEqual(generated.files);
});

test("a model's free text cannot leave its comment, and no text of it is code", () => {
  const model = loadBundledModel("amd-zen-4");
  const name = "A */ process.exit(1) /* ` ${x} {{y}} \u2028 \n // z";
  const { files } = generate([{ ...model, name, notes: name, sources: [{ source: name }] }], options);
  const text = files.find((file) => file.path === "amd-zen-4/cpu.ts")?.text ?? "";
  const lines = text.split(/[\n\u2028]/).filter((line) => line.includes("process.exit"));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\/\*\* [^\n]*\*\/$/);
  expect(lines[0]?.slice(0, -2)).not.toContain("*/");
});

test("no generated file carries a date or a path of a machine", () => {
  for (const { text } of generated.files) {
    expect(text).not.toMatch(/20\d\d-\d\d-\d\d|\/home\/|\/tmp\/|file:/);
    expect(isHandEdited(text)).toBe(false);
    for (const edited of [text.replace("const", "const "), text.replace(/^.*\n/, ""), text.replace("// @gen", "// gen"), ""])
      expect(isHandEdited(edited)).toBe(true);
  }
});

test("every bundled model has savers, and all groups of a model are loadable by name", () => {
  const { groups } = planGeneration(loadBundledModels(), options);
  expect([...groups.keys()].sort()).toEqual([...bundledIds()].sort());
  for (const [id, list] of groups) expect(new Set(list.map((group) => group.name)).size, id).toBe(list.length);
});

test.each(TABLE)("%s has a saver for %s and mask %x, which the speed table shows", (id, family, mask) => {
  const { groups } = planGeneration([loadBundledModel(id)], options);
  const found = groups.get(id)?.filter(({ families, plan }) => families.includes(family) && plan.rfbm === mask);
  expect(found?.map(({ forms }) => forms.some(({ inUse }) => inUse === mask))).toEqual([true]);
});

test("a broken template is named with file and place", () => {
  expect(() =>
    generate([loadBundledModel("amd-zen-4")], { ...options, templates: { ...templateTexts(), "save-body.hbs": "{{#if}}" } }),
  ).toThrow(/templates\/save-body\.hbs/);
});

test.each([
  ["a source", "s[{{from}}]!", "s[{{from}} + 1]!"],
  ["a destination", "d[{{to}}]", "d[{{to}} + 1]"],
  ["a header word", "Q[w + {{word}}]", "Q[w + 1 + {{word}}]"],
  ["the size that is checked", "areas.check(offset, {{size}})", "areas.check(offset, 576)"],
  ["a condition", "const w =", "if (offset) return;\nconst w ="],
  ["the MXCSR rule", "mxcsrInUse(R[f + 6]!)", "mxcsrInUse(R[f + 7]!)"],
  ["XINUSE's place", "R[f + 128]!", "R[f + 130]!"],
  ["a view's place", "{{at}});", "{{at}} + 8);"],
])("a template with %s changed is refused by the proof", (_, from, to) => {
  const template = templateTexts()["save-body.hbs"];
  expect(template).toContain(from);
  const templates = { ...templateTexts(), "save-body.hbs": template.replaceAll(from, to) };
  expect(() =>
    generate(
      few.map((id) => loadBundledModel(id)),
      { ...options, templates },
    ),
  ).toThrow(/savers\/.*(planned|allowed)/);
});

describe("the writer", () => {
  let folder = "";
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "xsavekit-"))));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("finds missing, changed, hand-edited and orphaned files, and mends them all", () => {
    const { files } = generate([loadBundledModel("amd-zen-4")], options);
    const none = { missing: [], changed: [], handEdited: [], orphaned: [] };
    writeTree(folder, files, compareTree(folder, files, isHandEdited));
    expect(compareTree(folder, files, isHandEdited)).toEqual(none);
    const [first, second, third] = files.map((file) => file.path) as [string, string, string];
    rmSync(join(folder, first));
    writeFileSync(join(folder, second), `${readFileSync(join(folder, second), "utf8")}// by hand\n`);
    writeFileSync(join(folder, third), files.find((file) => file.path === second)?.text ?? "");
    writeFileSync(join(folder, "old.ts"), files[0]?.text ?? "");
    writeFileSync(join(folder, "mine.ts"), "export {};\n");
    const found = compareTree(folder, files, isHandEdited);
    expect(found).toEqual({ missing: [first], changed: [third], handEdited: [second], orphaned: ["old.ts"] });
    writeTree(folder, files, found);
    expect(compareTree(folder, files, isHandEdited)).toEqual(none);
    expect(readFileSync(join(folder, "mine.ts"), "utf8")).toBe("export {};\n");
  });

  test("refuses a path that leaves the folder", () => {
    const files = [{ path: "../escape.ts", text: "" }];
    expect(() => writeTree(folder, files, compareTree(folder, files, isHandEdited))).toThrow(/leaves the output folder/);
  });
});

test("a folder that the system refuses is an error, not a wait without end", () => {
  const files = [{ path: "a.ts", text: "" }];
  const none = { missing: ["a.ts"], changed: [], handEdited: [], orphaned: [] };
  expect(() => writeTree("/proc/xsavekit/generated", files, none)).toThrow(
    /^\/proc\/.*: cannot be written \(E[A-Z]+\); name a folder/,
  );
});
