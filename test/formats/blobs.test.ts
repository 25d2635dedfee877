/** Containers without a structure around the area: KVM, signal frames, raw areas. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bytesSource, type Container, type ContainerKind, openContainer } from "../../src/formats/index.ts";

const open = (bytes: Uint8Array, as?: ContainerKind): Promise<Container> =>
  openContainer(bytesSource(bytes), { file: "blob", ...(as && { as }) });

interface Fields {
  readonly size: number;
  readonly features?: bigint;
  readonly xstateBv?: bigint;
  readonly xcompBv?: bigint;
}

/** A plausible area. */
function area({ size, features = 0n, xstateBv = 7n, xcompBv = 0n }: Fields): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 5) & 0xff);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 416, 576);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0x2ffff, true);
  view.setBigUint64(464, features, true);
  view.setBigUint64(512, xstateBv, true);
  view.setBigUint64(520, xcompBv, true);
  return bytes;
}

/** The frame of `area`, as the kernel writes it. */
function frame(size: number, { fregs = 0, magic2 = 0x46505845, seed = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(size + 4);
  bytes.set(area({ size, xstateBv: 0x207n }));
  bytes[32] = seed;
  const view = new DataView(bytes.buffer);
  view.setUint32(464, 0x46505853, true);
  view.setUint32(468, size + 4 + fregs, true);
  view.setBigUint64(472, 0x207n, true);
  view.setUint32(480, size, true);
  view.setUint32(size, magic2, true);
  return bytes;
}

const KVM = fileURLToPath(new URL("../../../shared/images/kvm-run-zmm.bin", import.meta.url));
if (!existsSync(KVM)) console.log("skipped: the recorded KVM image is not in ../shared/images");

test.runIf(existsSync(KVM))("the recorded KVM image, with every register where its JSON puts it", async () => {
  const bytes = new Uint8Array(readFileSync(KVM));
  const { offsets, loaded, size } = JSON.parse(readFileSync(KVM.replace(".bin", ".json"), "utf8"));
  const { kind, threads, warnings } = await open(bytes);
  expect({ kind, warnings }).toEqual({ kind: "kvm-xsave", warnings: [] });
  const held = threads[0]?.area ?? expect.fail("no area");
  expect(held.bytes).toHaveLength(size);
  expect(held.evidence).toMatchObject({ userFeatures: { mask: 0xe7n, where: "byte 464" }, sizePadded: true });
  const hex = (at: number, length: number): string => Buffer.from(held.bytes.subarray(at, at + length)).toString("hex");
  for (let i = 0; i < 32; i++)
    expect(
      i < 16
        ? hex(160 + 16 * i, 16) + hex(offsets[2] + 16 * i, 16) + hex(offsets[6] + 32 * i, 32)
        : hex(offsets[7] + 64 * (i - 16), 64),
    ).toBe(loaded[`zmm${i}`]);
});

test("KVM_GET_XSAVE2 of a guest with AMX: longer, and its size counts", async () => {
  const { kind, description, threads } = await open(area({ size: 11008, features: 0x602e7n, xstateBv: 0x602e7n }));
  expect(kind).toBe("kvm-xsave");
  expect(description).toBe("KVM_GET_XSAVE2, 11008 bytes");
  expect(threads[0]?.area?.evidence.sizePadded).toBeUndefined();
});

test("--as kvm-xsave takes a blob whose features are missing, and refuses one that is too short", async () => {
  const blob = area({ size: 4096 });
  expect((await open(blob)).kind).toBe("raw");
  expect((await open(blob, "kvm-xsave")).kind).toBe("kvm-xsave");
  await expect(open(area({ size: 832 }), "kvm-xsave")).rejects.toThrow(/^blob: byte 0: error wrong-size: .* returns 4096/);
});

test("an area that begins with its header, whatever its registers look like at byte 512", async () => {
  // 512 bytes would be FXSAVE; a longer one can have what looks like a header at 512.
  for (const [size, mask] of [
    [512, 0x3cn],
    [1920, 0xe4n],
  ] as const) {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, mask, true);
    view.setBigUint64(8, (1n << 63n) | mask, true);
    if (size > 512) view.setBigUint64(512, 7n, true);
    const { kind, threads } = await open(bytes);
    expect([kind, threads[0]?.area?.form]).toEqual(["raw", "compacted-without-legacy"]);
  }
});

test("a signal frame alone", async () => {
  const bytes = frame(2440);
  const { kind, description, threads, warnings } = await open(bytes);
  expect({ kind, description, warnings }).toEqual({ kind: "signal-frame", description: "Linux signal frame", warnings: [] });
  expect(threads[0]?.area?.bytes).toEqual(bytes.subarray(0, 2440));
  expect(threads[0]?.area?.evidence).toMatchObject({
    size: 2440,
    userFeatures: { mask: 0x207n, where: "byte 472" },
    form: "standard",
  });
});

test("frames anywhere in a piece of stack, over the edge of a window too, 32-bit programs' with FSAVE before them", async () => {
  const stack = new Uint8Array((1 << 21) + 12_345).fill(0xcc);
  const places = [
    [8, 1],
    [5004, 2],
    [(1 << 20) - 300, 3],
    [(1 << 20) + 4000, 4],
    [(1 << 21) + 1024, 5],
  ] as const;
  for (const [at, seed] of places) stack.set(frame(832, { seed, fregs: seed === 2 ? 112 : 0 }), at);
  const { description, threads, warnings } = await open(stack);
  expect(warnings).toEqual([]);
  expect(description).toBe("Linux signal frames, 5 in a piece of stack");
  expect(threads.map((each) => [each.area?.fileOffset, each.area?.bytes[32]])).toEqual(places.map(([at, seed]) => [at, seed]));
  expect(threads[1]?.name).toBe("frame at byte 5004, of a 32-bit program");
  expect(threads[1]?.registers.fsave).toEqual({ fileOffset: 5004 - 112, bytes: new Uint8Array(108).fill(0xcc) });
});

test("a frame deep in a stack of 8 MiB is found without being told what the file is", async () => {
  const stack = new Uint8Array(8 << 20);
  stack.set(frame(2440, { seed: 7 }), (8 << 20) - 6000);
  const { kind, threads } = await open(stack);
  expect(kind).toBe("signal-frame");
  expect(threads.map((each) => each.area?.fileOffset)).toEqual([(8 << 20) - 6000]);
});

test("without FP_XSTATE_MAGIC2 only x87 and SSE are taken, as the kernel does", async () => {
  for (const bytes of [frame(832, { magic2: 0 }), frame(832).subarray(0, 700)]) {
    const { threads, warnings } = await open(bytes);
    expect(threads[0]?.area).toBeUndefined();
    expect(threads[0]?.registers.fxsave?.bytes).toEqual(bytes.slice(0, 512));
    expect(warnings).toMatchObject([{ rule: "magic2-missing", offset: 832 }]);
  }
});

test("--as signal-frame refuses what has none", async () => {
  await expect(open(new Uint8Array(5000), "signal-frame")).rejects.toThrow(/no FP_XSTATE_MAGIC1/);
});

test("raw areas in the three forms, and how sure that is", async () => {
  const standard = await open(area({ size: 832, features: 7n }));
  expect(standard.kind).toBe("raw");
  expect(standard.description).toMatch(
    /^raw XSAVE area, standard, 832 bytes \(likely: XSTATE_BV is 0x7 \(x87, SSE, AVX\); MXCSR is 0x1f80/,
  );
  expect(standard.threads[0]?.area?.evidence.userFeatures?.mask).toBe(7n);
  const compacted = await open(area({ size: 1088, xcompBv: (1n << 63n) | 0x27n }));
  expect(compacted.threads[0]?.area).toMatchObject({ form: "compacted" });
  expect(compacted.threads[0]?.area?.evidence.userFeatures).toBeUndefined();
  const headerFirst = new Uint8Array(64 + 256).fill(0x11, 64);
  new DataView(headerFirst.buffer).setBigUint64(0, 4n, true);
  new DataView(headerFirst.buffer).setBigUint64(8, (1n << 63n) | 4n, true);
  expect((await open(headerFirst)).threads[0]?.area).toMatchObject({ form: "compacted-without-legacy" });
});

test("an area with odd bytes is no area unless --as raw says so, and then every oddity is told", async () => {
  const odd = area({ size: 832, xstateBv: 1n << 40n, xcompBv: 5n });
  odd[560] = 1;
  odd[27] = 0xff;
  await expect(open(odd)).rejects.toThrow(/^blob: byte 0: error unknown-format/);
  const { description, warnings } = await open(odd, "raw");
  expect(description).toMatch(/doubtful/);
  expect(warnings.map(({ offset }) => offset)).toEqual([512, 520, 560, 24]);
  expect((await open(area({ size: 832 }).slice(0, 512), "raw")).threads[0]?.registers.fxsave?.bytes).toHaveLength(512);
});

test("zeros, text and nothing are no containers", async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(4096), new TextEncoder().encode("hello ".repeat(1000))])
    await expect(open(bytes)).rejects.toThrow(/unknown-format/);
});
