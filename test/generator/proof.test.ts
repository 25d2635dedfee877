/** The proof must notice every change to what the generator is about to write. */

import { expect, test } from "vitest";
import { ProofError } from "../../src/generator/module-lines.ts";
import { proveCopies, proveModule } from "../../src/generator/prove-straight-line.ts";
import { regionsOf } from "../../src/generator/region-copy.ts";
import { bodyRenderer } from "../../src/generator/render-body.ts";
import { groupsFor, type GroupSpec } from "../../src/generator/saver-spec.ts";
import type { X87Pointers } from "../../src/isa/vendor-behaviour.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import type { SaveFamily } from "../../src/runtime/save-plan.ts";
import { loadModel } from "../model/model-files.ts";
import { changes, stepOver } from "./token-changes.ts";
import { copiesText, moduleText, TEMPLATE, TEMPLATES } from "./load-savers.ts";

const PATH = "savers/test.ts";

function groups(cpu: ProcessorDescription, rfbm: bigint, families: readonly SaveFamily[], rule?: X87Pointers): GroupSpec[] {
  const described = rule ? { ...cpu, quirks: { ...cpu.quirks, x87Pointers: rule } } : cpu;
  return groupsFor(described, [{ name: "test", rfbm, families, xinuseClasses: [7n & rfbm] }]);
}

/** Every kind of segment, every x87-pointer rule, every header and both clears. */
const CASES: readonly (readonly [string, GroupSpec[]])[] = [
  ["XSAVE, pointers zero unless ES", groups(loadModel("amd-zen-3"), 0x207n, ["XSAVE"], "zero-unless-es")],
  ["XSAVE, opmask and PKRU moved", groups(loadModel("intel-tiger-lake"), 0x2e7n, ["XSAVE"])],
  ["XSAVEOPT, pointers kept unless ES", groups(loadModel("amd-bulldozer"), 0x4000000000000007n, ["XSAVEOPT"], "kept-unless-es")],
  ["XSAVEC, pointers saved", groups(loadModel("intel-tiger-lake"), 0x2e7n, ["XSAVEC", "XSAVES"], "saved")],
  [
    "XSAVES with PT, UINTR and LBR",
    groups(loadModel("intel-sapphire-rapids"), 0x2e7n | (loadModel("intel-sapphire-rapids").xssSupported & 0xc100n), ["XSAVES"]),
  ],
];

function provesModule(text: string, specs: readonly GroupSpec[]): void {
  proveModule(PATH, text, specs);
}

function provesCopies(text: string, specs: readonly GroupSpec[]): void {
  proveCopies("savers/test-copies.ts", text, regionsOf(specs), 1);
}

function refusal(text: string, specs: readonly GroupSpec[], prove = provesModule): string | undefined {
  try {
    prove(text, specs);
    return undefined;
  } catch (error) {
    if (error instanceof ProofError) return error.message;
    throw error;
  }
}

test.each(CASES)("no changed number, view, name or operator of a module passes: %s", { timeout: 120_000 }, (label, specs) => {
  const text = moduleText(specs);
  expect(proveModule(PATH, text, specs)).toBe(specs.flatMap((each) => each.forms).length);
  const all = changes(text);
  const step = stepOver(all);
  const survivors: string[] = [];
  let tried = 0;
  for (let i = label.length % step; i < all.length; i += step) {
    const { start, end, to } = all[i]!;
    tried++;
    if (refusal(text.slice(0, start) + to + text.slice(end), specs) === undefined) {
      const lineStart = text.lastIndexOf("\n", start) + 1;
      survivors.push(
        `${text.slice(lineStart, text.indexOf("\n", start)).trim().slice(0, 100)}: ${text.slice(start, end)} -> ${to}`,
      );
    }
  }
  console.log(`proof, ${label}: ${tried} of ${all.length} changes refused`);
  expect(survivors).toEqual([]);
  expect(tried).toBeGreaterThan(60);
});

test("no changed number, name or operator of a region's copy passes, in either of its texts", { timeout: 60_000 }, () => {
  const specs = CASES.flatMap(([, each]) => each);
  const text = copiesText(specs);
  expect(refusal(text, specs, provesCopies)).toBeUndefined();
  // The second texts are the same but for the functions' names, which the proof looks at.
  const second = copiesText(specs, 2);
  expect(second.replaceAll(/(return function \w+_)2\(/g, "$11(")).toBe(text);
  expect(refusal(second, specs, provesCopies)).toMatch(/_1\b.*_2\b/s);
  proveCopies("savers/test-copies.ts", second, regionsOf(specs), 2);
  const all = changes(text);
  const step = process.env["XSAVEKIT_FULL"] === "1" ? 1 : 64;
  const survivors: string[] = [];
  for (let i = 0; i < all.length; i += step) {
    const { start, end, to } = all[i]!;
    if (refusal(text.slice(0, start) + to + text.slice(end), specs, provesCopies) === undefined)
      survivors.push(`${text.slice(start - 30, end + 10)} -> ${to}`);
  }
  console.log(
    `proof, copies of ${regionsOf(specs).length} regions: ${Math.ceil(all.length / step)} of ${all.length} changes refused`,
  );
  expect(survivors).toEqual([]);
  expect(all.length).toBeGreaterThan(1000);
  for (const [from, to] of [
    ["processor & P", "offset & P"],
    ["(offset & M)", "offset"],
    ["registers.blockMask", "registers.blockSize"],
    ["areas.offsetMask", "areas.end"],
    ["const t = ((processor & P) * B) >>> 3;\n", ""],
    ["  texts: [\n", "  texts: [\n        () => () => undefined,\n"],
    ["return function copy_0_416_1", "return function copy_0_416_2"],
  ] as const) {
    expect(text).toContain(from);
    expect(refusal(text.replace(from, to), specs, provesCopies), `${from} -> ${to}`).toMatch(/^savers\/test-copies/);
  }
});

test.each(CASES)("a missing, doubled or swapped statement of a save function does not pass: %s", (_, specs) => {
  const text = moduleText(specs);
  const lines = text.split("\n");
  const isStatement = (line: string | undefined): boolean => /^ {6}\w.*;$/.test(line ?? "");
  const inBody = lines.map((line, i) => (isStatement(line) ? i : -1)).filter((i) => i >= 0);
  expect(inBody.length).toBeGreaterThan(30);
  const survivors: string[] = [];
  const step = process.env["XSAVEKIT_FULL"] === "1" ? 1 : 8;
  for (const i of inBody.filter((_line, n) => n % step === 0)) {
    const line = lines[i]!;
    const swapped = isStatement(lines[i + 1]) ? [lines.toSpliced(i, 2, lines[i + 1]!, line)] : [];
    for (const changed of [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line), ...swapped]) {
      if (changed.join("\n") !== text && refusal(changed.join("\n"), specs) === undefined) survivors.push(line);
    }
  }
  expect(survivors).toEqual([]);
});

test("no changed number or name of the template passes", { timeout: 60_000 }, () => {
  const places = [
    ...TEMPLATE.matchAll(/\b\d+\b|\b(?:low|high|base|sink|initial|initialBase|registers|areas)\b|>>>|\bR\b|\bQ\b/g),
  ].filter(({ index }) => !/\/\/[^\n]*$/.test(TEMPLATE.slice(0, index)));
  const survivors: string[] = [];
  const tried = places.filter((_, i) => process.env["XSAVEKIT_FULL"] === "1" || i % 2 === 0);
  for (const { index, 0: token } of tried) {
    const to = /^\d+$/.test(token) ? String(Number(token) + 1) : token === ">>>" ? ">>" : token === "low" ? "high" : "low";
    const changed = TEMPLATE.slice(0, index) + to + TEMPLATE.slice(index + token.length);
    const refused = CASES.some(([, specs]) => {
      try {
        return refusal(moduleText(specs, bodyRenderer({ ...TEMPLATES, "save-body.hbs": changed })), specs) !== undefined;
      } catch {
        return true; // the template no longer renders
      }
    });
    if (!refused) survivors.push(`${token} at ${index}`);
  }
  console.log(`proof: ${tried.length} of ${places.length} changes of the template refused`);
  expect(survivors).toEqual([]);
  expect(places.length).toBeGreaterThan(30);
});

const BANNED: readonly (readonly [string, string])[] = [
  ["if", "if (low) return;"],
  ["?:", "const z = low ? 1 : 2;"],
  ["for", "for (;;) {}"],
  ["while", "while (low) {}"],
  ["switch", "switch (low) {}"],
  ["&&", "const z = low && high;"],
  ["||", "const z = low || high;"],
  ["??", "const z = low ?? high;"],
  ["?.", "U?.set(v, 0);"],
  ["&&=", "low &&= high;"],
  ["spread", "U.set(...v);"],
  ["try", "try { low; } finally {}"],
  ["throw", "throw low;"],
  ["return", "return low;"],
  ["arrow", "const z = () => 1;"],
  ["closure", "const z = function () {};"],
  ["eval", "eval(low);"],
  ["other call", "U.fill(0);"],
  ["recursion", "save(processor, offset);"],
  ["new", "new Uint8Array(8);"],
  ["let", "let z = 1;"],
  ["comma", "const z = (low, high);"],
  ["comparison", "const z = low < high;"],
  ["typeof", "const z = typeof low;"],
  ["await", "await low;"],
  ["template literal", "const z = `a`;"],
  ["regular expression", "const z = /a/;"],
  ["object", "const z = {};"],
  ["assignment", "low = 1;"],
  ["+=", "Q[w] += 1;"],
  ["++", "low++;"],
];
const [, banned] = CASES[3]!;
const plain = moduleText(banned);
const bodyAt = plain.indexOf("areas.check(");

test.each(BANNED)("%s in a save function is refused with its place", (_, statement) => {
  const text = `${plain.slice(0, bodyAt)}${statement}\n      ${plain.slice(bodyAt)}`;
  const line = plain.slice(0, bodyAt).split("\n").length;
  expect(refusal(text, banned)).toMatch(new RegExp(`^savers/test\\.ts:${line}:\\d+: `));
});

test.each([
  ["default value", "(processor, offset = 0)"],
  ["pattern", "(processor, { offset })"],
  ["rest", "(processor, ...offset)"],
  ["another parameter", "(processor, offset, more)"],
  ["no parameter", "(processor)"],
])("%s in the parameters of a save function is refused with its place", (_, parameters) => {
  const text = plain.replace(/(return function \w+)\(processor, offset\)/, `$1${parameters}`);
  expect(text).not.toBe(plain);
  expect(refusal(text, banned)).toMatch(/^savers\/test\.ts:\d+:\d+: /);
});

test.each([
  ["a statement beside the savers", (text: string) => `${text}\nconsole.log(1);\n`],
  ["a second import", (text: string) => text.replace("\n", '\nimport "node:fs";\n')],
  [
    "a second declaration",
    (text: string) => text.replace(/export const (\w+_all): SaverForm = /, "export const $1: SaverForm = x, y = "),
  ],
  [
    "another statement in bind",
    (text: string) => text.replace("    const Q = areas.i32;", "    const Q = areas.i32;\n    globalThis.x = 1;"),
  ],
  ["an async save function", (text: string) => text.replace("return function", "return async function")],
  ["a generator", (text: string) => text.replace("return function ", "return function* ")],
  ["another maker", (text: string) => text.replace("saverForm(\n", "Object.freeze(\n")],
  ["something else in place of a saver's function", (text: string) => text.replace(/\n {2}\},\n\);/, "\n  },\n  0,\n);")],
  ["a group of more", (text: string) => text.replace(/(saverGroup\([^;]*)\n\);/, "$1\n  0,\n);")],
  [
    "a saver that is not planned",
    (text: string) => text.replace(/(export const \w+)(: SaverGroup)/, "export const more: SaverForm = saverForm(0);\n$1$2"),
  ],
  ["text that does not parse", (text: string) => text.replace("areas.check(", "areas.check((")],
])("%s is refused", (_, change) => {
  const text = change(plain);
  expect(text).not.toBe(plain);
  expect(refusal(text, banned)).toMatch(/^savers\/test\.ts/);
});

test.each([
  ["a name that is not bound", "    const Q = areas.i32;\n", "", /uses Q, which is not declared$/],
  ["a name used before its constant", "      const place = offset & M;\n", "", /uses place, which is not declared$/],
  ["a constant that uses itself", "const place = offset & M;", "const place = place & M;", /uses place, which is not declared$/],
  ["a global name", "Q[w + 130] =", "Q[globalThis + 130] =", /uses globalThis, which is not declared$/],
  ["a name that the module imports", "Q[w + 130] =", "Q[saverForm + 130] =", /uses saverForm, which is not declared$/],
  ["a constant of the same name", "const w = place >>> 2;", "const w = place >>> 2;\n      const w = 0;", /declares w again$/],
  ["a constant that hides a parameter", "const w = place >>> 2;", "const processor = 0;", /declares processor again$/],
  ["a constant that hides a view", "const w = place >>> 2;", "const Q = place >>> 2;", /declares Q again$/],
  ["a constant that hides an import", "const w = place >>> 2;", "const copy_0_416 = 0;", /declares copy_0_416 again$/],
  ["a view that is bound twice", "    const M = areas", "    const Q = areas.i32;\n    const M = areas", /declares Q again$/],
  [
    "a copy that is not imported",
    "copy(copy_0_416, areas)",
    "copy(copy_0_424, areas)",
    /uses copy_0_424, which is not imported$/,
  ],
] as const)("%s in a saver is refused with its name and place", (_, from, to, message) => {
  const at = plain.indexOf(from);
  expect(at).toBeGreaterThan(0);
  const refused = refusal(plain.slice(0, at) + to + plain.slice(at + from.length), banned) ?? "nothing";
  expect(refused).toMatch(/^savers\/test\.ts:\d+:\d+: xsavec_rfbm_2e7_\w+ /);
  expect(refused).toMatch(message);
});

test("the place of an undeclared name is its own", () => {
  const at = plain.indexOf("Q[w + 131]");
  const refused = refusal(`${plain.slice(0, at)}Q[z + 131]${plain.slice(at + 10)}`, banned);
  const before = plain.slice(0, at + 2).split("\n");
  expect(refused).toContain(`savers/test.ts:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `);
  expect(refused).toContain("uses z, which is not declared");
});

test.each([
  ["in the lines between", (text: string) => text.replace("Q[w + 128] =", "Q[w + 128] = /*\n      */")],
  ["a statement over two lines", (text: string) => text.replace("Q[w + 128] =", "Q[w + 128] =\n     ")],
  ["a statement without its end", (text: string) => text.replace(/(Q\[w \+ 128\] = \S+);/, "$1")],
  ["a body on one line", (text: string) => text.replace(/(return function \w+\(processor, offset\) \{)[^}]*\}/, "$1}")],
  ["a body behind its brace", (text: string) => text.replace("(processor, offset) {\n", "(processor, offset) { evil(); //\n")],
  ["two functions", (text: string) => text.replace("    };\n  },", "    };\n    return function x() {\n    };\n  },")],
  ["a function in a comment", (text: string) => text.replace("\n\n/**", "\n/*\n    bind(registers, areas) {\n    };\n*/\n\n/**")],
])("a body that is not laid out as it is read is refused: %s", (_, change) => {
  const text = change(plain);
  expect(text).not.toBe(plain);
  expect(refusal(text, banned)).toMatch(/^savers\/test\.ts/);
});
