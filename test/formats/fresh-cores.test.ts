/** Cores written now, by this kernel and by gdb's gcore, of threads whose registers are known; beside what gdb prints. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Container, type ContainerThread, decodeThreads, openContainer } from "../../src/formats/index.ts";
import { loadBundledModels } from "../../src/host/load-models.ts";
import { readRegisters } from "../../src/image/read-register.ts";
import { selectRegisters } from "../../src/image/registers.ts";
import { fileSource } from "../../src/host/file-source.ts";
import { compile, coresLandHere, crash, gdb, newFolder, startUntilReady } from "./programs.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
const ownFolder = (): string => {
  const folder = newFolder();
  folders.push(folder);
  return folder;
};

/** Says why a test did nothing. */
const skipped = (reason: string): void => console.log(`skipped: ${reason}`);

/** The block of thread `i`, as the programs fill it. */
const block = (i: number): Uint8Array => Uint8Array.from({ length: 2048 }, (_, j) => 7 * j + 31 * i + 13);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

async function open(path: string): Promise<Container> {
  const source = await fileSource(path);
  try {
    return await openContainer(source, { file: "core" });
  } finally {
    await source.close();
  }
}

/** `tid` -> index and widest registers, from what the program prints. */
function announced(out: string): Map<number, { index: number; level: string }> {
  const lines = out.matchAll(/^(\d+) (\d+) (\w+)$/gm);
  return new Map([...lines].map(([, index, tid, level = ""]) => [Number(tid), { index: Number(index), level }]));
}

/** `inspect`'s word on the vectors of every thread, layout chosen from the evidence, against what was loaded. */
function expectDecoded(container: Container, threads: ReturnType<typeof announced>, most?: string): void {
  for (const { thread, state, decoded } of decodeThreads(container, loadBundledModels())) {
    const { index, level: loadedLevel } = threads.get(thread.tid ?? -1) ?? expect.fail("an unknown thread");
    const level = most ?? loadedLevel;
    // FXSAVE alone has XMM only.
    const [names, size] =
      !decoded?.layout || !thread.area
        ? ["xmm", 16]
        : level === "avx512"
          ? ["zmm", 64]
          : level === "avx"
            ? ["ymm", 32]
            : ["xmm", 16];
    const loaded = block(index);
    const registers = readRegisters(state, selectRegisters(names));
    expect(registers.length).toBe(names === "zmm" ? 32 : 16);
    registers.forEach(({ bytes }, n) => expect(hex(bytes)).toBe(hex(loaded.subarray(64 * n, 64 * n + size))));
  }
}

/** Compares the legacy region, FXSAVE or area alike, with what the thread loaded. */
function expectLegacy(bytes: Uint8Array, i: number, vectors: number): void {
  const loaded = block(i);
  for (let n = 0; n < 8; n++)
    expect(hex(bytes.subarray(32 + 16 * n, 42 + 16 * n))).toBe(hex(loaded.subarray(16 * n, 16 * n + 10)));
  for (let n = 0; n < vectors; n++)
    expect(hex(bytes.subarray(160 + 16 * n, 176 + 16 * n))).toBe(hex(loaded.subarray(64 * n, 64 * n + 16)));
}

const mxcsrOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true);

/** The register's upper part as the file's own layout places it. */
function component(thread: ContainerThread, index: number, at: number, size: number): string | undefined {
  const row = thread.area?.evidence.declared?.rows.find((each) => each.index === index);
  return row && thread.area
    ? hex(thread.area.bytes.subarray(row.standardOffset + at, row.standardOffset + at + size))
    : undefined;
}

test("a core of this kernel, three threads", { timeout: 60_000 }, async () => {
  const elsewhere = coresLandHere();
  if (elsewhere !== undefined) return skipped(elsewhere);
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const dumped = crash(folder, program.path, "crash");
  if ("reason" in dumped) return skipped(dumped.reason);
  const threads = announced(dumped.out);
  const container = await open(dumped.core);
  expect(container).toMatchObject({ kind: "elf-core", description: "ELF core, Linux, x86-64", warnings: [] });
  expect(container.process?.name).toBe("known-registers".slice(0, 15));
  expect(container.threads.map(({ tid }) => tid).toSorted()).toEqual([...threads.keys()].toSorted());
  let declared = 0;
  for (const thread of container.threads) {
    const { index, level } = threads.get(thread.tid ?? -1) ?? expect.fail("an unknown thread");
    const bytes = thread.area?.bytes ?? expect.fail("no area");
    expectLegacy(bytes, index, 16);
    expectLegacy(thread.registers.fxsave?.bytes ?? expect.fail("no NT_PRFPREG"), index, 16);
    expect(mxcsrOf(bytes)).toBe(0x1f80 + 0x2000 * index);
    expect({ signal: thread.signal, signalled: thread.signalled }).toEqual({
      signal: 4,
      signalled: index === 0,
    });
    // UD2 is 0F 0B, PAUSE F3 90: RIP is in the program either way.
    expect(thread.registers.general?.get("rip")).toBeGreaterThan(0n);
    if (!thread.area?.evidence.declared) continue;
    declared++;
    const loaded = block(index);
    for (let n = 0; n < 16 && level !== "sse"; n++)
      expect(component(thread, 2, 16 * n, 16)).toBe(hex(loaded.subarray(64 * n + 16, 64 * n + 32)));
    if (level !== "avx512") continue;
    for (let n = 0; n < 8; n++) expect(component(thread, 5, 8 * n, 8)).toBe(hex(loaded.subarray(8 * n, 8 * n + 8)));
    for (let n = 0; n < 16; n++) expect(component(thread, 6, 32 * n, 32)).toBe(hex(loaded.subarray(64 * n + 32, 64 * n + 64)));
    for (let n = 16; n < 32; n++) expect(component(thread, 7, 64 * (n - 16), 64)).toBe(hex(loaded.subarray(64 * n, 64 * n + 64)));
  }
  expectDecoded(container, threads, declared > 0 ? undefined : "sse");
  if (declared === 0) skipped("YMM and ZMM: this kernel writes no NT_X86_XSAVE_LAYOUT");
  const printed = gdb(
    [program.path, dumped.core],
    ["thread apply all -q p/x $xmm3.uint128", "thread apply all -q p $ymm3.v4_int64"],
  );
  if (printed === undefined) return skipped("the comparison with gdb: no gdb");
  const xmm3 = [...printed.matchAll(/= 0x([0-9a-f]+)$/gm)].map(([, digits = ""]) => digits.padStart(32, "0"));
  const ours = container.threads.map((thread) =>
    Buffer.from(thread.area?.bytes.slice(208, 224) ?? [])
      .reverse()
      .toString("hex"),
  );
  expect(xmm3.toSorted()).toEqual(ours.toSorted());
  console.log(`gdb's ymm3 in the same core: ${printed.match(/= \{.*\}$/gm)?.join(" ") ?? "nothing"}`);
});

test("a core of gdb's gcore", { timeout: 90_000 }, async () => {
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const { child, out } = await startUntilReady(program.path, "wait");
  const core = join(folder, "gcore");
  const printed = gdb(["-p", String(child.pid)], [`gcore ${core}`, "detach"]);
  child.kill("SIGKILL");
  if (printed === undefined) return skipped("no gdb");
  if (!printed.includes("Saved corefile")) return skipped(`gdb cannot attach: ${printed.trim().split("\n").at(-1) ?? ""}`);
  const threads = announced(out);
  const container = await open(core);
  expect(container.warnings).toEqual([]);
  expect(container.threads.map(({ tid }) => tid).toSorted()).toEqual([...threads.keys()].toSorted());
  for (const thread of container.threads) {
    const { index } = threads.get(thread.tid ?? -1) ?? expect.fail("an unknown thread");
    // A gdb that does not know the CPU's layout writes FXSAVE alone, and an area only where it thinks that it does.
    expectLegacy(thread.registers.fxsave?.bytes ?? expect.fail("no NT_FPREGSET"), index, 16);
    if (thread.area) expectLegacy(thread.area.bytes, index, 16);
  }
  // Up to 13, gdb puts the upper parts where Intel's CPUs have them, on every CPU.
  expectDecoded(container, threads, "sse");
});

test("the stack that a signal handler finds", { timeout: 60_000 }, async () => {
  const folder = ownFolder();
  const program = compile(folder, "known-registers.c", "-pthread");
  if ("reason" in program) return skipped(program.reason);
  const file = join(folder, "stack");
  const { stdout, status } = spawnSync(program.path, ["frame", file], { encoding: "utf8", timeout: 20_000 });
  expect(status).toBe(0);
  const level = [...announced(stdout).values()][0]?.level;
  const { kind, description, threads, warnings } = await open(file);
  expect({ kind, description, warnings }).toEqual({ kind: "signal-frame", description: "Linux signal frame", warnings: [] });
  const { bytes, evidence } = threads[0]?.area ?? expect.fail("no area");
  expectLegacy(bytes, 0, 16);
  expect(mxcsrOf(bytes)).toBe(0x1f80);
  expect(evidence.userFeatures?.where).toBe("byte 472");
  // AVX has one place on every CPU; the rest needs the layout.
  for (let n = 0; n < 16 && level !== "sse"; n++)
    expect(hex(bytes.subarray(576 + 16 * n, 592 + 16 * n))).toBe(hex(block(0).subarray(64 * n + 16, 64 * n + 32)));
});

test.each(["sse", "avx"])("a core of a 32-bit program, %s", { timeout: 60_000 }, async (level) => {
  const elsewhere = coresLandHere();
  if (elsewhere !== undefined) return skipped(elsewhere);
  const folder = ownFolder();
  const flags = ["-m32", "-ffreestanding", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-fno-stack-protector"];
  const program = compile(folder, "known-registers-32.c", ...flags, ...(level === "avx" ? ["-DAVX"] : []));
  if ("reason" in program) return skipped(program.reason);
  const dumped = crash(folder, program.path);
  if ("reason" in dumped) return skipped(dumped.reason);
  const { description, threads, warnings } = await open(dumped.core);
  expect({ description, warnings }).toEqual({ description: "ELF core, Linux, i386", warnings: [] });
  const [thread = expect.fail("no thread")] = threads;
  const bytes = thread.area?.bytes ?? expect.fail("no area");
  expectLegacy(bytes, 0, 8);
  expect(mxcsrOf(bytes)).toBe(0x3f80);
  expect(thread.registers.general?.get("eip")).toBeGreaterThan(0n);
  // FSAVE keeps ST0-ST7 ten bytes each, behind seven words.
  const fsave = thread.registers.fsave?.bytes ?? expect.fail("no NT_PRFPREG");
  for (let n = 0; n < 8; n++)
    expect(hex(fsave.subarray(28 + 10 * n, 38 + 10 * n))).toBe(hex(block(0).subarray(16 * n, 16 * n + 10)));
  if (level === "avx" && thread.signal === 4 && thread.area?.evidence.declared)
    for (let n = 0; n < 8; n++) expect(component(thread, 2, 16 * n, 16)).toBe(hex(block(0).subarray(64 * n + 16, 64 * n + 32)));
});
