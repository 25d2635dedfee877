import fc from "fast-check";
import { expect, test } from "vitest";
import { printDiagnostic } from "../../src/model/diagnostic.ts";
import { readModel } from "../../src/model/read-model.ts";
import { modelText } from "./model-files.ts";

const good = modelText("intel-tiger-lake.yaml");
const rules = (text: string): string[] => [
  ...new Set(readModel(text, "intel-tiger-lake.yaml").diagnostics.map(({ rule }) => rule)),
];

test("an alias bomb is refused unexpanded, and not with ten thousand diagnostics", () => {
  const levels = Array.from({ length: 9 }, (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(", ")}]`);
  expect(rules(`l0: &l0 lol\n${levels.join("\n")}\n`)).toEqual(["yaml-anchor", "yaml-alias"]);
  const many = `${good}notes: &n text\nlist: [${Array(10_000).fill("*n").join(", ")}]\n`;
  const { diagnostics } = readModel(many, "intel-tiger-lake.yaml");
  expect(diagnostics.length).toBeLessThan(50);
});

test("nesting, length and unprintable characters are refused before parsing", () => {
  expect(rules("[".repeat(200_000))).toEqual(["yaml-too-deep"]);
  expect(rules("{a: ".repeat(50_000))).toEqual(["yaml-too-deep"]);
  expect(rules(" ".repeat(256 * 1024 + 1))).toEqual(["yaml-too-long"]);
  for (const character of ["\0", "\u0007", "\u2028", "\u202e", "\ud800", "\u0085"])
    expect(rules(`${good}# ${character}\n`)).toEqual(["bad-character"]);
});

test("line ends of other systems and a byte order mark are fine", () => {
  expect(rules(good.replaceAll("\n", "\r\n"))).toEqual([]);
  expect(rules(`\ufeff${good}`)).toEqual([]);
});

test("names never carry code, and prototypes stay as they are", () => {
  for (const name of ["*/ x", "`x`", "${x}", "{{x}}", "a\\nb", "a\\u2028b", "x'", "<script>"]) {
    expect(rules(good.replace("Intel Tiger Lake", () => `"${name}"`))).not.toEqual([]);
  }
  expect(rules(`${good}__proto__: { isModel: true }\n`)).toEqual(["bad-key"]);
  expect(({} as { isModel?: boolean }).isModel).toBeUndefined();
  for (const key of ["toString", "constructor", "hasOwnProperty", "? [a]", "? {a: 1}", "1", "null"])
    expect(rules(`${good}${key}: 1\n`)).not.toEqual([]);
});

test("a model cannot take the name of a file of the generator's own", () => {
  for (const id of ["index", "masks", "savers", "restores"]) {
    const { diagnostics } = readModel(good.replace("intel-tiger-lake", id), `${id}.yaml`);
    expect(diagnostics.map(({ rule }) => rule)).toEqual(["bad-text"]);
  }
});

test("diagnostics name no control character, whatever the file", () => {
  const file = "a\u001b[31m\u2028.yaml";
  const { diagnostics } = readModel('id: "\\e[31m"\nname: "\\0"\n', file);
  for (const diagnostic of diagnostics) expect(printDiagnostic(diagnostic)).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
});

test("nothing makes it throw", () => {
  const mangled = fc
    .tuple(
      fc.nat(good.length),
      fc.nat(12),
      fc.oneof(fc.string(), fc.constantFrom("&a ", "*a", "!!set ", "? ", "- ", "{", "]", "|", "\n", '"', "%", "---\n", "<<: ")),
    )
    .map(([at, length, text]) => good.slice(0, at) + text + good.slice(at + length));
  fc.assert(
    fc.property(mangled, (text) => {
      const { model, diagnostics } = readModel(text, "intel-tiger-lake.yaml");
      expect(model !== undefined || diagnostics.some(({ severity }) => severity === "error")).toBe(true);
      for (const { line, column } of diagnostics) expect(line === 0 ? column : line).toBeLessThanOrEqual(text.length + 1);
    }),
    { numRuns: 150 },
  );
});
