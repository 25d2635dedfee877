/** Windows minidumps: contexts with and without XState, both kinds of table, bits that the table omits, names, exceptions. */

import { expect, test } from "vitest";
import { bytesSource, type Container, openContainer } from "../../src/formats/index.ts";
import { minidumpBytes, type WrittenDump } from "./minidump-writer.ts";

const open = (dump: WrittenDump): Promise<Container> => openContainer(bytesSource(minidumpBytes(dump)), { file: "dump" });
const pattern = (size: number, seed: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) & 0xff);

/** An XSAVE header, then `size` bytes of components. */
function chunk(xstateBv: bigint, xcompBv: bigint, size: number): Uint8Array {
  const bytes = pattern(64 + size, 3);
  bytes.fill(0, 0, 64);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, xstateBv, true);
  view.setBigUint64(8, xcompBv, true);
  return bytes;
}
const COMPACTED = 1n << 63n;

test("amd64: the compacted chunk, the legacy region beside it, table, names, process", async () => {
  const xstate = chunk(0x4n, COMPACTED | 0xe4n, 256 + 64 + 512 + 1024);
  const legacy = pattern(512, 1);
  const { kind, description, process, threads, warnings } = await open({
    architecture: "amd64",
    pid: 4242,
    threads: [
      { tid: 11, name: "render ☃", context: { legacy, rip: 0x7ff6_0000_1234n, xstate, gap: 8 } },
      { tid: 12, context: { legacy } },
    ],
    table: {
      enabled: 0xe7n,
      rows: [
        [0, 0, 160],
        [1, 160, 256],
        [2, 576, 256],
        [5, 832, 64],
        [6, 896, 512],
        [7, 1408, 1024],
      ],
    },
  });
  expect({ kind, description, process, warnings }).toEqual({
    kind: "minidump",
    description: "Windows minidump, amd64",
    process: { pid: 4242 },
    warnings: [],
  });
  const [one, two] = threads;
  expect(one).toMatchObject({ tid: 11, pid: 4242, name: "render ☃" });
  expect(one?.registers.general?.get("rip")).toBe(0x7ff6_0000_1234n);
  expect(one?.registers.fxsave?.bytes).toEqual(legacy);
  expect(one?.area).toMatchObject({ form: "compacted-without-legacy", legacy, bytes: xstate });
  expect(one?.area?.evidence).toMatchObject({
    size: xstate.length,
    xcompBv: COMPACTED | 0xe4n,
    userFeatures: { mask: 0xe7n },
    declared: {
      source: "MISC_INFO_5",
      rows: [
        { index: 2, size: 256, standardOffset: 576 },
        { index: 5, size: 64, standardOffset: 832 },
        { index: 6, size: 512, standardOffset: 896 },
        { index: 7, size: 1024, standardOffset: 1408 },
      ],
    },
  });
  expect(two?.area).toBeUndefined();
  expect(two?.registers.fxsave?.bytes).toEqual(legacy);
});

test("x86 with CET_U, which the table of 32-bit Windows omits: told, not refused", async () => {
  const { description, threads, warnings } = await open({
    architecture: "x86",
    threads: [1, 2].map((tid) => ({
      tid,
      context: { legacy: pattern(512, 1), rip: 0x40_1000n, xstate: chunk(0x800n, COMPACTED | 0x804n, 272) },
    })),
    table: { enabled: 7n, rows: [[2, 576, 256]], size: 0x338 },
  });
  expect(description).toBe("Windows minidump, x86");
  expect(threads[0]?.registers.general?.get("eip")).toBe(0x40_1000n);
  expect(threads[0]?.area?.evidence.vendorHint).toBe("GenuineIntel");
  expect(threads[0]?.area?.evidence.declared?.rows).toEqual([{ index: 2, size: 256, standardOffset: 576 }]);
  // Once, though every thread has it.
  expect(warnings.map(({ rule }) => rule)).toEqual(["component-not-in-table"]);
  expect(warnings[0]?.message).toContain("CET_U");
});

test("the exception's own context, not the handler's", async () => {
  const { threads } = await open({
    architecture: "amd64",
    threads: [
      { tid: 1, context: { legacy: pattern(512, 1), rip: 1n } },
      { tid: 2, context: { legacy: pattern(512, 2), rip: 2n } },
    ],
    exception: { tid: 2, code: 0xc0000005, context: { legacy: pattern(512, 3), rip: 3n } },
  });
  expect(threads.map(({ tid, signalled, exception }) => ({ tid, signalled, exception }))).toEqual([
    { tid: 1, signalled: false, exception: undefined },
    { tid: 2, signalled: true, exception: 0xc0000005 },
  ]);
  expect(threads.map(({ registers }) => registers.general?.get("rip"))).toEqual([1n, 3n]);
  expect(threads[1]?.registers.fxsave?.bytes).toEqual(pattern(512, 3));
});

test("a chunk from before compaction becomes a standard area", async () => {
  const legacy = pattern(512, 5);
  const xstate = chunk(0x4n, 0n, 256);
  const { threads } = await open({
    architecture: "amd64",
    threads: [{ tid: 1, context: { legacy, xstate } }],
    table: { enabled: 7n, rows: [[2, 576, 256]] },
  });
  expect(threads[0]?.area?.form).toBe("standard");
  expect(threads[0]?.area?.bytes).toEqual(new Uint8Array([...legacy, ...xstate]));
});

test("a table in the compacted format is named as such", async () => {
  const { threads } = await open({
    architecture: "amd64",
    threads: [{ tid: 1, context: { legacy: pattern(512, 5), xstate: chunk(0x800n, COMPACTED | 0x800n, 16) } }],
    table: { enabled: COMPACTED | 0x803n, rows: [[11, 576, 16]] },
  });
  expect(threads[0]?.area?.evidence.declared?.source).toBe("MISC_INFO_5 (offsets of the compacted format)");
});

test("a chunk that leaves its context is left out, with its place", async () => {
  const file = minidumpBytes({
    architecture: "amd64",
    threads: [{ tid: 1, context: { legacy: pattern(512, 1), xstate: chunk(4n, COMPACTED | 4n, 256) } }],
  });
  const contextAt = 32 + 60 + 56 + 1364;
  const view = new DataView(file.buffer);
  for (const [offset, length] of [
    [0x7fff_0000, 100],
    [-2000, 100],
    [80, 0x7fff_ffff],
  ] as const) {
    view.setInt32(contextAt + 1232 + 16, offset, true);
    view.setUint32(contextAt + 1232 + 20, length, true);
    const { threads, warnings } = await openContainer(bytesSource(file));
    expect(threads[0]?.area).toBeUndefined();
    expect(threads[0]?.registers.fxsave?.bytes).toHaveLength(512);
    expect(warnings).toMatchObject([{ rule: "bad-context-ex", offset: contextAt + 1232 + 16 }]);
  }
});

test("a thread list whose entries Breakpad aligned by four bytes", async () => {
  const legacy = pattern(512, 9);
  // Its processor's minidump.cc allows for it; sentry's symbolic has such a dump of macOS (one thread, 775, stream of 56 bytes).
  const { threads, warnings } = await open({
    architecture: "amd64",
    listPadding: 4,
    threads: [
      { tid: 775, context: { legacy } },
      { tid: 776, context: { legacy: pattern(512, 4) } },
    ],
  });
  expect(warnings).toEqual([]);
  expect(threads.map(({ tid }) => tid)).toEqual([775, 776]);
  expect(threads[0]?.registers.fxsave?.bytes).toEqual(legacy);
});
