/** What every verb prints with `--json` against the README's types. */

import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { VERBS } from "../../src/cli/verb-list.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { CoreWriter } from "../formats/core-writer.ts";
import { differences, documentedShapes, neverMet } from "./documented-shapes.ts";
import { AIDA_DUMP, CPUID_R_DUMP, REPOSITORY, xsavekit } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-shapes-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const shapes = documentedShapes();

const { area } = JSON.parse(readFileSync(join(REPOSITORY, "test/image/fixtures/zen5-core-area.json"), "utf8"));
writeFileSync(path("zen5.bin"), Buffer.from(area, "hex"));

/** Runs each with `--json` and gives the values; `exit` are the codes that may come. */
function printed(runs: readonly (readonly string[])[], exit: readonly number[]): unknown[] {
  return runs.map((args) => {
    const { code, out, err } = xsavekit([...args, "--json"]);
    if (code === null || !exit.includes(code)) throw new Error(`${args.join(" ")} ends with ${code}: ${err}`);
    return JSON.parse(out);
  });
}

/** Holds values against a type; all of its members must come up in one of them but for those named in `absent`. */
function expectShape(name: string, values: readonly unknown[], absent: readonly string[] = []): void {
  const type = shapes.get(name);
  if (!type) throw new Error(`the README has no type ${name}`);
  const met = new Set<typeof type>();
  expect(values.flatMap((value) => differences(value, type, shapes, met))).toEqual([]);
  expect(neverMet(type, met)).toEqual(absent);
}

test("every verb has a type of its name", () => {
  const capital = (name: string): string => name.replace(/^./, (letter) => letter.toUpperCase());
  expect([...shapes.keys()]).toEqual(expect.arrayContaining(VERBS.map(({ name }) => capital(name))));
});

test("models, show, what and compare", () => {
  expectShape("Models", printed([["models"]], [0]));
  const shown = [
    ["show", "intel-sapphire-rapids", "--buffers"],
    ["show", "amd-bulldozer", "--mask", "0x7"],
  ];
  expectShape("Show", printed(shown, [0]));
  const sizes = [
    ["what", "2440"],
    ["what", "832"],
    ["what", "4096"],
    ["what", "2441"],
  ];
  expectShape("What", printed(sizes, [0, 1]));
  expectShape("Compare", printed([["compare", "amd-zen-4", "intel-tiger-lake"]], [1]));
});

test("import, probe and lint", () => {
  const damaged = path("damaged.txt");
  writeFileSync(damaged, readFileSync(join(REPOSITORY, CPUID_R_DUMP), "utf8").replace("ebx=0x00000240", "ebx=0x00000241"));
  const imported = printed(
    [
      ["import", AIDA_DUMP],
      ["import", damaged],
    ],
    [0, 1],
  );
  expectShape("Import", imported, ["diagnostics[]"]);
  const model = path("wrong.yaml");
  writeFileSync(model, "id: wrong\nname: [\n");
  expectShape("Lint", printed([["lint", damaged, model]], [1, 2]), ["files[].diagnostics[].offset"]);
  const probe = xsavekit(["probe", "--json"]);
  if (probe.code === 2) console.log(`probe --json was not looked at: ${probe.err.trim()}`);
  else expect(differences(JSON.parse(probe.out), shapes.get("Probe")!, shapes, new Set())).toEqual([]);
});

test("generate, and --check with each of its findings", () => {
  const out = path("savers");
  const generate = ["generate", "amd-zen-4", "amd-zen-5", "--out", out];
  // Into an empty folder; what the other lists hold, --check shows.
  expectShape("Generate", printed([[...generate, "--explain"]], [0]), ["changed[]", "handEdited[]", "orphaned[]"]);
  const [missing = "", changed = "", edited = ""] = readdirSync(join(out, "savers")).map((name) => join(out, "savers", name));
  copyFileSync(edited, changed);
  copyFileSync(edited, join(out, "savers", "no-longer.ts"));
  rmSync(missing);
  writeFileSync(edited, `${readFileSync(edited, "utf8")}// by hand\n`);
  expectShape("GenerateCheck", printed([[...generate, "--check"]], [1]));
});

test("inspect, convert and portable", () => {
  const image = path("zen5.bin");
  const core = new CoreWriter("x86-64").thread(41, { signal: 11, general: Array.from({ length: 27 }, (_, i) => BigInt(i)) });
  core.note("LINUX", 0x202, new Uint8Array(100));
  writeFileSync(path("a.core"), core.bytes());
  const inspections = [
    ["inspect", image],
    ["inspect", image, "--registers", "zmm0,k1", "--format", "int32", "--model", "intel-ice-lake-server"],
    ["inspect", path("a.core")],
  ];
  // Neither file has tiles, components without a name, or two layouts that fit.
  const tiles = ["tile", "rows", "columnBytes", "contents[]"].map((member) => `tiles[].${member}`);
  const thread = ["pid", "name", "exception", "raw[]", ...tiles].map((member) => `threads[].${member}`);
  const absent = ["layout.alternatives[].map", "layout.alternatives[].sharedBy[]", ...thread];
  expectShape("Inspect", printed(inspections, [0]), absent);
  writeFileSync(path("short.core"), Buffer.from("\x7fELF\x02\x01\x01", "latin1"));
  const [list] = printed([["inspect", path("short.core"), path("none.core")]], [2]);
  expectShape("Failed", list as unknown[], ["error.line", "error.column"]);
  const out = ["--out", path("converted")];
  const conversions = [
    ["convert", image, "--to", "intel-skylake-client", "--allow-drop", "opmask,ZMM_Hi256,Hi16_ZMM", ...out],
    ["convert", image, "--to", "intel-skylake-client", ...out],
  ];
  expectShape("Convert", printed(conversions, [0, 1]));
  const moves = [
    ["portable", "intel-tiger-lake", "amd-zen-4"],
    ["portable", image, "intel-skylake-client"],
  ];
  expectShape("Portable", printed(moves, [1]), ["image.layout.warnings[]"]);
});

test("verify of recorded executions", () => {
  const lines = readFileSync(join(REPOSITORY, "test/verify/sample.jsonl"), "utf8").trim().split("\n");
  const save = lines.map((line) => JSON.parse(line)).find(({ after, fault }) => typeof after === "string" && fault === null);
  const flipped = save.after.slice(0, 2) === "00" ? "01" : "00";
  lines.push(JSON.stringify({ ...save, after: flipped + save.after.slice(2) }));
  writeFileSync(path("one-wrong.jsonl"), lines.join("\n"));
  expectShape("Verify", printed([["verify", path("one-wrong.jsonl")]], [1]), ["skippedBy[]"]);
});

const oracle = buildOracle();
if (!oracle.available) console.log(`verify --json on this CPU was not looked at: ${oracle.reason}`);

describe.skipIf(!oracle.available)("this CPU", () => {
  test("verify", () => {
    const [value] = printed([["verify", "--cases", "200"]], [0]);
    expect(differences(value, shapes.get("VerifyHere")!, shapes, new Set())).toEqual([]);
  });
});
