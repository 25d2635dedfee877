import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { xsavekit, xsavekitJson, xsavekitProcess } from "./run-cli.ts";

const VECTORS = fileURLToPath(new URL("../../../shared/vectors/bochs-corei7_sandy_bridge_2600k.jsonl.gz", import.meta.url));
const SKIPPED = existsSync(VECTORS) ? undefined : `skipped: no recorded executions in ${VECTORS}`;
if (SKIPPED) console.log(SKIPPED);

const folder = mkdtempSync(join(tmpdir(), "xsavekit-verify-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Save {
  readonly id: string;
  readonly after: string;
}

/** Some saves of the collection that write an area. */
function saves(): Save[] {
  const lines = gunzipSync(readFileSync(VECTORS)).toString("utf8").trim().split("\n");
  return lines
    .map((line) => JSON.parse(line))
    .filter(({ after, fault, rfbm }) => after !== undefined && fault === null && rfbm === "0x7")
    .slice(0, 4);
}

test.skipIf(SKIPPED !== undefined)("verify: recorded executions pass, a changed byte is a finding", () => {
  const good = join(folder, "good.jsonl");
  const records = saves();
  writeFileSync(good, records.map((record) => JSON.stringify(record)).join("\n"));
  const passing = xsavekitJson(["verify", good]);
  expect(passing).toMatchObject({ code: 0, value: { passed: records.length, failed: 0, skipped: 0, failures: [] } });
  expect(Object.keys(passing.value)).toEqual(expect.arrayContaining(["deviating", "bySaver", "byInstruction"]));
  expect(xsavekit(["verify", good]).out).toMatch(/^4 passed, 0 failed\n/);

  const bad = join(folder, "bad.jsonl");
  const [first] = records;
  if (!first) throw new Error("the collection has no such save");
  // Byte 576, the first of AVX.
  const changed = first.after[1152] === "0" ? "1" : "0";
  writeFileSync(bad, JSON.stringify({ ...first, after: `${first.after.slice(0, 1152)}${changed}${first.after.slice(1153)}` }));
  const failing = xsavekitJson(["verify", bad]);
  expect(failing).toMatchObject({
    code: 1,
    value: {
      passed: 0,
      failed: 1,
      failures: expect.arrayContaining([expect.objectContaining({ id: first.id, component: "AVX", offset: 576 })]),
    },
  });
  const text = xsavekit(["verify", bad]);
  expect(text.code).toBe(1);
  expect(text.out).toMatch(/^0 passed, 1 failed\n/);
  expect(text.out).toContain(`FAILED ${first.id}: AVX at 576: expected `);
});

test("verify: what cannot be read is refused", () => {
  const text = join(folder, "text.jsonl");
  writeFileSync(text, "no JSON\n");
  const empty = join(folder, "empty.jsonl");
  writeFileSync(empty, "\n");
  for (const args of [
    ["verify", join(folder, "none.jsonl")],
    ["verify", text],
    ["verify", empty],
    ["verify", "--cases", "0"],
  ]) {
    const { code, out, err } = xsavekit(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  }
});

test("verify: without files this CPU is asked, or the reason given why it cannot be", () => {
  const build = buildOracle();
  const { code, out, err } = xsavekit(["verify", "--cases", "200"]);
  if (build.available) {
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ passed, 0 failed/);
    expect(xsavekitJson(["verify", "--cases", "200", "--seed", "2"]).value).toMatchObject({
      failed: 0,
      failures: [],
      deviating: {},
      byInstruction: { XSAVE64: expect.any(Number), XRSTOR64: expect.any(Number) },
      bySaver: { generated: expect.any(Number), general: expect.any(Number) },
    });
  } else {
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("this CPU cannot be asked: ");
  }
});

test("verify: without a C compiler it says so", () => {
  const { code, out, err } = xsavekitProcess(["verify", "--cases", "10"], "", { PATH: "/nonexistent" });
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/^xsavekit: this CPU cannot be asked: [^\n]+; name files with recorded executions instead\n$/);
});

test("verify --emit-suite: writes a suite once, and refuses a folder that holds something else", () => {
  const suite = join(folder, "suite");
  const { code, value } = xsavekitJson(["verify", "--emit-suite", suite]);
  expect(code).toBe(0);
  expect(value).toMatchObject({ folder: suite, cases: expect.any(Number), files: value.written });
  expect(xsavekit(["verify", "--emit-suite", suite]).out).toContain(", 0 written; see ");
  for (const args of [
    ["verify", "--emit-suite", folder],
    ["verify", "--emit-suite", suite, "more.jsonl"],
    ["verify", folder],
  ]) {
    const refused = xsavekit(args);
    expect([refused.code, refused.out], args.join(" ")).toEqual([2, ""]);
    expect(refused.err).toMatch(/^xsavekit: [^\n]*\n$/);
  }
});
