/** gzip and zstd: the same container as without, bounded whatever the input claims. */

import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { bytesSource, FormatError, openContainer } from "../../src/formats/index.ts";
import { decompressed } from "../../src/formats/decompress.ts";
import { CoreWriter } from "./core-writer.ts";
import { rawFrame, repeatedBlocks } from "./zstd-frames.ts";

const core = (): Uint8Array => new CoreWriter("x86-64").thread(7, { area: new Uint8Array(832).fill(1, 0, 24) }).bytes();
const zstd = (bytes: Uint8Array, ...flags: string[]): Uint8Array<ArrayBuffer> | undefined => {
  const { status, stdout } = spawnSync("zstd", ["-c", ...flags], { input: bytes, maxBuffer: 1 << 28 });
  return status === 0 ? new Uint8Array(stdout) : undefined;
};
const hasZstd = zstd(new Uint8Array(1)) !== undefined;
if (!hasZstd) console.log("skipped: zstd is not installed, so only fixed zstd frames are read");

const all = async (packed: Uint8Array, limit?: number): Promise<{ bytes: Uint8Array; cut: string | undefined }> => {
  const source = await decompressed(bytesSource(packed), limit === undefined ? {} : { limit });
  return { bytes: await source.read(0, source.size), cut: source.cut };
};

test("a core in gzip or zstd opens like the core itself", async () => {
  const plain = await openContainer(bytesSource(core()));
  expect(plain.threads).toHaveLength(1);
  for (const packed of [gzipSync(core()), rawFrame(core()), zstd(core()), zstd(core(), "-19", "--no-check")])
    if (packed) expect(await openContainer(bytesSource(packed))).toEqual(plain);
});

test("several members, frames and skippable frames follow one another", async () => {
  const a = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) >> 3);
  const isTwice = async (packed: Uint8Array): Promise<void> =>
    expect(Buffer.compare((await all(packed)).bytes, Buffer.concat([a, a]))).toBe(0);
  const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  await isTwice(Buffer.concat([gzipSync(a), gzipSync(a)]));
  await isTwice(Buffer.concat([rawFrame(a), skippable, rawFrame(a)]));
  const packed = zstd(a);
  if (packed) await isTwice(Buffer.concat([packed, skippable, packed]));
});

test("where there is no Node the web's stream reads gzip", async () => {
  const builtin = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
  try {
    expect(Buffer.compare((await all(gzipSync(core()))).bytes, core())).toBe(0);
    expect(builtin).toHaveBeenCalled();
  } finally {
    builtin.mockRestore();
  }
});

test("bombs end at the limit", async () => {
  const limit = 1 << 20;
  for (const bomb of [gzipSync(new Uint8Array(1 << 24)), repeatedBlocks(1 << 12, 1 << 17)]) {
    const { bytes, cut } = await all(bomb, limit);
    expect(bytes).toHaveLength(limit);
    expect(cut).toMatch(/only the first 1048576 bytes are decompressed/);
  }
});

test("a window of gigabytes is refused, in a later frame too", async () => {
  const error = await all(rawFrame(core(), 0xff)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FormatError);
  expect((error as FormatError).problem).toMatchObject({ rule: "zstd-window-too-large", offset: 4 });
  const first = rawFrame(core());
  expect((await all(Buffer.concat([first, rawFrame(core(), 0xff)]))).cut).toMatch(/asks for a window of \d+ bytes/);
});

test("many blocks under a large window end soon, with what was decompressed by then", async () => {
  const { bytes, cut } = await all(repeatedBlocks(1 << 18, 1, 0x88));
  expect(bytes.length).toBeGreaterThan(8);
  expect(bytes.length).toBeLessThan(1000);
  expect(cut).toMatch(/too many blocks for so large a window; decompress the file with `zstd -d`/);
  // 8 MiB, the most that usual levels take, leaves room for everything that is decompressed.
  expect((await all(repeatedBlocks(511, 1 << 17, 0x68))).cut).toBeUndefined();
});

test("cut and damaged input: what is there is read, the message says why it ends", async () => {
  const big = new CoreWriter("x86-64")
    .thread(7, { area: new Uint8Array(832).fill(1, 0, 24) })
    .memory(1 << 20)
    .bytes();
  for (const packed of [gzipSync(big, { level: 0 }), rawFrame(big)]) {
    const half = packed.subarray(0, packed.length >> 1);
    expect((await openContainer(bytesSource(half))).threads).toHaveLength(1);
    expect((await all(half)).cut).toMatch(/compressed data end early/);
  }
  for (const packed of [gzipSync(core()), rawFrame(core())]) {
    const damaged = packed.map((byte, i) => (i > 5 ? byte ^ 0xff : byte));
    await expect(openContainer(bytesSource(damaged), { file: "x" })).rejects.toThrow(/^x: byte \d+: error /);
  }
});

test.each([
  ["xz-compressed data", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04], "xz -dk"],
  ["lz4-compressed data", [0x04, 0x22, 0x4d, 0x18, 0x64, 0x40], "lz4 -d"],
  ["bzip2-compressed data", [...Buffer.from("BZh91AY&SY")], "bzip2 -dk"],
  ["a zip archive", [0x50, 0x4b, 0x03, 0x04], "unpack"],
  ["a Windows kernel dump", [...Buffer.from("PAGEDU64")], "minidump of a process"],
  ["a Mach-O file", [0xcf, 0xfa, 0xed, 0xfe], "minidump of a process"],
  ["a makedumpfile dump", [...Buffer.from("KDUMP   ")], "minidump of a process"],
  ["a QEMU migration stream", [...Buffer.from("QEVM")], "minidump of a process"],
])("%s is called by its name, with what to do", async (title, mark, remedy) => {
  const bytes = new Uint8Array(4096);
  bytes.set(mark);
  const { problem, message } = await openContainer(bytesSource(bytes), { file: "saved/odd" }).then(
    () => expect.fail("opened"),
    (error: unknown) => error as FormatError,
  );
  expect(problem).toMatchObject({ rule: "foreign-file", offset: 0 });
  expect(problem.message).toContain(title);
  expect(problem.remedy).toContain(remedy);
  expect(message).toMatch(/^saved\/odd: byte 0: /);
});

test("an error in what is compressed names the file", async () => {
  const damaged = Uint8Array.of(0x1f, 0x8b, 8, 0xff, ...Buffer.alloc(20, 0x61));
  await expect(decompressed(bytesSource(damaged), { file: "core.gz" })).rejects.toThrow(
    /^core\.gz: byte 0: .*damaged-compression/,
  );
});
