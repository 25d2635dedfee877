/** Cores of every ABI and system that no machine here writes, built byte for byte from the systems' headers. */

import { expect, test } from "vitest";
import { bytesSource, type Container, openContainer } from "../../src/formats/index.ts";
import { ascii, CoreWriter } from "./core-writer.ts";

const open = (bytes: Uint8Array): Promise<Container> => openContainer(bytesSource(bytes), { file: "core" });

/** A standard area with a byte of its own in every place, XSTATE_BV and the kernel's features. */
function area(size: number, seed: number, features: bigint, { xstateBv = features, xcompBv = 0n } = {}): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 0xff);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 416, 576);
  view.setBigUint64(464, features, true);
  view.setBigUint64(512, xstateBv, true);
  view.setBigUint64(520, xcompBv, true);
  return bytes;
}

const prpsinfo = (size: number, pid: number, offsets: readonly [pid: number, name: number, command: number]): Uint8Array => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setInt32(offsets[0], pid, true);
  bytes.set(ascii("a-program"), offsets[1]);
  bytes.set(ascii("a-program --flag "), offsets[2]);
  return bytes;
};

const REGISTERS_64 = Array.from({ length: 27 }, (_, i) => 0x1111_2222_3333_0000n + BigInt(i));

test("x86-64: threads, signal, general registers, shadow stack, FXSAVE, layout", async () => {
  const first = area(2440, 1, 0x2e7n);
  const second = area(2440, 2, 0x2e7n, { xstateBv: 0x203n });
  const container = await open(
    new CoreWriter("x86-64")
      .thread(41, { signal: 11, general: REGISTERS_64, fpregs: first.subarray(0, 512), area: first, ssp: 0x7fff_0000_1000n })
      .note("CORE", 3, prpsinfo(136, 41, [24, 40, 56]))
      .note("CORE", 0x46494c45, new Uint8Array(100_000))
      .layout([
        [2, 256, 576],
        [5, 64, 832],
        [6, 512, 896],
        [7, 1024, 1408],
        [9, 8, 2432],
      ])
      .thread(42, { signal: 11, area: second })
      .bytes(),
  );
  expect(container).toMatchObject({
    kind: "elf-core",
    description: "ELF core, Linux, x86-64",
    process: { pid: 41, name: "a-program", command: "a-program --flag" },
    warnings: [],
  });
  const [one, two] = container.threads;
  expect(one).toMatchObject({ tid: 41, pid: 41, name: "a-program", signal: 11, signalled: true });
  expect(one?.registers.ssp).toBe(0x7fff_0000_1000n);
  expect(one?.registers.fxsave?.bytes).toEqual(first.subarray(0, 512));
  expect(one?.registers.general?.entries()).toHaveLength(27);
  expect(one?.registers.general?.get("r15")).toBe(REGISTERS_64[0]);
  expect(one?.registers.general?.get("rip")).toBe(REGISTERS_64[16]);
  expect(one?.registers.general?.get("gs")).toBe(REGISTERS_64[26]);
  expect(one?.area?.bytes).toEqual(first);
  expect(one?.area?.form).toBe("standard");
  expect(one?.area?.evidence).toMatchObject({ size: 2440, userFeatures: { mask: 0x2e7n, where: "byte 464" }, xcompBv: 0n });
  expect(two).toMatchObject({ tid: 42, pid: 41, signal: 11 });
  expect(two?.signalled).toBe(false);
  expect(two?.name).toBeUndefined();
  expect(two?.area?.bytes).toEqual(second);
  // One layout for the whole file, though its note stands between the threads.
  for (const thread of [one, two])
    expect(thread?.area?.evidence.declared).toEqual({
      source: "NT_X86_XSAVE_LAYOUT",
      rows: [
        { index: 2, size: 256, standardOffset: 576, flags: 0 },
        { index: 5, size: 64, standardOffset: 832, flags: 0 },
        { index: 6, size: 512, standardOffset: 896, flags: 0 },
        { index: 7, size: 1024, standardOffset: 1408, flags: 0 },
        { index: 9, size: 8, standardOffset: 2432, flags: 0 },
      ],
    });
});

test("an area's place in the file is told", async () => {
  const bytes = area(832, 3, 7n);
  const file = new CoreWriter("x86-64").thread(1, { area: bytes }).bytes();
  const { threads } = await open(file);
  const at = threads[0]?.area?.fileOffset ?? 0;
  expect(file.subarray(at, at + 832)).toEqual(bytes);
});

test("i386: FSAVE and FXSAVE beside the area", async () => {
  const bytes = area(832, 4, 7n);
  const { description, threads, process } = await open(
    new CoreWriter("i386")
      .thread(7, {
        signal: 6,
        general: Array.from({ length: 17 }, (_, i) => BigInt(i + 100)),
        fpregs: new Uint8Array(108).fill(9),
        xfpregs: bytes.subarray(0, 512),
        area: bytes,
      })
      .note("CORE", 3, prpsinfo(124, 7, [12, 28, 44]))
      .bytes(),
  );
  expect(description).toBe("ELF core, Linux, i386");
  expect(process).toEqual({ pid: 7, name: "a-program", command: "a-program --flag" });
  expect(threads[0]).toMatchObject({ tid: 7, signal: 6 });
  expect(threads[0]?.registers.general?.get("ebx")).toBe(100n);
  expect(threads[0]?.registers.general?.get("eip")).toBe(112n);
  expect(threads[0]?.registers.general?.get("ss")).toBe(116n);
  expect(threads[0]?.registers.fsave?.bytes).toEqual(new Uint8Array(108).fill(9));
  expect(threads[0]?.registers.fxsave?.bytes).toEqual(bytes.subarray(0, 512));
  expect(threads[0]?.area?.bytes).toEqual(bytes);
});

test("x32: a 32-bit file with 64-bit registers", async () => {
  const { description, threads, process } = await open(
    new CoreWriter("x32")
      .thread(8, { general: REGISTERS_64, area: area(832, 5, 7n) })
      .note("CORE", 3, prpsinfo(128, 8, [16, 32, 48]))
      .bytes(),
  );
  expect(description).toBe("ELF core, Linux, x32");
  expect(process?.pid).toBe(8);
  expect(threads[0]).toMatchObject({ tid: 8 });
  expect(threads[0]?.signal).toBeUndefined();
  expect(threads[0]?.registers.general?.get("rip")).toBe(REGISTERS_64[16]);
  expect(threads[0]?.registers.general?.get("rsp")).toBe(REGISTERS_64[19]);
});

test.each(["x86-64", "i386"] as const)("%s: PN_XNUM and many PT_NOTE segments", async (abi) => {
  const writer = new CoreWriter(abi);
  for (let tid = 1; tid <= 300; tid++) writer.thread(tid, { area: area(832, tid, 7n) }).nextSegment();
  for (const extended of [false, true]) {
    const { threads, warnings } = await open(writer.bytes({ extended }));
    expect(warnings).toEqual([]);
    expect(threads.map(({ tid }) => tid)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(threads.every(({ area: each }, i) => each?.bytes[0] === ((i + 1) & 0xff))).toBe(true);
  }
});

test("a compacted area says so itself", async () => {
  const bytes = area(1088, 6, 7n, { xcompBv: (1n << 63n) | 7n });
  const { threads } = await open(new CoreWriter("x86-64").thread(1, { area: bytes }).bytes());
  expect(threads[0]?.area?.form).toBe("compacted");
  expect(threads[0]?.area?.evidence.xcompBv).toBe((1n << 63n) | 7n);
});

test("FreeBSD: prstatus with sizes, thread names, the area under its own name", async () => {
  const status = new Uint8Array(224);
  const view = new DataView(status.buffer);
  view.setUint32(0, 1, true);
  view.setInt32(36, 10, true);
  view.setInt32(40, 100123, true);
  view.setBigUint64(48, 0xf15n, true);
  view.setUint16(48 + 124, 0x13, true);
  view.setBigUint64(48 + 136, 0xabcdn, true);
  const info = new Uint8Array(120);
  info.set(ascii("daemon"), 16);
  info.set(ascii("daemon -f"), 33);
  new DataView(info.buffer).setInt32(116, 77, true);
  const bytes = area(832, 7, 7n);
  const { description, process, threads, warnings } = await open(
    new CoreWriter("x86-64")
      .note("FreeBSD", 3, info)
      .note("FreeBSD", 1, status)
      .note("FreeBSD", 2, bytes.slice(0, 512))
      .note("FreeBSD", 7, ascii("worker-1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"))
      .note("FreeBSD", 0x202, bytes)
      .bytes(),
  );
  expect(warnings).toEqual([]);
  expect(description).toBe("ELF core, FreeBSD, x86-64");
  expect(process).toEqual({ pid: 77, name: "daemon", command: "daemon -f" });
  expect(threads).toHaveLength(1);
  expect(threads[0]).toMatchObject({ tid: 100123, pid: 77, name: "worker-1", signal: 10, signalled: true });
  expect(threads[0]?.registers.general?.get("r15")).toBe(0xf15n);
  expect(threads[0]?.registers.general?.get("fs")).toBe(0x13n);
  expect(threads[0]?.registers.general?.get("rip")).toBe(0xabcdn);
  expect(threads[0]?.area?.bytes).toEqual(bytes);
});

test("NetBSD: threads by the note's name; struct xstate as a standard area", async () => {
  const info = new Uint8Array(160);
  const infoView = new DataView(info.buffer);
  infoView.setInt32(8, 11, true);
  infoView.setInt32(80, 555, true);
  info.set(ascii("crasher"), 124);
  infoView.setInt32(156, 2, true);
  const regs = new Uint8Array(26 * 8);
  new DataView(regs.buffer).setBigUint64(21 * 8, 0x4000n, true);
  const xstate = Uint8Array.from({ length: 2384 }, (_, i) => (i * 13) & 0xff);
  const xstateView = new DataView(xstate.buffer);
  xstateView.setBigUint64(0, 0xe7n, true);
  xstateView.setBigUint64(8, 0xe6n, true);
  const { description, process, threads, warnings } = await open(
    new CoreWriter("x86-64")
      .note("NetBSD-CORE", 1, info)
      .note("NetBSD-CORE@2", 33, regs)
      .note("NetBSD-CORE@2", 35, xstate.slice(16, 528))
      .note("NetBSD-CORE@2", 41, xstate)
      .note("NetBSD-CORE@1", 33, new Uint8Array(26 * 8))
      .bytes(),
  );
  expect(warnings).toEqual([]);
  expect(description).toBe("ELF core, NetBSD, x86-64");
  expect(process).toEqual({ pid: 555, name: "crasher" });
  expect(threads.map(({ tid }) => tid)).toEqual([2, 1]);
  expect(threads[0]).toMatchObject({ signal: 11, signalled: true });
  expect(threads[0]?.registers.general?.get("rip")).toBe(0x4000n);
  expect(threads[0]?.registers.fxsave?.bytes).toEqual(xstate.subarray(16, 528));
  const made = threads[0]?.area?.bytes ?? expect.fail("no area");
  expect(made).toHaveLength(2432);
  expect(made.subarray(0, 512)).toEqual(xstate.subarray(16, 528));
  expect(new DataView(made.buffer).getBigUint64(512, true)).toBe(0xe6n);
  expect(made.subarray(520, 576)).toEqual(new Uint8Array(56));
  // ymm_hi128, opmask, zmm_hi256, hi16_zmm follow the legacy region without gaps.
  for (const { index, size, standardOffset } of threads[0]?.area?.evidence.declared?.rows ?? expect.fail("no rows"))
    expect([index, made.subarray(standardOffset, standardOffset + size)]).toEqual([
      index,
      xstate.subarray(standardOffset - 48, standardOffset - 48 + size),
    ]);
  expect(threads[0]?.area?.evidence.userFeatures).toEqual({ mask: 0xe7n, where: "xs_rfbm" });
});

test("NetBSD: a signal that was sent to the process, not to a thread", async () => {
  const info = new Uint8Array(160);
  new DataView(info.buffer).setInt32(8, 11, true);
  const writer = new CoreWriter("x86-64").note("NetBSD-CORE", 1, info);
  for (const tid of [2, 1]) writer.note(`NetBSD-CORE@${tid}`, 33, new Uint8Array(26 * 8));
  const { threads } = await open(writer.bytes());
  expect(threads.map(({ tid, signal, signalled }) => [tid, signal, signalled])).toEqual([
    [2, 11, undefined],
    [1, 11, undefined],
  ]);
});
