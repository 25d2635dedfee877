/** The proof of restores must notice every change to what the generator is about to write. */

import { expect, test } from "vitest";
import { ProofError } from "../../src/generator/module-lines.ts";
import { loadRegionsOf } from "../../src/generator/load-region.ts";
import { proveLoads } from "../../src/generator/prove-loads.ts";
import { proveRestores } from "../../src/generator/prove-restores.ts";
import { bodyRenderer } from "../../src/generator/render-body.ts";
import { restoresFor, type RestoreSpec } from "../../src/generator/restore-spec.ts";
import { loadModel } from "../model/model-files.ts";
import { loadsText, RESTORE_TEMPLATE, restoresText, TEMPLATES } from "./load-savers.ts";
import { changes, stepOver } from "./token-changes.ts";

const PATH = "restores/test.ts";
const COMPACTED = 1n << 63n;
const sapphireRapids = loadModel("intel-sapphire-rapids");
const supervisor = sapphireRapids.xssSupported & 0xcd00n;

/** LWP behind AVX-512: a whole with neighbours to merge has an upper word, which no CPU's has. */
const withLwp = {
  ...sapphireRapids,
  components: [
    ...sapphireRapids.components,
    ...loadModel("amd-bulldozer").components.flatMap((row) => (row.index === 62 ? [{ ...row, standardOffset: 11_008 }] : [])),
  ],
};

/** Both formats, element moves of both sizes, contents of supervisor state, a layout wider and one narrower than RFBM, upper words. */
const CASES: readonly (readonly [string, RestoreSpec[]])[] = [
  ["standard, APX before AVX-512", restoresFor(loadModel("intel-diamond-rapids"), [{ rfbm: 0x802e7n, xcompBv: 0n }])],
  ["compacted, PKRU of 64 bytes", restoresFor(loadModel("amd-zen-2"), [{ rfbm: 0x207n, xcompBv: COMPACTED | 0x207n }])],
  ["LWP in the upper word", restoresFor(loadModel("amd-bulldozer"), [{ rfbm: 0x4000000000000007n, xcompBv: 0n }])],
  [
    "XRSTORS with PT, UINTR and LBR",
    restoresFor(sapphireRapids, [{ rfbm: 0x2e7n | supervisor, xcompBv: COMPACTED | 0x2e7n | supervisor }]),
  ],
  ["small runs by elements", restoresFor(loadModel("intel-tiger-lake"), [{ rfbm: 0x802n, xcompBv: COMPACTED | 0x802n }])],
  ["x87 without SSE, neighbours and the upper word", restoresFor(withLwp, [{ rfbm: 0x40000000000000e5n, xcompBv: 0n }])],
  [
    "RFBM is not XCOMP_BV",
    restoresFor(sapphireRapids, [
      { rfbm: 0x26n, xcompBv: COMPACTED | 0x2e7n | supervisor },
      { rfbm: 0x2e7n, xcompBv: COMPACTED | 7n },
    ]),
  ],
];

function provesRestores(text: string, specs: readonly RestoreSpec[]): void {
  proveRestores(PATH, text, specs);
}

function provesLoads(text: string, specs: readonly RestoreSpec[]): void {
  proveLoads("restores/test-loads.ts", text, loadRegionsOf(specs));
}

function refusal(text: string, specs: readonly RestoreSpec[], prove = provesRestores): string | undefined {
  try {
    prove(text, specs);
    return undefined;
  } catch (error) {
    if (error instanceof ProofError) return error.message;
    throw error;
  }
}

test.each(CASES)("no changed number, name or operator of a module passes: %s", (label, specs) => {
  const text = restoresText(specs);
  expect(proveRestores(PATH, text, specs)).toBe(specs.length);
  const all = changes(text);
  const step = stepOver(all);
  const survivors: string[] = [];
  let tried = 0;
  for (let i = label.length % step; i < all.length; i += step) {
    const { start, end, to } = all[i]!;
    tried++;
    if (refusal(text.slice(0, start) + to + text.slice(end), specs) !== undefined) continue;
    const lineStart = text.lastIndexOf("\n", start) + 1;
    survivors.push(`${text.slice(lineStart, text.indexOf("\n", start)).trim()}: ${text.slice(start, end)} -> ${to}`);
  }
  console.log(`proof of restores, ${label}: ${tried} of ${all.length} changes refused`);
  expect(survivors).toEqual([]);
  expect(tried).toBeGreaterThan(60);
});

test("no changed number, name or operator of a region's load passes, in any of its texts", { timeout: 600_000 }, () => {
  const specs = CASES.flatMap(([, each]) => each);
  const text = loadsText(specs);
  expect(new Set(loadRegionsOf(specs).map(({ kind }) => kind))).toEqual(new Set(["load", "initial", "legacy"]));
  expect(refusal(text, specs, provesLoads)).toBeUndefined();
  const all = changes(text);
  const step = process.env["XSAVEKIT_FULL"] === "1" ? 1 : 64;
  const survivors: string[] = [];
  for (let i = 0; i < all.length; i += step) {
    const { start, end, to } = all[i]!;
    if (refusal(text.slice(0, start) + to + text.slice(end), specs, provesLoads) === undefined)
      survivors.push(`${text.slice(start - 30, end + 10)} -> ${to}`);
  }
  expect(survivors).toEqual([]);
  expect(all.length).toBeGreaterThan(1000);
  for (const [from, to] of [
    ["control(R, Q, f, w, unused, -1, kept);", "control(R, Q, f, w, unused, 0, kept);"],
    ["s[t + 18] = d[q + 18]!;", ""],
    ["R[f + 10] = Q[w + 10]! & 65535;", "R[f + 10] = Q[w + 10]!;"],
    ["R[f + 39] = 0;", ""],
    ["registers.loadX87Control", "registers.x87"],
    ["registers.pointersKeptUnlessEs", "registers.unusedPointerBits"],
    ["registers.initialBase >>> 3", "registers.blockSize >>> 3"],
    ["texts: [", "of: 1, texts: ["],
    ["(registers) => {", "(registers, areas) => {"],
    ["_1(processor) {", "_1(processor, offset) {"],
  ] as const) {
    expect(text).toContain(from);
    expect(refusal(text.replace(from, to), specs, provesLoads), `${from} -> ${to}`).toMatch(/^restores\/test-loads/);
  }
});

test.each(CASES)("a missing, doubled or swapped line of a restore does not pass: %s", (_, specs) => {
  const text = restoresText(specs);
  const lines = text.split("\n");
  const survivors: string[] = [];
  const step = process.env["XSAVEKIT_FULL"] === "1" ? 1 : 4;
  const isCode = (line: string | undefined): boolean => line !== undefined && /^ {10,}[^/\s].*[;{]$/.test(line);
  lines.forEach((line, i) => {
    if (i % step !== 0 || !isCode(line)) return;
    const changed = [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line)];
    if (isCode(lines[i + 1])) changed.push(lines.toSpliced(i, 2, lines[i + 1]!, line));
    for (const each of changed) if (refusal(each.join("\n"), specs) === undefined) survivors.push(line);
  });
  expect(survivors).toEqual([]);
});

test("no changed number or name of the template passes", () => {
  const places = [
    ...RESTORE_TEMPLATE.matchAll(
      /\b\d+\b|\b(?:low|high|base|initial|registers|areas|area|all|whole|parts|x87)\b|>>>|\bR\b|\bQ\b|===|!==/g,
    ),
  ].filter(({ index }) => !/(\/\/[^\n]*|\{\{[^}]*)$/.test(RESTORE_TEMPLATE.slice(0, index)));
  const swapped: Readonly<Record<string, string>> = { ">>>": ">>", "===": "!==", "!==": "===", low: "high" };
  const tried = places.filter((_, i) => process.env["XSAVEKIT_FULL"] === "1" || i % 3 === 0);
  const survivors = tried.filter(({ index, 0: token }) => {
    const to = /^\d+$/.test(token) ? String(Number(token) + 1) : (swapped[token] ?? "low");
    const changed = RESTORE_TEMPLATE.slice(0, index) + to + RESTORE_TEMPLATE.slice(index + token.length);
    const render = bodyRenderer({ ...TEMPLATES, "restore-body.hbs": changed });
    return !CASES.some(([, specs]) => refusal(restoresText(specs, render), specs) !== undefined);
  });
  console.log(`proof of restores: ${tried.length} of ${places.length} changes of the template refused`);
  expect(survivors.map(({ 0: token, index }) => `${token} at ${index}`)).toEqual([]);
  expect(places.length).toBeGreaterThan(40);
});

const [, specs] = CASES[1]!;
const plain = restoresText(specs);
const bodyAt = plain.indexOf("const base = registers.base(");

test.each([
  ["a loop", "for (;;) {}"],
  ["while", "while (low) {}"],
  ["another branch", "if (low) return 0;"],
  ["&&", "const z = low && high;"],
  ["try", "try { low; } finally {}"],
  ["throw", "throw low;"],
  ["early return", "return 0;"],
  ["closure", "const z = () => 1;"],
  ["other call", "U.fill(0);"],
  ["new", "new Uint8Array(8);"],
  ["let", "let z = 1;"],
  ["+=", "R[0] += 1;"],
])("%s in a restore is refused with its place", (_, statement) => {
  const text = `${plain.slice(0, bodyAt)}${statement}\n      ${plain.slice(bodyAt)}`;
  const line = plain.slice(0, bodyAt).split("\n").length;
  expect(refusal(text, specs)).toMatch(new RegExp(`^restores/test\\.ts:${line}:\\d+: `));
});

test.each([
  ["a statement beside the restores", (text: string) => `${text}\nconsole.log(1);\n`],
  ["a default value", (text: string) => text.replace("(processor, offset) {", "(processor, offset = 0) {")],
  ["an async function", (text: string) => text.replace("return function", "return async function")],
  ["another binding", (text: string) => text.replace("const Q = areas.i32;", "const Q = areas.i32;\nglobalThis.x = 1;")],
  ["another maker", (text: string) => text.replace("restoreRoutine({", "Object.freeze({")],
  ["text that does not parse", (text: string) => text.replace("areas.accepts(", "areas.accepts((")],
])("%s is refused", (_, change) => {
  const text = change(plain);
  expect(text).not.toBe(plain);
  expect(refusal(text, specs)).toMatch(/^restores\/test\.ts/);
});

test.each([
  ["a name that is not bound", "    const Q = areas.i32;\n", "", /uses Q, which is not declared$/],
  ["a name of another block", "const area = parts.at(place);", "", /uses area, which is not declared$/],
  ["a global name", "(low & 1) !== 0", "(globalThis & 1) !== 0", /uses globalThis, which is not declared$/],
  ["a constant that hides another", "const all = whole.at(place);", "const place = whole.at(place);", /declares place again$/],
  ["a constant that hides an import", "const all = whole.at(place);", "const load_legacy = 0;", /declares load_legacy again$/],
  ["a view that is bound twice", "    const M = areas", "    const Q = areas.i32;\n    const M = areas", /declares Q again$/],
] as const)("%s in a restore is refused with its name and place", (_, from, to, message) => {
  const [, wide] = CASES[3]!;
  const text = restoresText(wide);
  const at = text.indexOf(from);
  expect(at).toBeGreaterThan(0);
  const refused = refusal(text.slice(0, at) + to + text.slice(at + from.length), wide) ?? "nothing";
  expect(refused).toMatch(/^restores\/test\.ts:\d+:\d+: xrstor\w+ /);
  expect(refused).toMatch(message);
});

test("a name that a region's load does not declare is refused with its name and place", () => {
  const text = loadsText(specs);
  for (const [from, to, message] of [
    ["const t = (", "const u = (", /uses t, which is not declared$/],
    ["      const B = registers.blockSize;\n", "", /uses B, which is not declared$/],
    ["const t = (", "const s = 0;\n        const t = (", /declares s again$/],
  ] as const) {
    expect(text).toContain(from);
    const refused = refusal(text.replace(from, to), specs, provesLoads) ?? "nothing";
    expect(refused).toMatch(/^restores\/test-loads\.ts:\d+:\d+: \w+ /);
    expect(refused).toMatch(message);
  }
});
