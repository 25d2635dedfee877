/** Buffer sizes against this machine's kernel and C library, boot logs and published figures. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";

import { loadBundledModel, loadBundledModels } from "../../src/host/load-models.ts";
import type { BufferKind } from "../../src/model/buffer-plan.ts";
import { acceptedMasks, bufferPlan, glibcStateSize, minSignalStackSize, userAreaSize } from "../../src/model/buffer-plan.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { xcr0Violations } from "../../src/runtime/control-registers.ts";
import { compileCached } from "../../src/verify/oracle/compile-c.ts";

const bytesOf = (model: CpuModel, kind: BufferKind, mask?: bigint): number | undefined =>
  bufferPlan(model, mask).find((each) => each.kind === kind)?.bytes;

const THIS_MACHINE = `
#include <cpuid.h>
#include <stdio.h>
#include <sys/auxv.h>
int main(void) {
  unsigned a, b, c, d, low, high;
  __cpuid(1, a, b, c, d);
  if (!(c & (1u << 27))) return 3;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  printf("%lu %u %u", getauxval(51), low, high);
  for (unsigned i = 0; i < 63; i++) {
    __cpuid_count(13, i, a, b, c, d);
    printf(" %u %u %u %u", a, b, c, d);
  }
  return 0;
}
`;

interface ThisMachine {
  /** getauxval(AT_MINSIGSTKSZ) */
  readonly minSignalStack: number;
  readonly xcr0: bigint;
  /** CPUID.(0DH,0).EBX */
  readonly userArea: number;
  readonly cpu: CpuModel;
}

function thisMachine(): ThisMachine | string {
  if (process.platform !== "linux" || process.arch !== "x64") return `${process.platform} on ${process.arch}`;
  const program = compileCached("this-machine", THIS_MACHINE, ["-O1"]);
  if ("reason" in program) return program.reason;
  const { status, stdout } = spawnSync(program.path, { encoding: "utf8" });
  if (status !== 0) return "no XSAVE enabled";
  const [minSignalStack = 0, low = 0, high = 0, ...leaf] = stdout.split(" ").map(Number);
  const xcr0 = (BigInt(high) << 32n) | BigInt(low);
  const row = (index: number): number[] => leaf.slice(4 * index, 4 * index + 4);
  const components = Array.from({ length: 61 }, (_, at) => at + 2)
    .filter((index) => row(index)[0]! > 0)
    .map((index) => {
      const [size = 0, offset = 0, flags = 0] = row(index);
      const supervisor = (flags & 1) === 1;
      const standardOffset = supervisor ? undefined : offset;
      return { index, size, standardOffset, supervisor, align64: (flags & 2) !== 0, xfd: (flags & 4) !== 0 };
    });
  const instructions = { ...loadBundledModel("amd-zen-5").instructions, xsavec: (row(1)[0]! & 2) !== 0 };
  const supported = BigInt(row(0)[0]!) | (BigInt(row(0)[3]!) << 32n);
  const cpu = { ...loadBundledModel("amd-zen-5"), id: "this-machine", xcr0Supported: supported, components, instructions };
  return { minSignalStack, xcr0, userArea: row(0)[1]!, cpu };
}

const machine = thisMachine();

/** True, false, or undefined where the kernel does not show its configuration. */
function ia32Emulation(): boolean | undefined {
  if (!existsSync("/proc/config.gz")) return undefined;
  return /^CONFIG_IA32_EMULATION=y$/m.test(gunzipSync(readFileSync("/proc/config.gz")).toString());
}

test("AT_MINSIGSTKSZ is what getauxval says here", ({ skip }) => {
  if (typeof machine === "string") return skip(machine);
  const { cpu, xcr0, userArea, minSignalStack } = machine;
  expect(userAreaSize(cpu, xcr0)).toBe(userArea);
  if (minSignalStack === 0) return skip("the kernel gives no AT_MINSIGSTKSZ");
  const emulation = ia32Emulation();
  const sizes = { true: bytesOf(cpu, "at-minsigstksz", xcr0), false: bytesOf(cpu, "at-minsigstksz-64-bit-only", xcr0) };
  if (emulation === undefined) expect(Object.values(sizes)).toContain(minSignalStack);
  else expect(sizes[`${emulation}`]).toBe(minSignalStack);
});

test("_dl_runtime_resolve's state is what ld.so says here", ({ skip }) => {
  if (typeof machine === "string") return skip(machine);
  const linker = "/lib64/ld-linux-x86-64.so.2";
  if (!existsSync(linker)) return skip(`no ${linker}`);
  const { stdout } = spawnSync(linker, ["--list-diagnostics"], { encoding: "utf8" });
  const version = /^version\.version="2\.(\d+)/m.exec(stdout)?.[1];
  const size = /^x86\.cpu_features\.xsave_state_size=0x([0-9a-f]+)/m.exec(stdout)?.[1];
  if (version === undefined || size === undefined) return skip("ld.so shows no diagnostics (glibc 2.33 on)");
  const forms = (["glibc-2.26", "glibc-2.40"] as const).map((form) => glibcStateSize(machine.cpu, machine.xcr0, form));
  const got = Number.parseInt(size, 16);
  // Updates of 2.38 and 2.39 took 2.40's form.
  if (version === "38" || version === "39") expect(forms).toContain(got);
  else expect(forms[Number(version) < 40 ? 0 : 1]).toBe(got);
});

test("AT_MINSIGSTKSZ of boot logs: 832, 1088, 2432, 2696 and 11008 bytes of user area", () => {
  expect([832, 1088, 2432, 2440, 2696, 11008].map((size) => minSignalStackSize(size, true))).toEqual([
    1776, 2032, 3376, 3376, 3632, 11952,
  ]);
});

test("published figures: SGX needs three pages for AMX, KVM more than 4096 bytes, glibc leaves tiles out", () => {
  const rapids = loadBundledModel("intel-sapphire-rapids");
  expect(bytesOf(rapids, "sgx-ssa-frame")).toBe(3 * 4096); // Gramine PR 99
  expect(bytesOf(rapids, "sgx-ssa-frame", 0xe7n)).toBe(4096);
  expect(bytesOf(rapids, "kvm-xsave2")).toBe(11008);
  expect(bytesOf(rapids, "kvm-xsave2", 0x2e7n)).toBe(4096);
  expect(bytesOf(rapids, "core-note")).toBe(11008);
  expect(bytesOf(rapids, "signal-frame")).toBe(11012);
  // 576 + 256 + 64 + 512 + 1024 = 2432; 11008 bytes of a user area play no part
  expect(bytesOf(rapids, "glibc-2.26")).toBe(2432 + 64);
  expect(bytesOf(rapids, "glibc-2.40")).toBe(2560);
  // MPX's bounds are saved, its configuration is not: 896 + 64
  expect(bytesOf(loadBundledModel("intel-skylake-client"), "glibc-2.26")).toBe(960);
  // Wine: CONTEXT 1232, CONTEXT_EX 32, 63, header 64, YMM 256
  expect(bytesOf(loadBundledModel("intel-sandy-bridge"), "windows-context")).toBe(1232 + 32 + 63 + 64 + 256);
  expect(bytesOf(loadBundledModel("amd-zen-4"), "windows-context", 0xe7n)).toBe(1232 + 32 + 63 + 2432 - 512);
});

test("every model has a plan for every mask, and AMD's Linux area leaves LWP out", () => {
  for (const model of loadBundledModels()) {
    for (const mask of [undefined, 0n, 3n, 0x80n, ~0n & ((1n << 64n) - 1n)]) {
      for (const { kind, bytes, allocate } of bufferPlan(model, mask)) {
        expect(Number.isInteger(bytes) && bytes >= 576 && allocate >= bytes && allocate % 64 === 0, `${model.id} ${kind}`).toBe(
          true,
        );
      }
    }
    for (const mask of acceptedMasks(model)) expect(xcr0Violations(model, mask)).toEqual([]);
  }
  const bulldozer = loadBundledModel("amd-bulldozer");
  expect([bytesOf(bulldozer, "xsave"), bytesOf(bulldozer, "core-note")]).toEqual([960, 832]);
});
