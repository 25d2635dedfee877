/** Registers by name out of containers: fresh cores of this machine, signal frames, minidumps, cores with and without a layout note. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type DecodedThread, decodeThreads } from "../../src/formats/decode-container.ts";
import { bytesSource, openContainer } from "../../src/formats/index.ts";
import { openContainerFile } from "../../src/host/open-container-file.ts";
import { encodeImage, hexBytes, readRegisters, selectRegisters, stateOfRegisters } from "../../src/image/index.ts";
import type { RegisterInput } from "../../src/image/index.ts";
import { loadModel, modelFiles } from "../model/model-files.ts";
import { CoreWriter } from "./core-writer.ts";
import { minidumpBytes } from "./minidump-writer.ts";
import { compile, coresLandHere, crash, gdb, newFolder, startUntilReady } from "./programs.ts";

const models = modelFiles.map((file) => loadModel(file.replace(".yaml", "")));
const zen5 = loadModel("amd-zen-5");
const rows = zen5.components.filter(({ index }) => [2, 5, 6, 7].includes(index));
const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
const ownFolder = (): string => {
  const folder = newFolder();
  folders.push(folder);
  return folder;
};
const skipped = (reason: string): void => console.log(`skipped: ${reason}`);

/** The block of thread `i` of known-registers.c. */
const block = (i: number): Uint8Array => Uint8Array.from({ length: 2048 }, (_, j) => 7 * j + 31 * i + 13);

function registersOf({ state }: DecodedThread): Record<string, string> {
  return Object.fromEntries(
    readRegisters(state, selectRegisters("all")).map(({ register, bytes }) => [register.name, hexBytes(bytes)]),
  );
}

/** What thread `i` of known-registers.c loaded, by name. */
function loaded(i: number, level: string): Record<string, string> {
  const wanted: Record<string, string> = {};
  const take = (name: string, at: number, size: number): void => {
    wanted[name] = hexBytes(block(i).subarray(at, at + size));
  };
  for (let n = 0; n < 8; n++) take(`st${n}`, 16 * n, 10);
  for (let n = 0; n < 16; n++) take(`xmm${n}`, 64 * n, 16);
  for (let n = 0; n < 16 && level !== "sse"; n++) take(`ymm${n}`, 64 * n, 32);
  if (level === "avx512") {
    for (let n = 0; n < 32; n++) take(`zmm${n}`, 64 * n, 64);
    for (let n = 0; n < 8; n++) take(`k${n}`, 8 * n, 8);
  }
  return wanted;
}

function announced(out: string): Map<number, { index: number; level: string }> {
  const lines = out.matchAll(/^(\d+) (\d+) (\w+)$/gm);
  return new Map([...lines].map(([, index, tid, level = ""]) => [Number(tid), { index: Number(index), level }]));
}

test("a fresh core of this kernel: every register of every thread", { timeout: 60_000 }, async () => {
  const elsewhere = coresLandHere();
  if (elsewhere !== undefined) return skipped(elsewhere);
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const dumped = crash(folder, program.path, "crash");
  if ("reason" in dumped) return skipped(dumped.reason);
  const known = announced(dumped.out);
  const threads = [...decodeThreads(await openContainerFile(dumped.core), models)];
  expect(threads).toHaveLength(known.size);
  for (const each of threads) {
    const { index, level } = known.get(each.thread.tid ?? -1) ?? expect.fail("an unknown thread");
    expect(each.layout?.warnings).toEqual([]);
    expect(each.decoded?.warnings).toEqual([]);
    expect(registersOf(each)).toMatchObject(loaded(index, level));
  }
  console.log(`fresh core: layout ${threads[0]?.layout?.map} (${threads[0]?.layout?.source}), ${threads[0]?.layout?.certainty}`);
});

test("gdb's gcore of the same program: right, or said to be unsure", { timeout: 90_000 }, async () => {
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const { child, out } = await startUntilReady(program.path, "wait");
  const core = join(folder, "gcore");
  const printed = gdb(["-p", String(child.pid)], [`gcore ${core}`, "detach"]);
  child.kill("SIGKILL");
  if (!printed?.includes("Saved corefile")) return skipped("gdb is not there or cannot attach");
  const known = announced(out);
  for (const each of decodeThreads(await openContainerFile(core), models)) {
    const { index, level } = known.get(each.thread.tid ?? -1) ?? expect.fail("an unknown thread");
    const sure = each.layout?.certainty === "certain" || each.layout?.certainty === "likely";
    const doubted = each.layout?.warnings.length !== 0;
    const wanted = loaded(index, sure && !doubted ? level : "sse");
    expect(registersOf(each)).toMatchObject(wanted);
  }
});

test("the stack that a signal handler finds", { timeout: 60_000 }, async () => {
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const file = join(folder, "stack");
  const { stdout } = spawnSync(program.path, ["frame", file], { encoding: "utf8", timeout: 20_000 });
  const [frame = expect.fail("no frame")] = decodeThreads(await openContainerFile(file), models);
  expect(registersOf(frame)).toMatchObject(loaded(0, [...announced(stdout).values()][0]?.level ?? "sse"));
});

const known: Record<string, RegisterInput> = {
  fcw: 0x37f,
  mxcsr: 0x1fa0,
  k1: 0x1234n,
  zmm3: block(1).subarray(0, 64),
  zmm17: block(2).subarray(64, 128),
};
const shownKnown = {
  fcw: "7f03",
  k1: "3412000000000000",
  zmm3: hexBytes(block(1).subarray(0, 64)),
  zmm17: hexBytes(block(2).subarray(64, 128)),
};

test("a minidump: the compacted chunk and the CONTEXT beside it are one set of registers", async () => {
  const { bytes, legacy = new Uint8Array() } = encodeImage(stateOfRegisters(known, rows), {
    form: "compacted-without-legacy",
    rows,
  });
  const table = { enabled: 0xe7n, rows: rows.map(({ index, size, standardOffset }) => [index, standardOffset ?? 0, size]) };
  const dump = minidumpBytes({
    architecture: "amd64",
    threads: [
      { tid: 7, context: { legacy, xstate: bytes } },
      { tid: 8, context: { legacy } },
    ],
    table,
  });
  const [one, two] = [...decodeThreads(await openContainer(bytesSource(dump)), models)];
  expect(one?.layout).toMatchObject({ source: "declared", certainty: "certain", warnings: [] });
  expect(registersOf(one!)).toMatchObject({ ...shownKnown, mxcsr: "a01f0000" });
  // Without a chunk: what CONTEXT has, and nothing invented.
  expect(registersOf(two!)).toMatchObject({ xmm3: shownKnown.zmm3.slice(0, 32), mxcsr: "a01f0000" });
  expect(Object.keys(registersOf(two!))).not.toContain("ymm3");
});

/** As Linux writes it for user space. */
function linuxArea(registers: Record<string, RegisterInput>): Uint8Array {
  const { bytes } = encodeImage(stateOfRegisters(registers, rows), { form: "standard", rows });
  new DataView(bytes.buffer).setBigUint64(464, 0xe7n, true);
  return bytes;
}

test("threads of one file share the layout that the clearest of them shows", async () => {
  // Padded to Intel's size, a thread in init fits both; the other's opmask lies in Intel's gap.
  const padded = (area: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(4096);
    bytes.set(area);
    return bytes;
  };
  const areas = [padded(linuxArea({})), padded(linuxArea(known))];
  const evidence = (bytes: Uint8Array) => ({
    fileOffset: 0,
    bytes,
    form: "standard" as const,
    evidence: {
      size: 4096,
      sizePadded: true,
      bytes,
      form: "standard" as const,
      userFeatures: { mask: 0xe7n, where: "byte 464" },
    },
  });
  const container = {
    kind: "kvm-xsave",
    description: "two blobs",
    threads: areas.map((bytes) => ({ registers: {}, area: evidence(bytes) })),
    warnings: [],
  } as const;
  const [first, second] = [...decodeThreads(container, models)];
  expect(first?.layout).toBe(second?.layout);
  expect(first?.layout).toMatchObject({ map: "amd-zen-3", certainty: "likely" });
  expect(registersOf(second!)).toMatchObject(shownKnown);
});

test("older registers: FXSAVE alone, FSAVE alone, none", async () => {
  const legacy = encodeImage(
    stateOfRegisters({ ...known, zmm3: block(1).subarray(0, 64), st2: block(0).subarray(0, 10), ftw: 0x20 }, rows),
    { form: "standard", rows },
  ).bytes.slice(0, 512);
  const fsave = new Uint8Array(108);
  const words = new DataView(fsave.buffer);
  words.setUint32(0, 0xffff037f, true);
  words.setUint32(4, 0xffff3000, true); // TOP = 6
  words.setUint32(8, 0xffff0fff, true); // physical 6 and 7 valid
  words.setUint32(12, 0x08048000, true);
  words.setUint32(16, 0x05de0023, true); // FOP 5DE, FCS 23
  fsave.set(block(0).subarray(0, 80), 28);
  const writer = new CoreWriter("i386").thread(1, { xfpregs: legacy }).thread(2, { fpregs: fsave }).thread(3);
  const [one, two, three] = [...decodeThreads(await openContainer(bytesSource(writer.bytes())), models)];
  expect(registersOf(one!)).toMatchObject({
    st2: hexBytes(block(0).subarray(0, 10)),
    xmm3: shownKnown.zmm3.slice(0, 32),
    mxcsr: "a01f0000",
  });
  expect(registersOf(two!)).toMatchObject({
    fcw: "7f03",
    fsw: "0030",
    ftw: "c0",
    fip: "0080040800000000",
    fop: "de05",
    st0: hexBytes(block(0).subarray(0, 10)),
    st7: hexBytes(block(0).subarray(70, 80)),
    // ST0 is physical register 6.
    mm6: hexBytes(block(0).subarray(0, 8)),
  });
  expect(registersOf(three!)).toEqual({});
});
