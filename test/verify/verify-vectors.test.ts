import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";

import { VectorError } from "../../src/verify/record-fields.ts";
import { readVectors } from "../../src/verify/vector-record.ts";
import { verifyVectors, type VectorFile } from "../../src/verify/verify-vectors.ts";

const sample = readFileSync(new URL("sample.jsonl", import.meta.url), "utf8");
const shared = new URL("../../../shared/vectors/", import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.log("the full sets of recorded executions are not there: skipped, only test/verify/sample.jsonl is run");

const file = (text: string): VectorFile => ({ name: "sample.jsonl", bytes: new TextEncoder().encode(text) });

type Line = Record<string, unknown> & { id: string; instruction: string; after: string; deviations: string[]; cpu: unknown };
const lines = sample
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);
const lineWith = (instruction: string, deviation?: string): Line => {
  const found = lines.find((line) => line.instruction === instruction && line.deviations[0] === deviation);
  if (!found) throw new Error(`no ${instruction} in the sample`);
  return structuredClone(found);
};
const verifyLine = (line: unknown) => verifyVectors([file(`${JSON.stringify(line)}\n`)]);

/** The record with one byte of `after` inverted. */
function flipped(line: Line, offset: number): Line {
  const byte = Number.parseInt(line.after.slice(2 * offset, 2 * offset + 2), 16) ^ 0xff;
  return {
    ...line,
    after: line.after.slice(0, 2 * offset) + byte.toString(16).padStart(2, "0") + line.after.slice(2 * offset + 2),
  };
}

describe("recorded executions", () => {
  test("the sample, plain and compressed", async () => {
    const result = await verifyVectors([file(sample)]);
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ passed: lines.length, failed: 0, skipped: 0, skippedBy: {} });
    expect(Object.keys(result.byInstruction).sort()).toEqual([
      "XRSTOR64",
      "XRSTORS64",
      "XSAVE",
      "XSAVE64",
      "XSAVEC64",
      "XSAVEOPT64",
      "XSAVES64",
    ]);
    expect(Object.keys(result.deviating).sort()).toEqual([
      "components-loaded-before-fault",
      "modified-optimization",
      "pkru-reserved-bytes-kept",
      "sse-in-use-by-mxcsr",
      "x87-raw-normalized",
    ]);
    expect(result.inNmi).toBeGreaterThan(0);
    expect(result.bySaver.general).toBe(result.passed);
    // Refused restores are the general path's, and so are the 32-bit form and the modified optimisation.
    const refused = lines.filter((line) => line["fault"] !== null).length;
    expect(refused).toBeGreaterThan(2);
    expect(result.bySaver.generated).toBe(
      result.passed - refused - (result.byInstruction["XSAVE"] ?? 0) - (result.deviating["modified-optimization"] ?? 0),
    );
    expect(await verifyVectors([{ name: "sample.jsonl.gz", bytes: gzipSync(sample) }])).toEqual(result);
  }, 60_000);

  test.each([
    ["x87", 9],
    ["SSE", 200],
    ["unused", 470],
    ["header", 512],
    ["AVX", 580],
  ])("a wrong byte in %s is found at offset %i", async (component, offset) => {
    const line = flipped({ ...lineWith("XSAVE64") }, offset);
    const result = await verifyLine(line);
    expect(result).toMatchObject({ passed: 0, failed: 1, bySaver: { generated: 0, general: 0 }, byInstruction: {} });
    expect(new Set(result.failures.map((each) => each.saver))).toEqual(new Set(["generated", "general"]));
    for (const failure of result.failures) {
      expect(failure).toMatchObject({ id: line.id, file: "sample.jsonl", line: 1, component, offset });
      expect(failure.expected.slice(0, 2)).toBe(line.after.slice(2 * offset, 2 * offset + 2));
      expect(failure.got.slice(0, 2)).not.toBe(failure.expected.slice(0, 2));
    }
  });

  test.each([
    ["XSAVE64", "sse-in-use-by-mxcsr", "header"],
    ["XSAVE64", "pkru-reserved-bytes-kept", "PKRU"],
    ["XSAVEOPT64", "modified-optimization", "x87"],
  ])("%s with %s does not pass without it", async (instruction, deviation, component) => {
    const line = lineWith(instruction, deviation);
    expect((await verifyLine(line)).failed).toBe(0);
    const result = await verifyLine({ ...line, deviations: [] });
    expect(result.failed).toBe(1);
    expect(result.failures.map((each) => each.component)).toContain(component);
  });

  test.each(["sse-in-use-by-mxcsr", "pkru-reserved-bytes-kept", "modified-optimization"])(
    "a save that names %s and does not show it does not pass",
    async (deviation) => {
      const line = lineWith("XSAVE64");
      expect((await verifyLine(line)).failed).toBe(0);
      const { passed, failed, failures } = await verifyLine({ ...line, deviations: [deviation] });
      expect([passed, failed]).toEqual([0, 1]);
      expect(failures).toMatchObject([{ id: line.id, line: 1, component: "deviation", expected: deviation }]);
    },
  );

  test("a restore that names a deviation and does not show it does not pass", async () => {
    const sound = restoreLine("XRSTOR64");
    expect([sound.fault, sound.deviations]).toEqual([null, []]);
    for (const deviation of ["x87-raw-normalized", "x87-pointers-not-visible", "components-loaded-before-fault"]) {
      const { failed, failures } = await verifyLine({ ...sound, deviations: [deviation] });
      expect(failed).toBe(1);
      expect(failures).toMatchObject([{ component: "deviation", expected: deviation }]);
    }
  });

  test("a deviation that nobody knows is never passed: the record is executed, and skipped with the name", async () => {
    const line = { ...lineWith("XSAVE64"), deviations: ["new\u001bone"] };
    expect(await verifyLine(line)).toMatchObject({
      passed: 0,
      failed: 0,
      skipped: 1,
      skippedBy: { "agrees, but names a deviation that is not known: `new\\u{1b}one`": 1 },
      deviating: {},
    });
    expect((await verifyLine(flipped(line, 9))).failed).toBe(1);
    // A deviation of saves is none of a restore.
    for (const name of ["new", "sse-in-use-by-mxcsr"])
      expect(await verifyLine({ ...restoreLine("XRSTOR64"), deviations: [name] })).toMatchObject({
        passed: 0,
        failed: 0,
        skipped: 1,
        skippedBy: { [`agrees, but names a deviation that is not known: \`${name}\``]: 1 },
      });
  });

  test("a record that no CPU can have given fails by itself; the others are run", async () => {
    const sound = lineWith("XSAVEC64");
    type Rows = Record<string, Record<string, string>>;
    const edited = (edit: (line: Line, rows: Rows) => void): Line => {
      const line = structuredClone(sound);
      edit(line, (line.cpu as { leafD: Rows }).leafD);
      return line;
    };
    for (const [wrong, message] of [
      [edited((_, rows) => (rows["2"]!["eax"] = "0xffffffff")), /^the row of AVX says 4294967295 bytes; at most 1048576 are/],
      [edited((_, rows) => delete rows["2"]), /AVX/],
      [
        edited((line) => ["before", "after"].forEach((name) => (line[name] = String(line[name]).slice(0, 2 * 700)))),
        /^"before" has 700 bytes, RFBM's area \d+$/,
      ],
      [edited((_, rows) => (rows["1"]!["eax"] = "0x0")), /^sub-leaf 1 of leaf 0DH has no XSAVEC$/],
    ] as const) {
      const text = `${JSON.stringify(wrong)}\n${JSON.stringify(sound)}\n`;
      const { passed, failed, failures } = await verifyVectors([file(text)]);
      expect([passed, failed]).toEqual([1, 1]);
      expect(failures).toMatchObject([{ id: sound.id, line: 1, component: "record", got: expect.stringMatching(message) }]);
    }
  });

  test("a component that kept only some of its bytes is no modified optimisation", async () => {
    const line = lineWith("XSAVEOPT64", "modified-optimization");
    const result = await verifyLine(flipped(line, 8));
    expect(result.failures[0]).toMatchObject({ component: "x87" });
  });

  const restoreLine = (
    instruction: string,
    group?: string,
  ): Line & { stateAfter: Record<string, string>; fault: number | null } => {
    const found = lines.find(
      (line) => line.instruction === instruction && "image" in line && (group === undefined || line["group"] === group),
    );
    if (!found) throw new Error(`no ${instruction} of ${group} in the sample`);
    return structuredClone(found) as Line & { stateAfter: Record<string, string>; fault: number | null };
  };

  test.each([
    ["x87", 9],
    ["MXCSR", 24],
    ["SSE", 200],
  ])("a wrong byte of %s after a restore is found at offset %i, on both paths", async (component, offset) => {
    const line = restoreLine("XRSTORS64");
    const { legacy = "" } = line.stateAfter;
    const byte = Number.parseInt(legacy.slice(2 * offset, 2 * offset + 2), 16) ^ 0xff;
    line.stateAfter["legacy"] = legacy.slice(0, 2 * offset) + byte.toString(16).padStart(2, "0") + legacy.slice(2 * offset + 2);
    const result = await verifyLine(line);
    expect(result).toMatchObject({ passed: 0, failed: 1, bySaver: { generated: 0, general: 0 } });
    expect(result.failures.map((each) => each.saver).sort()).toEqual(["general", "generated"]);
    for (const failure of result.failures) expect(failure).toMatchObject({ id: line.id, component, offset });
  });

  test("a fault that was not recorded, one that was, and XINUSE after a restore count", async () => {
    const sound = restoreLine("XRSTORS64");
    expect((await verifyLine({ ...sound, fault: 13 })).failures[0]).toMatchObject({
      component: "fault",
      expected: "vector 13",
      got: "no fault",
    });
    const refused = restoreLine("XRSTOR64", "refused");
    expect((await verifyLine({ ...refused, fault: null })).failures[0]).toMatchObject({
      component: "fault",
      expected: "no fault",
      got: expect.stringMatching(/^vector 13 \([a-z-]+/),
    });
    const xinuse = await verifyLine({ ...sound, xinuseAfter: "0x8" });
    expect(xinuse.failures[0]).toMatchObject({ component: "XINUSE", expected: "0x8" });
  });

  test("a refused restore that loaded something else than the components before the fault is a failure", async () => {
    const line = restoreLine("XRSTOR64", "refused");
    const { legacy = "" } = line.stateAfter;
    line.stateAfter["legacy"] = `${legacy.slice(0, 400)}${"5a".repeat(16)}${legacy.slice(432)}`;
    expect((await verifyLine(line)).failures[0]).toMatchObject({ component: "SSE", offset: 200 });
  });

  test("IA32_UINTR_MISC after the save counts", async () => {
    const line = structuredClone(
      lines.find((each) => typeof each["uintrMiscAfter"] === "string" && each["uintrMiscAfter"] !== "0x0"),
    );
    expect(line).toBeDefined();
    const misc = BigInt(line?.["uintrMiscAfter"] as string) ^ 0xff_0000_0000n;
    const result = await verifyLine({ ...line, uintrMiscAfter: `0x${misc.toString(16)}` });
    expect(result.failures[0]).toMatchObject({ component: "UINTR_MISC after the save", offset: 4 });
  });

  test.skipIf(!hasShared)(
    "every save and restore of the full sets",
    async () => {
      const files = readdirSync(shared)
        .filter((name) => name.endsWith(".jsonl.gz"))
        .map((name) => ({ name, bytes: readFileSync(new URL(name, shared)) }));
      const seen: string[] = [];
      const result = await verifyVectors(files, ({ file: name, passed, failed, skipped }) => {
        seen.push(name);
        console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
      });
      expect(result.failures.slice(0, 5)).toEqual([]);
      expect(seen).toEqual(files.map(({ name }) => name));
      expect(result).toMatchObject({
        passed: 3162,
        failed: 0,
        skipped: 0,
        inNmi: 136,
        bySaver: { generated: 2996, general: 3162 },
        byInstruction: { XRSTOR64: 566, XRSTORS64: 145 },
        deviating: {
          "sse-in-use-by-mxcsr": 190,
          "pkru-reserved-bytes-kept": 24,
          "modified-optimization": 3,
          "x87-raw-normalized": 34,
          "x87-pointers-not-visible": 7,
          "components-loaded-before-fault": 23,
        },
      });
    },
    300_000,
  );
});

describe("malformed records", () => {
  const good = JSON.stringify(lineWith("XSAVE64"));
  const read = (text: string) => () => readVectors("v.jsonl", new TextEncoder().encode(text));
  test.each<[string, string, RegExp]>([
    ["no JSON", "{", /^v\.jsonl:3: is not JSON: /],
    ["no object", "[1]", /^v\.jsonl:3: the line expected an object, got \[1\]$/],
    ["no id", JSON.stringify({ ...lineWith("XSAVE64"), id: undefined }), /^v\.jsonl:3: "id" expected a string, got nothing$/],
    [
      "other instruction",
      JSON.stringify({ ...lineWith("XSAVE64"), instruction: "FXSAVE" }),
      /"instruction" expected one of .*, got FXSAVE$/,
    ],
    [
      "odd digits",
      JSON.stringify({ ...lineWith("XSAVE64"), after: "0" }),
      /"after" expected hexadecimal bytes, got an odd number of digits$/,
    ],
    [
      "no digit",
      JSON.stringify({ ...lineWith("XSAVE64"), after: "00x0" }),
      /"after" expected hexadecimal bytes, got "x" at character 2$/,
    ],
    [
      "other length",
      JSON.stringify({ ...lineWith("XSAVE64"), after: "00" }),
      /"after" expected as many bytes as "before", \d+, got 1$/,
    ],
    [
      "mask",
      JSON.stringify({ ...lineWith("XSAVE64"), mask: "7" }),
      /"mask" expected "0x" and up to 16 hexadecimal digits, got "7"$/,
    ],
    ["rfbm", JSON.stringify({ ...lineWith("XSAVE64"), rfbm: "0x0" }), /"rfbm" expected mask & XCR0 = 0x[0-9a-f]+, got 0x0$/],
    [
      "leaf",
      JSON.stringify({ ...lineWith("XSAVE64"), cpu: { ...(lineWith("XSAVE64").cpu as object), leafD: { "0": { eax: 7 } } } }),
      /"cpu\.leafD\.0\.eax" expected "0x"/,
    ],
    ["state", JSON.stringify({ ...lineWith("XSAVE64"), state: { legacy: "00" } }), /"state\.legacy" expected 512 bytes, got 1$/],
  ])("%s", (_, line, message) => {
    expect(read(`${good}\n\n${line}\n`)).toThrow(VectorError);
    expect(read(`${good}\n\n${line}\n`)).toThrow(message);
  });
  test("damaged gzip", () => {
    expect(() => readVectors("v.gz", Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2))).toThrow(/^v\.gz:1: cannot be read as text: /);
  });
  test("a truncated last line is refused by name of file and line", async () => {
    await expect(verifyVectors([file(sample.slice(0, -20))])).rejects.toThrow(`sample.jsonl:${lines.length}: is not JSON`);
  });
});
