/** The conformance suite: made alike everywhere, true to the reference, replayed by ours and by its own driver in C. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findCompiler } from "../../src/verify/oracle/compile-c.ts";
import { checkCase } from "../../src/verify/suite/case-schema.ts";
import { emitSuite, suiteFiles } from "../../src/verify/suite/emit-suite.ts";
import { isRestore } from "../../src/verify/suite/suite-case.ts";
import { readManifest, readSuite } from "../../src/verify/suite/suite-manifest.ts";
import { verifyVectors } from "../../src/verify/verify-vectors.ts";
import { computedCases } from "../recordings/computed-cases.ts";

const root = mkdtempSync(join(tmpdir(), "xsavekit-suite-"));
const folder = join(root, "suite");
beforeAll(() => void emitSuite(folder));
afterAll(() => rmSync(root, { recursive: true }));

const linesOf = (file: string): string[] => readFileSync(file, "utf8").trimEnd().split("\n");

describe("what is written", () => {
  test("every case has the documented form, one id, and an instruction's worth of both origins", () => {
    const manifest = readManifest(folder);
    const ids = new Set<string>();
    let restores = 0;
    for (const { json, origin, saves, restores: restoring } of manifest?.cases ?? []) {
      const cases = linesOf(join(folder, json)).map((line) => checkCase(JSON.parse(line)));
      expect(cases.length).toBe(saves + restoring);
      for (const each of cases) {
        expect(each.origin).toBe(origin);
        ids.add(each.id);
        if (isRestore(each)) restores++;
      }
    }
    const total = manifest?.cases.reduce((sum, each) => sum + each.saves + each.restores, 0);
    expect(ids.size).toBe(total);
    expect(ids.size).toBeGreaterThan(250);
    expect(restores).toBeGreaterThan(50);
    const schema = JSON.parse(readFileSync(join(folder, "schema.json"), "utf8"));
    expect(Object.keys(schema.anyOf[0].properties)).toEqual(expect.arrayContaining(["xfd", "before", "after", "cpu"]));
  });

  test("a case of another form is refused by name", () => {
    const [line = ""] = linesOf(join(folder, "cases/computed-amd-zen-2.jsonl"));
    const good = JSON.parse(line);
    expect(() => checkCase({ ...good, after: "0" })).toThrow(/^amd-zen-2-1: "after": /);
    expect(() => checkCase({ ...good, cpu: { ...good.cpu, quirks: { x87Pointers: "other" } } })).toThrow('"cpu.quirks.');
    expect(() => checkCase({ ...good, more: 1 })).toThrow('"more"');
  });

  test("computed cases are what the reference computes now", () => {
    const wrong: string[] = [];
    for (const [id, cases] of computedCases(1)) {
      const lines = linesOf(join(folder, `cases/computed-${id}.jsonl`));
      expect(lines.length).toBe(cases.length);
      cases.forEach((each, i) => {
        if (lines[i] !== JSON.stringify(each)) wrong.push(String(each["id"]));
      });
    }
    expect(wrong, "run `npm run record`").toEqual([]);
  });

  test("the same again, without dates and places of a machine", () => {
    expect(emitSuite(folder).written).toBe(0);
    for (const { path, text } of suiteFiles()) {
      expect(text.includes(root) || /\/(?:home|tmp|work|usr)\//.test(text) || /\b20[0-9]{2}-[01][0-9]-/.test(text), path).toBe(
        false,
      );
    }
  });
});

test("our savers and restores reproduce it", { timeout: 120_000 }, async () => {
  const result = await verifyVectors(readSuite(folder));
  expect(result.failures.slice(0, 5)).toEqual([]);
  expect(result.failed).toBe(0);
  expect(result.passed).toBeGreaterThan(230);
  expect(result.bySaver.generated).toBeGreaterThan(200);
});

describe("the driver in C", () => {
  const compiler = findCompiler();
  if (compiler === undefined) console.warn("the suite's driver is not tried: no C compiler");
  const driver = join(root, "driver");
  const run = (...files: string[]): { code: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(driver, files, { encoding: "utf8" });
    return { code: status, out: stdout, err: stderr };
  };
  const compile = (): void => {
    const sources = ["driver", "this-cpu"].map((name) => join(folder, `driver/${name}.c`));
    const args = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", driver, ...sources];
    const { status, stderr } = spawnSync(compiler ?? "cc", args, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  };

  test.runIf(compiler !== undefined)("compiles without a warning, and what applies here passes", () => {
    compile();
    const texts = readdirSync(join(folder, "text")).map((name) => join(folder, "text", name));
    const { code, out } = run(...texts);
    console.log(`the suite's driver on this machine: ${out.trim().replaceAll("\n", ";")}`);
    const [, passed, failed, other] = /^(\d+) passed, (\d+) failed, (\d+) not applicable\n/.exec(out) ?? [];
    expect([code, failed]).toEqual([0, "0"]);
    const total = readManifest(folder)?.cases.reduce((sum, each) => sum + each.saves + each.restores, 0);
    expect(Number(passed) + Number(other)).toBe(total);
    const reasons = [...out.matchAll(/not applicable, .+: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect(reasons).toBe(Number(other));
  });

  test.runIf(compiler !== undefined)("finds a wrong byte, a fault too few and a damaged file", () => {
    compile();
    const recorded = readdirSync(join(folder, "text")).filter((name) => name.startsWith("recorded-"));
    const name = recorded.find((each) => / [1-9]\d* passed|^[1-9]\d* passed/.test(run(join(folder, "text", each)).out));
    if (name === undefined)
      return void console.warn("no recorded case applies to this machine: the driver's findings are not tried");
    const text = readFileSync(join(folder, "text", name), "utf8");
    const [head = "", ...cases] = text.split(/^(?=case )/m);
    const tryOne = (find: (text: string) => boolean, change: (text: string) => string): ReturnType<typeof run> => {
      const one = cases.find(find) ?? "";
      const file = join(root, "changed.txt");
      writeFileSync(file, head + change(one));
      return run(file);
    };
    const isSave = (each: string): boolean => each.includes("\nexpect-area ") && each.includes("instruction XSAVE64\n");
    const last = tryOne(isSave, (each) =>
      each.replace(/[0-9a-f]{2}\nend/, (end) => `${end.startsWith("00") ? "01" : "00"}\nend`),
    );
    expect(last.code).toBe(1);
    expect(last.out).toMatch(/^FAILED \S+: XSAVE64: area, byte \d+: expected 0[01], got [0-9a-f]{2}\n0 passed, 1 failed/);
    const sound = (each: string): boolean => each.includes("instruction XRSTOR64\n") && each.includes("expect-fault 0\n");
    expect(tryOne(sound, (each) => each.replace("expect-fault 0", "expect-fault d")).out).toContain(
      "expected vector 13 (0: none), got 0",
    );
    expect(tryOne(sound, (each) => each.replace(/(expect-state 0 )[0-9a-f]{2}/, "$155")).out).toMatch(
      /registers of component 0, byte 0/,
    );
    for (const [change, message] of [
      [(each: string) => each.slice(0, -4), "the file ends inside a case"],
      [(each: string) => each.replace(/^area ../m, "area zz"), "not a hexadecimal digit"],
      [(each: string) => each.replace(/^state 0 .*\n/m, ""), "the case has no legacy region"],
      [(each: string) => each.replace(/^row 2 /m, "row 70 "), "expected a row of leaf 0DH"],
    ] as const) {
      const { code, err } = tryOne(isSave, change);
      expect([code, err.includes(message)], `${message}: ${err}`).toEqual([2, true]);
    }
    const other = join(root, "other.txt");
    writeFileSync(other, "xsavekit-suite 2\n");
    expect(run(other)).toMatchObject({ code: 2, err: expect.stringContaining(':1: expected "xsavekit-suite 1"') });
  });
});

describe("folders", () => {
  const fresh = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  };

  test("what is not a suite is left alone", () => {
    const foreign = fresh("foreign");
    writeFileSync(join(foreign, "letter.txt"), "dear reader");
    expect(() => emitSuite(foreign)).toThrow("holds other files and no suite.json");
    expect(readdirSync(foreign)).toEqual(["letter.txt"]);
    expect(() => emitSuite(join(foreign, "letter.txt"))).toThrow("cannot be used (ENOTDIR)");
    writeFileSync(join(foreign, "suite.json"), '{"format": "other"}');
    expect(() => emitSuite(foreign)).toThrow('suite.json: "format"');
  });

  test("links do not lead out of it", () => {
    const inside = fresh("linked");
    const outside = fresh("outside");
    const manifest = readFileSync(join(folder, "suite.json"), "utf8");
    writeFileSync(join(inside, "suite.json"), manifest);
    symlinkSync(outside, join(inside, "cases"));
    expect(() => emitSuite(inside)).toThrow("is a link");
    expect(readdirSync(outside)).toEqual([]);
  });

  test("files of an earlier suite go, others and paths that lead out do not", () => {
    const old = fresh("old");
    const manifest = JSON.parse(readFileSync(join(folder, "suite.json"), "utf8"));
    mkdirSync(join(old, "cases"));
    for (const name of ["cases/gone.jsonl", "mine.txt"]) writeFileSync(join(old, name), "text");
    writeFileSync(join(old, "suite.json"), JSON.stringify({ ...manifest, files: [...manifest.files, "cases/gone.jsonl"] }));
    emitSuite(old);
    expect(existsSync(join(old, "cases/gone.jsonl"))).toBe(false);
    expect(existsSync(join(old, "mine.txt"))).toBe(true);
    for (const path of ["../mine.txt", "/etc/hostname", "a/../../b", "cases/.."]) {
      writeFileSync(join(old, "suite.json"), JSON.stringify({ ...manifest, files: [path] }));
      expect(() => emitSuite(old), path).toThrow('"files.0"');
    }
  });

  test("a suite that cannot be read is refused with what to do", () => {
    const broken = fresh("broken");
    expect(() => readSuite(broken)).toThrow(/holds no suite\.json; name a folder made by/);
    writeFileSync(join(broken, "suite.json"), "{");
    expect(() => readSuite(broken)).toThrow("is not JSON");
    const manifest = readFileSync(join(folder, "suite.json"), "utf8");
    writeFileSync(join(broken, "suite.json"), manifest.replace('"version": 1', '"version": 2'));
    expect(() => readSuite(broken)).toThrow("version 2, this xsavekit reads 1");
    writeFileSync(join(broken, "suite.json"), manifest);
    expect(() => readSuite(broken)).toThrow("cannot be read (ENOENT)");
  });
});
