import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { minidumpBytes } from "../formats/minidump-writer.ts";
import { REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-convert-"));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = JSON.parse(readFileSync(join(REPOSITORY, "test/image/fixtures/zen5-core-area.json"), "utf8")) as {
  readonly area: string;
  readonly registers: Readonly<Record<string, string>>;
};
const path = (name: string): string => join(folder, name);
writeFileSync(path("zen5.bin"), Buffer.from(fixture.area, "hex"));

test("from Zen 5 through Tiger Lake's layout, compacted, and Linux's carriers: the same registers every time", () => {
  const steps = [
    ["zen5.bin", "intel-tiger-lake", "standard", 2688],
    ["standard", "intel-sapphire-rapids", "compacted", 2432],
    ["compacted", "intel-tiger-lake", "kvm-xsave", 4096],
    ["kvm-xsave", "amd-zen-5", "signal-frame", 2436],
  ] as const;
  for (const [from, to, format, size] of steps) {
    const { code, out, err } = xsavekit(["convert", path(from), "--to", to, "--format", format, "--out", path(format)]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`to ${to}, ${format}: ${size} bytes, XSTATE_BV 0xe7`);
    expect(statSync(path(format)).size).toBe(size);
    const { value } = xsavekitJson(["inspect", path(format)]);
    const { mxcsr_mask: _, ...registers } = fixture.registers;
    expect(value.threads[0].registers).toMatchObject(registers);
  }
  expect(xsavekitJson(["inspect", path("signal-frame")]).value).toMatchObject({
    container: "signal-frame",
    layout: { map: "amd-zen-3" },
  });
  expect(xsavekitJson(["inspect", path("kvm-xsave")]).value).toMatchObject({ container: "kvm-xsave", layout: { map: "intel" } });
});

test("Windows' form: the chunk and the legacy bytes make a minidump's context, and come back as what they were", () => {
  const windows = ["--format", "compacted-without-legacy", "--out", path("chunk")];
  const route = ["convert", path("zen5.bin"), "--to", "intel-tiger-lake"];
  const { code, err, out } = xsavekit([...route, ...windows, "--legacy-out", path("legacy")]);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/to intel-tiger-lake, compacted-without-legacy: 1920 bytes, XSTATE_BV 0xe4/);
  const [xstate, legacy] = [readFileSync(path("chunk")), readFileSync(path("legacy"))];
  expect([xstate.length, legacy.length, xstate.readBigUInt64LE(8) & 0xfcn]).toEqual([1920, 512, 0xe4n]);
  const { mxcsr_mask: _, ...registers } = fixture.registers;
  const dump = minidumpBytes({ architecture: "amd64", threads: [{ tid: 1, context: { legacy, xstate } }] });
  writeFileSync(path("chunk.dmp"), dump);
  for (const [file, ...more] of [[path("chunk.dmp")], [path("chunk"), "--legacy", path("legacy")]] as const) {
    const back = ["convert", file, "--to", "amd-zen-5", "--from", "intel-tiger-lake", "--out", path("back"), ...more];
    expect(xsavekit(back)).toMatchObject({ code: 0, err: "" });
    expect(xsavekitJson(["inspect", path("back")]).value.threads[0].registers).toMatchObject(registers);
  }
  expect(xsavekitJson(["inspect", path("chunk")]).value.threads[0]).toMatchObject({
    form: "compacted-without-legacy",
    xstateBv: "0xe4",
    registers: { k1: registers["k1"], zmm17: registers["zmm17"] },
  });
  const alone = xsavekit(["convert", path("chunk"), "--to", "amd-zen-5", "--from", "intel-tiger-lake", "--out", path("back")]);
  expect(alone.code).toBe(0);
  expect(alone.err).toMatch(/^[^\n]*no legacy region, so x87 and SSE are taken as initial; --legacy names a file\n$/);
});

test("Windows' form without a file for x87 and SSE is refused unless they may be dropped", () => {
  const args = ["convert", path("zen5.bin"), "--to", "amd-zen-5", "--format", "compacted-without-legacy", "--out", path("alone")];
  const { code, err } = xsavekit(args);
  expect(code).toBe(1);
  expect(err).toMatch(
    /no-legacy: x87 \(in use[^\n]*\n {2}no-legacy: SSE \(in use, not initial\)[^\n]*--legacy-out keeps it; --allow-drop SSE/,
  );
  expect(() => statSync(path("alone"))).toThrow(/ENOENT/);
  const dropped = xsavekitJson([...args, "--allow-drop", "x87,SSE"]);
  expect([dropped.code, dropped.value.size]).toEqual([0, 1920]);
  expect(dropped.value.dropped).toMatchObject([{ name: "x87" }, { name: "SSE" }]);
});

test("a refusal says all reasons, in text and JSON, and writes nothing", () => {
  const args = ["convert", path("zen5.bin"), "--to", "intel-skylake-client", "--out", path("refused")];
  const { code, out, err } = xsavekit(args);
  expect([code, out]).toEqual([1, ""]);
  expect(err.trimEnd().split("\n")).toEqual([
    "not converted from AMD Zen 3 on to intel-skylake-client, standard: 3 reasons",
    ...["opmask", "ZMM_Hi256", "Hi16_ZMM"].map(
      (name) =>
        `  missing: ${name} (in use, not initial): intel-skylake-client does not support it; --allow-drop ${name} gives its contents up`,
    ),
  ]);
  expect(() => statSync(path("refused"))).toThrow(/ENOENT/);
  const { value, code: jsonCode } = xsavekitJson(args);
  expect(jsonCode).toBe(1);
  expect(value).toMatchObject({ converted: false, size: null, dropped: [], to: "intel-skylake-client" });
  expect(value.reasons.map(({ component, name, rule }: Record<string, unknown>) => [component, name, rule])).toEqual([
    [5, "opmask", "missing"],
    [6, "ZMM_Hi256", "missing"],
    [7, "Hi16_ZMM", "missing"],
  ]);
});

test("what may be dropped is dropped, and said", () => {
  const drop = ["--allow-drop", "opmask,ZMM_Hi256", "--allow-drop", "7"];
  const { code, value } = xsavekitJson([
    "convert",
    path("zen5.bin"),
    "--to",
    "intel-skylake-client",
    "--out",
    path("dropped"),
    ...drop,
  ]);
  expect([code, value.size, value.xstateBv]).toEqual([0, 832, "0x7"]);
  expect(value.dropped.map(({ component, initial }: Record<string, unknown>) => [component, initial])).toEqual([
    [5, false],
    [6, false],
    [7, false],
  ]);
  const zeros = Buffer.from(fixture.area, "hex").fill(0, 832);
  writeFileSync(path("init.bin"), zeros);
  const init = xsavekitJson([
    "convert",
    path("init.bin"),
    "--from",
    "amd-zen-5",
    "--to",
    "intel-skylake-client",
    "--drop-init",
    "--xcr0",
    "0x1f",
  ]);
  expect([init.code, init.value.size]).toEqual([0, 1088]);
  expect(init.value.dropped.every(({ initial }: { initial: boolean }) => initial)).toBe(true);
});

test("an image whose layout is not sure is not converted without --from", () => {
  const blob = Buffer.alloc(4096);
  Buffer.from(fixture.area, "hex").copy(blob, 0, 0, 576);
  writeFileSync(path("unsure.bin"), blob);
  const { code, err } = xsavekit(["convert", path("unsure.bin"), "--to", "amd-zen-5"]);
  expect(code).toBe(2);
  expect(err).toMatch(/^xsavekit: [^\n]*which layout it has is not sure \(taken as intel .*say so with --from\n$/);
});

test.each([
  [["convert", "nowhere", "--to", "amd-zen-5"], /nowhere: no such file/],
  [["convert", path("zen5.bin")], /required option '--to <model>' not specified/],
  [["convert", path("zen5.bin"), "--to", "amd-zen-5", "--allow-drop", "TILES"], /`TILES` is none/],
  [["convert", path("zen5.bin"), "--to", "amd-zen-5", "--format", "elf"], /Allowed choices are standard/],
  [["convert", path("zen5.bin"), "--to", "amd-zen-5", "--legacy-out", path("x")], /--legacy-out: standard has x87 and SSE in it/],
  [["convert", path("zen5.bin"), "--to", "amd-zen-5", "--legacy", path("zen5.bin")], /--legacy: .* leave the option out/],
])("%j is one line and exit 2", (args, message) => {
  const { code, err } = xsavekit(args);
  expect(code).toBe(2);
  expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  expect(err).toMatch(message);
});
