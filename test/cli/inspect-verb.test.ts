import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type KnownThread, SKIPPED, sharedJson, sharedPath } from "../image/shared-images.ts";
import { jsonPieces, jsonText } from "../../src/cli/print.ts";
import { REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = JSON.parse(readFileSync(join(REPOSITORY, "test/image/fixtures/zen5-core-area.json"), "utf8")) as {
  readonly area: string;
  readonly registers: Readonly<Record<string, string>>;
};
const area = Buffer.from(fixture.area, "hex");
const file = join(folder, "area.bin");
writeFileSync(file, area);
const path32 = join(folder, "component-32.bin");

test("JSON has the documented shape and the registers that the program had loaded", () => {
  const { code, value } = xsavekitJson(["inspect", file]);
  expect(code).toBe(0);
  expect(value).toMatchObject({
    file,
    container: "raw",
    layout: { source: "features-and-size", map: "amd-zen-3", certainty: "likely" },
    warnings: [],
  });
  expect(value.layout.sharedBy).toContain("amd-zen-5");
  const [thread, ...others] = value.threads;
  expect(others).toEqual([]);
  expect(thread).toMatchObject({ tid: null, signal: null, xstateBv: "0xe7", xcompBv: "0x0", registers: fixture.registers });
  expect(thread.components).toContainEqual({ index: 6, name: "ZMM_Hi256", inUse: true, offset: 896, size: 512 });
  expect(Object.keys(thread.registers).slice(0, 4)).toEqual(["fcw", "fsw", "ftw", "ftag"]);
});

test("a selection in a format, and the same from gzip and from standard input", () => {
  const args = ["--registers", "zmm16-17,k1,mxcsr,st0", "--format", "uint64"];
  const { value } = xsavekitJson(["inspect", file, ...args]);
  const [{ registers, values }] = value.threads;
  expect(Object.keys(registers)).toEqual(["st0", "mxcsr", "zmm16", "zmm17", "k1"]);
  const zmm17 = Buffer.from(fixture.registers["zmm17"] ?? "", "hex");
  expect(values.zmm17).toEqual(Array.from({ length: 8 }, (_, lane) => String(zmm17.readBigUInt64LE(8 * lane))));
  writeFileSync(`${file}.gz`, gzipSync(area));
  expect(xsavekitJson(["inspect", `${file}.gz`, ...args]).value.threads).toEqual(value.threads);
  const { out } = xsavekit(["inspect", file, ...args]);
  expect(out).toContain(`  k1          ${fixture.registers["k1"]}\n`);
  expect(out).toContain(`  zmm17       ${zmm17.readBigUInt64LE(0)} `);
});

test("a drawing shows what is in use; components in init are named", () => {
  const bytes = Buffer.from(area);
  bytes[512] = 0xa7; // ZMM_Hi256 in init: its bytes are stale
  const stale = join(folder, "stale.bin");
  writeFileSync(stale, bytes);
  const { code, out } = xsavekit(["inspect", stale]);
  expect(code).toBe(0);
  expect(out).toMatch(/│ ZMM_Hi256: in init +512 bytes │/);
  expect(out).toMatch(/│ Hi16_ZMM: in use +1024 bytes │/);
  expect(out).toMatch(
    / +zmm0 +ccf5242829e313f0eab8116a3283fca1ef9b281a9065efb22e458d37d1770e2c\n +0{64} {2}\(upper part in init\)/,
  );
});

test("a component that no document names is shown as bytes", () => {
  const bytes = Buffer.concat([Buffer.from(area), Buffer.from("0123456789abcdef".repeat(2), "hex")]);
  bytes[512 + 4] = 1; // XSTATE_BV bit 32
  writeFileSync(path32, bytes);
  const yaml = readFileSync(join(REPOSITORY, "cpu-models/amd-zen-5-kvm-guest.yaml"), "utf8");
  const model = join(folder, "amd-zen-9.yaml");
  writeFileSync(
    model,
    yaml
      .replace(/^id: .*/m, "id: amd-zen-9")
      .replace(/^xcr0Supported: .*/m, "xcr0Supported: 0x1000000e7")
      .replace(/^sizeMax: .*/m, "sizeMax: 2448")
      .replace(/^components:\n/m, "components:\n  component-32: { index: 32, size: 16, offset: 2432 }\n"),
  );
  const { value } = xsavekitJson(["inspect", path32, "--model", model, "--as", "raw"]);
  expect(value.threads[0].raw).toEqual({ 32: "0123456789abcdef".repeat(2) });
  expect(value.threads[0].components).toContainEqual({ index: 32, name: "component 32", inUse: true, offset: 2432, size: 16 });
});

test("--model overrides, and says what speaks against it", () => {
  const { out } = xsavekit(["inspect", file, "--model", "intel-ice-lake-server", "--registers", "k0"]);
  expect(out).toContain("layout intel-ice-lake-server, as named: certain");
  expect(out).toContain("warning size-contradicts: the area has 2432 bytes, the layout of features 0xe7 has 2688");
  expect(out).toContain("warning gap-not-zero: byte 832");
});

test.each([
  [["inspect", "nowhere.core"], /nowhere.core: no such file/],
  [["inspect", file, "--registers", "zmm99"], /no register `zmm99`; write names, groups or ranges/],
  [["inspect", file, "--thread", "7"], /no thread 7; its areas have no thread ids/],
  [["inspect", file, "--format", "octal"], /Allowed choices are hex, int8/],
  [["inspect", file, "--model", "zen9"], /no model and no file `zen9`/],
  [["inspect", join(REPOSITORY, "package.json")], /none of the known formats/],
])("%j is one line and exit 2", (args, message) => {
  const { code, out, err } = xsavekit(args);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  expect(err).toMatch(message);
});

describe.skipIf(SKIPPED)("real cores", () => {
  test.each(["core-random", "core-mt"])("%s: every thread, by the file's own table", (name) => {
    const { threads } = sharedJson<{ threads: readonly KnownThread[] }>(`${name}.json`);
    const { value } = xsavekitJson(["inspect", sharedPath(`${name}.elf`)]);
    expect(value.layout).toMatchObject({ source: "declared", map: "amd-zen-3", certainty: "certain" });
    expect(value.threads).toHaveLength(threads.length);
    for (const thread of threads) {
      const found = value.threads.find(({ tid }: { tid: number }) => tid === thread.tid);
      expect(found).toMatchObject({ signal: thread.signalled ? 6 : expect.anything(), registers: thread.registers });
    }
    const tid = threads.at(-1)?.tid;
    expect(
      xsavekitJson(["inspect", sharedPath(`${name}.elf`), "--thread", String(tid)]).value.threads.map(
        (each: { tid: number }) => each.tid,
      ),
    ).toEqual([tid]);
  });
});

test("many files: one object a line in their order, a failed one in its place", () => {
  const files = [file, "nowhere.core", file, join(REPOSITORY, "package.json")];
  const { code, out, err } = xsavekit(
    ["inspect", "--jsonl", "--registers", "k1", file, "--files-from", "-"],
    files.slice(1).join("\n"),
  );
  expect([code, err]).toEqual([2, ""]);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map((each) => each.file)).toEqual(files);
  expect(lines.map((each) => each.container)).toEqual(["raw", undefined, "raw", undefined]);
  expect(lines[2].threads[0].registers).toEqual({ k1: fixture.registers["k1"] });
  expect(lines[1].error).toEqual({ message: "nowhere.core: no such file; check the path" });
  expect(lines[3].error).toMatchObject({ rule: "unknown-format", offset: 0, remedy: expect.any(String) });
  const text = xsavekit(["inspect", "--registers", "k1", ...files]);
  expect(text.code).toBe(2);
  expect(text.out.split("\n\n" + file).length).toBe(2);
  expect(text.err.trim().split("\n")).toHaveLength(2);
});

test("JSON in pieces is the JSON of the whole, for arrays and iterators alike", () => {
  const value = {
    a: "x\ny",
    none: undefined,
    empty: [],
    list: [{ b: [1, { c: 2n }] }, null],
    inner: { d: [{}, []] },
    last: null,
  };
  for (const indent of [0, 2]) {
    for (const list of [value.list, value.list.values()])
      expect([...jsonPieces({ ...value, list }, indent)].join("")).toBe(jsonText(value, indent));
    for (const each of [[1, { a: 2 }], {}, null, "text"])
      expect([...jsonPieces(each, indent)].join("")).toBe(jsonText(each, indent));
  }
});

test("a register that is asked for and not in the area is named", () => {
  expect(xsavekit(["inspect", file, "--registers", "k1,pkru,bnd,tmm3"]).out).toMatch(
    /\n {2}k1 [^]*\n {2}not in this area: bnd, pkru, tmm3\n/,
  );
});
