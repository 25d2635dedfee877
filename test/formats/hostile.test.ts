/** Files made to mislead or exhaust: what they end in, and how much of them is read. */

import { expect, test } from "vitest";
import { bytesSource, type ByteSource, type Container, FormatError, openContainer } from "../../src/formats/index.ts";
import { MAX_NOTES } from "../../src/formats/elf-core/read-notes.ts";
import { AREA_BYTES_LIMIT, MAX_THREADS } from "../../src/formats/container.ts";
import { CoreWriter, noteBytes, prstatus } from "./core-writer.ts";
import { minidumpBytes } from "./minidump-writer.ts";

const area = new Uint8Array(832).fill(1, 0, 24);
const core = (): Uint8Array => new CoreWriter("x86-64").thread(1, { area }).bytes();

/** Sets a field of a good file. */
function edited(bytes: Uint8Array, at: number, width: 1 | 2 | 4 | 8, value: bigint | number): Uint8Array {
  const made = bytes.slice();
  for (let i = 0; i < width; i++) made[at + i] = Number((BigInt(value) >> BigInt(8 * i)) & 255n);
  return made;
}

async function refusal(bytes: Uint8Array, as?: "elf-core" | "minidump"): Promise<FormatError["problem"]> {
  const error = await openContainer(bytesSource(bytes), { file: "f", ...(as && { as }) }).catch((thrown: unknown) => thrown);
  if (!(error instanceof FormatError)) throw new Error(`expected a FormatError, got ${String(error)}`);
  expect(error.message).toMatch(/^f: byte \d+: error [a-z0-9-]+: .+; remedy: .+$/);
  return error.problem;
}

/** A file of any size that is never in memory: parts at their places, zeros between them. */
function sparse(
  size: number,
  parts: readonly (readonly [offset: number, bytes: Uint8Array])[],
): {
  source: ByteSource;
  stats: { reads: number; bytes: number; largest: number };
} {
  const stats = { reads: 0, bytes: 0, largest: 0 };
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    stats.reads++;
    stats.bytes += length;
    stats.largest = Math.max(stats.largest, length);
    const made = new Uint8Array(length);
    for (const [at, bytes] of parts) {
      const from = Math.max(at, offset);
      const to = Math.min(at + bytes.length, offset + length);
      if (from < to) made.set(bytes.subarray(from - at, to - at), from - offset);
    }
    return Promise.resolve(made);
  };
  return { source: { size, read }, stats };
}

/** Header and program headers of a 64-bit core: PT_NOTE segments, then one PT_LOAD. */
function coreHead(segments: readonly (readonly [offset: number, size: number])[], type = 4): Uint8Array {
  const view = new DataView(new ArrayBuffer(64 + 56 * segments.length));
  [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].forEach((byte, i) => view.setUint8(i, byte));
  view.setUint16(16, 4, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  segments.forEach(([offset, size], i) => {
    view.setUint32(64 + 56 * i, type, true);
    view.setBigUint64(64 + 56 * i + 8, BigInt(offset), true);
    view.setBigUint64(64 + 56 * i + 32, BigInt(size), true);
  });
  return new Uint8Array(view.buffer);
}

test.each([
  ["another class", 4, 1, 3, "not-a-core", 4],
  ["big-endian", 5, 1, 2, "not-a-core", 5],
  ["an executable", 16, 2, 2, "not-a-core", 16],
  ["another machine", 18, 2, 183, "not-a-core", 18],
  ["program headers at 2^63", 32, 8, 1n << 63n, "truncated", 32],
  ["program headers past the end", 32, 8, 1 << 20, "truncated", 32],
  ["program headers of no size", 54, 2, 0, "bad-program-headers", 54],
  ["PN_XNUM with a section header at 2^63", 56, 2, 0xffff, "truncated", Number.MAX_SAFE_INTEGER],
] as const)("an ELF file of %s is refused at its field", async (_, at, width, value, rule, offset) => {
  const bytes = edited(core(), at, width, value);
  const problem = await refusal(value === 0xffff ? edited(bytes, 40, 8, 1n << 63n) : bytes);
  expect(problem.rule).toBe(rule);
  expect(problem.offset).toBe(offset);
});

test("every truncation of a core, a minidump and a KVM blob gives what is there or a clear error", async () => {
  const dump = minidumpBytes({
    architecture: "amd64",
    threads: [{ tid: 1, name: "x", context: { legacy: area.slice(0, 512), xstate: new Uint8Array(400) } }],
  });
  let opened = 0;
  for (const bytes of [core(), dump])
    for (let length = 0; length < bytes.length; length += 7) {
      const result = await openContainer(bytesSource(bytes.subarray(0, length))).catch((error: unknown) => error);
      if (!(result instanceof FormatError)) opened++;
      if (result instanceof Error) expect(result).toBeInstanceOf(FormatError);
      else expect((result as Container).warnings.length).toBeGreaterThan(0);
    }
  expect(opened).toBeGreaterThan(10);
});

test("a note segment that lies about its size gives what is there, with a warning at its program header", async () => {
  for (const size of [1n << 63n, 1n << 40n]) {
    const { threads, warnings } = await openContainer(bytesSource(edited(core(), 64 + 32, 8, size)));
    expect(threads).toHaveLength(1);
    expect(warnings.find(({ rule }) => rule === "truncated")).toMatchObject({ offset: 64, severity: "warning" });
  }
});

test("a note of 2^32 bytes ends its segment with a warning; one larger than any area is stepped over", async () => {
  const notes = 64 + 2 * 56;
  const threads = (await openContainer(bytesSource(core()))).threads;
  const noteAt = (threads[0]?.area?.fileOffset ?? 0) - 20;
  const lying = await openContainer(bytesSource(edited(core(), noteAt + 4, 4, 0xffff_ffff)));
  expect(lying.threads[0]?.area).toBeUndefined();
  expect(lying.warnings).toMatchObject([{ rule: "note-truncated", offset: noteAt }]);
  expect((await refusal(edited(core(), notes, 4, 0xffff_ffff))).rule).toBe("note-truncated");
  const huge = await openContainer(
    bytesSource(
      new CoreWriter("x86-64")
        .thread(1, { area: new Uint8Array(1 << 20) })
        .thread(2, { area })
        .bytes(),
    ),
  );
  expect(huge.warnings).toMatchObject([{ rule: "note-too-large" }]);
  expect(huge.threads.map((each) => each.area?.bytes.length)).toEqual([undefined, 832]);
});

test("segments that overlap, a thousand times over the same notes, are read once", async () => {
  const notes = Buffer.concat([noteBytes(["CORE", 1, prstatus("x86-64", 5, {})]), noteBytes(["LINUX", 0x202, area])]);
  const at = 64 + 56 * 1000;
  const head = coreHead(Array.from({ length: 1000 }, () => [at, notes.length] as const));
  const { source, stats } = sparse(at + notes.length, [
    [0, head],
    [at, notes],
  ]);
  const { threads, warnings } = await openContainer(source);
  expect(threads).toHaveLength(1);
  expect(warnings[0]).toMatchObject({ rule: "notes-overlap", offset: 64 + 56 });
  // A hundred are listed, the rest counted.
  expect(warnings).toHaveLength(101);
  expect(warnings.at(-1)?.message).toMatch(/^899 more/);
  expect(stats.bytes).toBeLessThan(4 * source.size);
});

test("a million notes, all but the last nobody's", async () => {
  const foreign = Buffer.concat(Array.from({ length: 1000 }, () => noteBytes(["VENDOR", 9, new Uint8Array(8)])));
  const many = Buffer.concat(Array.from({ length: 1000 }, () => foreign));
  const own = noteBytes(["CORE", 1, prstatus("x86-64", 5, {})]);
  const size = many.length + own.length;
  const { threads } = await openContainer(
    sparse(120 + size, [
      [0, coreHead([[120, size]])],
      [120, many],
      [120 + many.length, own],
    ]).source,
  );
  expect(threads).toMatchObject([{ tid: 5 }]);
}, 30_000);

test("a terabyte of empty notes ends at the limit", async () => {
  const own = noteBytes(["CORE", 1, prstatus("x86-64", 5, {})]);
  const { source, stats } = sparse(2 ** 40, [
    [0, coreHead([[120, 2 ** 40 - 120]])],
    [120, own],
  ]);
  const { threads, warnings } = await openContainer(source);
  expect(threads).toHaveLength(1);
  expect(warnings).toMatchObject([{ rule: "too-many-notes" }]);
  expect(stats.bytes).toBeLessThan(MAX_NOTES * 16);
}, 30_000);

test("more threads than are kept: the rest is left out, once told", async () => {
  const one = noteBytes(["CORE", 1, prstatus("x86-64", 5, {})]);
  const block = Buffer.concat(Array.from({ length: 1024 }, () => one));
  const blocks = Math.ceil(MAX_THREADS / 1024) + 1;
  const at = 120;
  const parts = Array.from({ length: blocks }, (_, i) => [at + i * block.length, block] as const);
  const { source } = sparse(at + blocks * block.length, [[0, coreHead([[at, blocks * block.length]])], ...parts]);
  const { threads, warnings } = await openContainer(source);
  expect(threads).toHaveLength(MAX_THREADS);
  expect(warnings).toMatchObject([{ rule: "too-many-threads" }]);
}, 60_000);

test("a 4 GiB core: some reads of kilobytes near its notes, nothing else", async () => {
  const size = 4 * 1024 ** 3;
  const notes = Buffer.concat([
    noteBytes(["CORE", 1, prstatus("x86-64", 5, {})]),
    noteBytes(["CORE", 0x46494c45, new Uint8Array(200_000)]),
    noteBytes(["LINUX", 0x202, area]),
  ]);
  for (const at of [65_536, size - notes.length]) {
    const { source, stats } = sparse(size, [
      [0, coreHead([[at, notes.length]])],
      [at, notes],
    ]);
    const { threads, warnings } = await openContainer(source);
    expect(warnings).toEqual([]);
    expect(threads[0]?.area?.bytes).toEqual(area);
    expect(stats.reads).toBeLessThan(20);
    expect(stats.bytes).toBeLessThan(400_000);
    expect(stats.largest).toBeLessThan(100_000);
  }
});

test("a minidump whose threads all share one large context does not become gigabytes", async () => {
  const count = 100_000;
  const view = new DataView(new ArrayBuffer(4 + 48 * count));
  view.setUint32(0, count, true);
  const contextAt = 32 + 24 + 56;
  const contextSize = 1232 + 60_000;
  for (let i = 0; i < count; i++) {
    view.setUint32(4 + 48 * i, i, true);
    view.setUint32(44 + 48 * i, contextSize, true);
    view.setUint32(48 + 48 * i, contextAt, true);
  }
  const head = new DataView(new ArrayBuffer(contextAt));
  [0x504d444d, 0xa793, 2, 32].forEach((value, i) => head.setUint32(4 * i, value, true));
  const listAt = contextAt + contextSize;
  [7, 56, 56, 3, view.byteLength, listAt].forEach((value, i) => head.setUint32(32 + 4 * i, value, true));
  head.setUint16(56, 9, true);
  const context = new Uint8Array(contextSize);
  new DataView(context.buffer).setUint32(48, 0x10004f, true);
  new DataView(context.buffer).setInt32(1248, 24, true);
  new DataView(context.buffer).setUint32(1252, 59_000, true);
  const { source, stats } = sparse(listAt + view.byteLength, [
    [0, new Uint8Array(head.buffer)],
    [contextAt, context],
    [listAt, new Uint8Array(view.buffer)],
  ]);
  const { threads, warnings } = await openContainer(source);
  expect(threads).toHaveLength(count);
  expect(threads.filter((each) => each.area).length).toBeLessThan(AREA_BYTES_LIMIT / contextSize);
  expect(warnings.at(-1)?.rule).toBe("more-problems");
  expect(stats.bytes).toBeLessThan(AREA_BYTES_LIMIT + 16_000_000);
}, 60_000);

test.each([
  ["a directory of 2^32 streams", 8, 0xffff_ffff, "too-many-streams", 8],
  ["a directory behind the end", 12, 0xffff_fff0, "truncated", 0xffff_fff0],
  ["big-endian", 0, 0x4d444d50, "not-a-minidump", 0],
] as const)("a minidump of %s is refused", async (_, at, value, rule, offset) => {
  const dump = minidumpBytes({ architecture: "amd64", threads: [{ tid: 1, context: { legacy: area.slice(0, 512) } }] });
  expect(await refusal(edited(dump, at, 4, value))).toMatchObject({ rule, offset });
});

test("what a file says cannot act on a terminal", async () => {
  const name = new Uint8Array(136);
  name.set(new TextEncoder().encode("\u001b[31mred\u0007"), 40);
  const bytes = new CoreWriter("x86-64")
    .thread(0, { area })
    .note("CORE", 3, name)
    .note("LINUX", 0x204, new Uint8Array(3))
    .bytes();
  const { warnings } = await openContainer(bytesSource(bytes), { file: "\u001b[31mfile" });
  const error = await refusal(edited(bytes, 18, 2, 40));
  expect(error.message).not.toContain("\u001b");
  expect(warnings).toHaveLength(1);
});
