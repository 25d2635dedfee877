import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { loadBundledModel } from "../../src/host/load-models.ts";
import { areasIn, bindGeneralSave, Processors, savePlan } from "../../src/runtime/index.ts";
import { minidumpBytes } from "../formats/minidump-writer.ts";
import { CPUID_R_DUMP, REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-portable-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An area of Tiger Lake with 2E7H enabled, `inUse` in use and distinct bytes everywhere. */
function tigerLakeArea(name: string, instruction: "XSAVE" | "XSAVEC", inUse: bigint): string {
  const model = loadBundledModel("intel-tiger-lake");
  const processors = new Processors(model, { xcr0: 0x2e7n });
  for (const { index } of model.components) processors.component(0, index).forEach((_, at, bytes) => (bytes[at] = at + index));
  processors.setXinuse(0, inUse);
  const plan = savePlan(model, instruction, 0x2e7n);
  const areas = areasIn(new ArrayBuffer(4096));
  bindGeneralSave(plan, processors, areas)(0, 0);
  const path = join(folder, name);
  writeFileSync(path, areas.u8.subarray(0, plan.size));
  return path;
}

test("an area of its own: what is in use decides", () => {
  const compacted = xsavekitJson(["portable", tigerLakeArea("compacted.bin", "XSAVEC", 0x2e7n), "amd-zen-4"]);
  expect(compacted).toMatchObject({ code: 0, value: { verdict: "as-is", carrier: "compacted", from: "compacted.bin" } });
  const standard = [
    "portable",
    tigerLakeArea("standard.bin", "XSAVE", 0x6n),
    "amd-zen-2",
    "amd-zen-4",
    "--model",
    "intel-tiger-lake",
  ];
  expect(xsavekitJson(standard)).toMatchObject({
    code: 0,
    value: { mayUse: "0x6", verdict: "as-is", portableXcr0: null, image: { container: "raw", layout: { source: "model" } } },
  });
  const small = xsavekit(["portable", tigerLakeArea("avx512.bin", "XSAVEC", 0x46n), "amd-zen-3"]);
  expect(small.code).toBe(1);
  expect(small.out).toMatch(/^in use +0x46 \(SSE, AVX, ZMM_Hi256\)$/m);
  expect(small.out).toMatch(/^6 +ZMM_Hi256 +missing +amd-zen-3 has no ZMM_Hi256$/m);
  expect(small.out).toMatch(/^5 +opmask +missing .*it is not in use, but XCOMP_BV names it/m);
});

test("options that an image answers itself, and files that are none, are refused in one line", () => {
  const area = tigerLakeArea("again.bin", "XSAVEC", 0x7n);
  writeFileSync(join(folder, "zeros.bin"), new Uint8Array(100));
  for (const [args, message] of [
    [[area, "amd-zen-4", "--mxcsr", "0xffff"], "--mxcsr: "],
    [[area, "amd-zen-4", "--carrier", "kvm"], "the image is in the compacted format; take compacted, criu, qemu"],
    [["amd-zen-4", "amd-zen-5", "--model", "amd-zen-4"], "--model: amd-zen-4 is a CPU, not an image"],
    [["amd-zen-4", "amd-zen-5", "--thread", "1"], "--thread: amd-zen-4 is a CPU, not an image"],
    [["amd-zen-4", "amd-zen-5", "--as", "raw"], "--as: amd-zen-4 is a CPU, not an image"],
    [[area, "amd-zen-4", "--thread", "1"], "no thread 1; its areas have no thread ids, leave --thread out"],
    [[area, "amd-zen-4", "--as", "minidump"], "again.bin: byte 0: not-a-minidump"],
    [["-", "amd-zen-4", "-"], "standard input can be read once"],
    [[join(folder, "zeros.bin"), "amd-zen-5"], "zeros.bin"],
  ] as const) {
    const { code, out, err } = xsavekit(["portable", ...args]);
    expect([code, out], args.join(" ")).toEqual([2, ""]);
    expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
    expect(err).toContain(message);
  }
});

test("one of a minidump's threads, from a file and from standard input", () => {
  const legacy = new Uint8Array(512);
  new DataView(legacy.buffer).setUint32(24, 0x1f80, true);
  const chunk = (mask: bigint): Uint8Array => {
    const bytes = new Uint8Array(64 + 256 + 64 + 512 + 1024);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, mask, true);
    view.setBigUint64(8, (1n << 63n) | mask, true);
    bytes.fill(1, 64);
    return bytes;
  };
  const threads = ([4n, 0xe4n] as const).map((mask, i) => ({ tid: 11 + i, context: { legacy, xstate: chunk(mask) } }));
  const dump = minidumpBytes({ architecture: "amd64", threads });
  const path = join(folder, "threads.dmp");
  writeFileSync(path, dump);
  const verdict = (...args: string[]): unknown => {
    const { code, value } = xsavekitJson(["portable", ...args, "--model", "intel-tiger-lake"], dump);
    return [code, value.verdict, value.image.container, value.image.threads, value.mayUse];
  };
  for (const name of [path, "-"]) {
    expect(verdict(name, "intel-skylake-client")).toEqual([1, "no", "minidump", 2, "0xe7"]);
    expect(verdict(name, "intel-skylake-client", "--thread", "11", "--as", "minidump")).toEqual([
      0,
      "as-is",
      "minidump",
      1,
      "0x7",
    ]);
    expect(verdict(name, "intel-skylake-client", "--thread", "12")).toEqual([1, "no", "minidump", 1, "0xe7"]);
  }
});

test("a dump of CPUID on standard input is a CPU still, gzip included", () => {
  const text = readFileSync(join(REPOSITORY, CPUID_R_DUMP));
  for (const input of [text, gzipSync(text)]) {
    const { code, value } = xsavekitJson(["portable", "-", "amd-zen-5"], input);
    expect(code).toBe(1);
    expect(value).toMatchObject({ image: null, verdict: "no" });
  }
});

test("a kernel's core and a KVM blob", ({ skip }) => {
  const images = join(REPOSITORY, "../shared/images");
  if (!existsSync(images)) return skip("no ../shared/images");
  const blob = xsavekitJson(["portable", join(images, "kvm-run-zmm.bin"), "amd-zen-4", "intel-ice-lake-server"]).value;
  expect(blob.targets.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["as-is", "after-conversion"]);
  const core = xsavekitJson(["portable", join(images, "core-mt.elf"), "amd-zen-5", "--to-xcr0", "0xe7"]);
  expect(core).toMatchObject({ code: 0, value: { carrier: "ptrace", image: { container: "elf-core", threads: 3 } } });
});
