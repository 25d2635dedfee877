import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAINLINE_7_3, REVIEWED, V2, V4, V8 } from "../../src/perf/perf-interface.ts";
import { LARGEST_SAMPLE } from "../../src/perf/register-sampler.ts";
import { FROM_NOWHERE, FROM_PT_REGS, FROM_PT_REGS_AND_LIVE, FROM_TASK_STATE } from "../../src/perf/sample-filter.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { REFUSED_NOT_IN_NMI } from "../../src/runtime/policies/policy.ts";
import { bindGeneralSave } from "../../src/runtime/general-save.ts";
import { savePlan } from "../../src/runtime/save-plan.ts";
import { GROUP_SSP } from "../../src/perf/register-groups.ts";
import { SnapshotGroups } from "../../src/perf/snapshot-groups.ts";
import { fill } from "./filled-registers.ts";
import { naiveSample, type NamedRegisters } from "./naive-sample.ts";
import { EVERYTHING, type Rig, rig, simd } from "./sampling-rig.ts";

const ALL_VECTORS = 0xffff_ffffn;
const SSP = 1n << 40n;

describe("a live sample, byte for byte", () => {
  const vectors = fc.integer({ min: 0, max: 0xffff_ffff }).map(BigInt);
  test("against the naive record, over random requests", () => {
    const machine = rig();
    const registers = fill(machine, 7n);
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 41n) - 1n }).map((mask) => mask & ~0xf000n),
        vectors,
        fc.constantFrom(2, 4, 8),
        fc.integer({ min: 0, max: 255 }).map(BigInt),
        (regs, mask, qwords, predicates) => {
          const request = simd({ vectorQwords: mask === 0n ? 0 : qwords, vectorsUser: mask, predicatesUser: predicates });
          const bytes = machine.sample(machine.sampler({ regsUser: regs, simd: request }))!;
          const wanted = { regs, simd: { vectors: mask, qwords: request.vectorQwords, predicates } };
          expect(bytes).toEqual(naiveSample(registers, wanted));
          const decoded = decodeRegisters(bytes, 0, { regs, vectors: mask, predicates });
          expect(decoded.size).toBe(bytes.length);
          for (const [n, value] of decoded.vectors) expect(value).toEqual(registers.zmm[n]!.subarray(0, 8 * qwords));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("the XMM ABI: two bits a register, halves alone too", () => {
    const machine = rig();
    const registers = fill(machine, 9n);
    for (const perf of [V8, REVIEWED]) {
      for (const regs of [3n << 32n, 1n << 33n, 1n << 63n, 0xffff_ffff_0000_0001n]) {
        const bytes = machine.sample(machine.sampler({ regsIntr: regs, preciseIp: 1 }, perf));
        expect(bytes).toEqual(naiveSample(registers, { regs }));
      }
    }
  });

  test("REGS_USER stands before REGS_INTR", () => {
    const machine = rig();
    const registers = fill(machine, 3n);
    const request = simd({ vectorQwords: 4, vectorsUser: 1n, vectorsIntr: 6n });
    const bytes = machine.sample(machine.sampler({ regsUser: 1n, regsIntr: 2n, simd: request }))!;
    const user = naiveSample(registers, { regs: 1n, simd: { vectors: 1n, qwords: 4, predicates: 0n } });
    const intr = naiveSample(registers, { regs: 2n, simd: { vectors: 6n, qwords: 4, predicates: 0n } });
    expect(bytes).toEqual(Uint8Array.from([...user, ...intr]));
  });
});

describe("components in their initial configuration", () => {
  const request = { regsUser: 0n, simd: simd({ vectorQwords: 8, vectorsUser: ALL_VECTORS, predicatesUser: 0xffn }) };
  const masks = { regs: 0n, vectors: ALL_VECTORS, predicates: 0xffn };

  test("are zeros, and told apart from not captured", () => {
    const machine = rig();
    machine.writer.vector(0, 3, 2, 0x77n);
    const sampler = machine.sampler(request, REVIEWED);
    const decoded = decodeRegisters(machine.sample(sampler)!, 0, masks);
    expect(decoded.vectors).toHaveLength(32);
    expect(decoded.vectorBytes).toBe(64);
    expect(new BigUint64Array(decoded.vectors[3]![1].buffer)).toEqual(
      BigUint64Array.from([0x77n, 0x77n, 0n, 0n, 0n, 0n, 0n, 0n]),
    );
    expect(sampler.user.captured).toBe(0xe6);
    expect(sampler.user.inUse).toBe(0x02);
  });

  test("make V4's record narrower: fewer registers and a smaller width", () => {
    const machine = rig();
    machine.writer.vector(0, 3, 4, 0x77n);
    const decoded = decodeRegisters(machine.sample(machine.sampler(request, V4))!, 0, masks);
    expect(decoded.vectorBytes).toBe(32);
    expect(decoded.vectors.map(([n]) => n)).toEqual(Array.from({ length: 16 }, (_, n) => n));
    expect(decoded.predicates).toEqual([]);
  });
});

describe("a refused save", () => {
  const request = { regsUser: 1n, simd: simd({ vectorQwords: 8, vectorsUser: 3n }) };
  const masks = { regs: 1n, vectors: 3n, predicates: 0n };

  test("delivers no vector, and nothing of the sample before", () => {
    const machine = rig();
    fill(machine, 5n);
    for (const perf of [V2, V4, V8, REVIEWED]) {
      const sampler = machine.sampler(request, perf);
      expect(machine.sample(sampler)!.length).toBe(8 + 8 + 8 + 2 * 64);
      const out = new Int32Array(LARGEST_SAMPLE >> 2).fill(0x5a5a5a5a);
      // Not in an NMI: the gate is shut.
      const end = sampler.sample(0, 0, machine.hit, out, 0);
      expect(sampler.status).toBe(REFUSED_NOT_IN_NMI);
      expect(sampler.user.captured).toBe(0);
      const decoded = decodeRegisters(new Uint8Array(out.buffer, 0, 4 * end), 0, masks);
      if (perf.notCaptured === "narrower") expect(decoded.vectors).toEqual([]);
      else for (const [, bytes] of decoded.vectors) expect(bytes.every((byte) => byte === 0)).toBe(true);
    }
  });
});

describe("the filter", () => {
  const request = { regsUser: 1n | SSP, simd: simd({ vectorQwords: 8, vectorsUser: 1n }) };

  /** An interruption of the kernel; the task's fpstate holds other values than the live registers. */
  function kernelMode(): { machine: Rig; task: NamedRegisters } {
    const machine = rig();
    const task = fill(machine, 0x7a5cn);
    // The task's state as XSAVES writes it for the kernel: all components, so other offsets than a snapshot's.
    const fpstate = rig();
    fill(fpstate, 0x7a5cn);
    const plan = savePlan(EVERYTHING, "XSAVES", 0x81ae7n & (EVERYTHING.xcr0Supported | EVERYTHING.xssSupported));
    bindGeneralSave(plan, fpstate.processors, fpstate.areas)(0, 0);
    machine.hit.fpstate = fpstate.areas.i32;
    machine.hit.fpstateOffset = 0;
    machine.hit.taskGeneral.set(machine.hit.general);
    fill(machine, 0xeeeen);
    machine.hit.userMode = false;
    return { machine, task };
  }
  const fromTask = (task: NamedRegisters): Uint8Array =>
    naiveSample(task, { regs: 1n | SSP, simd: { vectors: 1n, qwords: 8, predicates: 0n } });
  const NOTHING = new Uint8Array(8);

  test("TIF_NEED_FPU_LOAD: the task's saved state, SSP at its own offset", () => {
    const { machine, task } = kernelMode();
    machine.hit.needFpuLoad = true;
    const sampler = machine.sampler(request);
    expect(machine.sample(sampler)).toEqual(fromTask(task));
    expect(sampler.userFrom).toBe(FROM_TASK_STATE);
    expect(sampler.saved).toBe(0);
  });

  test("without the flag the live registers are the task's still", () => {
    const { machine, task } = kernelMode();
    const live = fill(machine, 0x7a5cn);
    expect(live.zmm).toEqual(task.zmm);
    const sampler = machine.sampler(request);
    expect(machine.sample(sampler)).toEqual(fromTask(task));
    expect(sampler.userFrom).toBe(FROM_PT_REGS_AND_LIVE);
  });

  test("contents of a kernel_fpu_begin() section are never in REGS_USER", () => {
    fc.assert(
      fc.property(
        fc.record({
          needFpuLoad: fc.boolean(),
          guestStateLoaded: fc.boolean(),
          noState: fc.boolean(),
          kernelThread: fc.boolean(),
        }),
        fc.constantFrom(V2, V4, V8, REVIEWED, MAINLINE_7_3),
        (context, perf) => {
          const { machine } = kernelMode();
          Object.assign(machine.hit, { inKernelFpu: true, ...context, ...(context.noState && { fpstateOffset: -1 }) });
          const bytes = machine.sample(machine.sampler(request, perf))!;
          // 0xeeee in the upper half of a quadword marks what is live.
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          for (let at = 4; at < bytes.length; at += 8) expect(view.getUint32(at, true)).not.toBe(0xeeee);
        },
      ),
    );
  });

  test("V4 drops the whole set; only pt_regs is still served", () => {
    const { machine } = kernelMode();
    machine.hit.needFpuLoad = true;
    expect(machine.sample(machine.sampler(request, V4))).toEqual(NOTHING);
    const sampler = machine.sampler({ regsUser: 1n }, V4);
    expect(machine.sample(sampler)!.length).toBe(16);
    expect(sampler.userFrom).toBe(FROM_PT_REGS);
  });

  test("kernel threads and half-written pt_regs have no user registers", () => {
    for (const field of ["kernelThread", "ptRegsIncomplete"] as const) {
      const { machine } = kernelMode();
      machine.hit[field] = true;
      const sampler = machine.sampler({ regsUser: 1n });
      expect(machine.sample(sampler)).toEqual(NOTHING);
      expect(sampler.userFrom).toBe(FROM_NOWHERE);
    }
  });

  test("exclude_kernel: REGS_INTR of an interruption of the kernel is empty, since 7.3", () => {
    const attributes = { regsIntr: 1n, excludeKernel: true };
    for (const [perf, length] of [
      [MAINLINE_7_3, 8],
      [REVIEWED, 8],
      [V4, 16],
    ] as const) {
      const { machine } = kernelMode();
      expect(machine.sample(machine.sampler(attributes, perf))!.length).toBe(length);
      machine.hit.userMode = true;
      expect(machine.sample(machine.sampler(attributes, perf))!.length).toBe(16);
    }
  });

  test("guest and host: samples that the event excludes, and registers that are the guest's", () => {
    const intr = { regsIntr: 1n, simd: simd({ vectorQwords: 2, vectorsIntr: 1n }) };
    const { machine } = kernelMode();
    machine.hit.guestMode = true;
    expect(machine.sample(machine.sampler({ ...intr, excludeGuest: true }))).toBeUndefined();
    expect(machine.sample(machine.sampler({ ...request, excludeGuest: true }))).toBeUndefined();
    machine.hit.guestMode = false;
    expect(machine.sample(machine.sampler({ ...intr, excludeHost: true }))).toBeUndefined();
    // The host runs with the guest's state in the registers: the vectors are not the host code's.
    machine.hit.guestStateLoaded = true;
    const sampler = machine.sampler(intr);
    const decoded = decodeRegisters(machine.sample(sampler)!, 0, { regs: 1n, vectors: 1n, predicates: 0n });
    expect(decoded.vectors).toEqual([]);
    expect(sampler.saved).toBe(0);
  });

  test("no byte of an earlier sample, in any order of sources", () => {
    const sources = ["live", "task", "drop", "pebs"] as const;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...sources), { minLength: 2, maxLength: 6 }), (order) => {
        const { machine } = kernelMode();
        const sampler = machine.sampler({ ...request, regsIntr: 1n });
        order.forEach((source, i) => {
          const seed = BigInt(0x1000 + i);
          fill(machine, seed);
          Object.assign(machine.hit, {
            userMode: source === "live" || source === "pebs",
            needFpuLoad: source === "task",
            kernelThread: source === "drop",
          });
          const bytes = machine.sample(sampler)!;
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          for (let at = 4; at < bytes.length; at += 8) {
            const mark = view.getUint32(at, true);
            if (mark >= 0x1000 && mark < 0x2000) expect(mark).toBe(Number(seed));
          }
        });
      }),
      { numRuns: 100 },
    );
  });
});

test("a task that runs 32-bit code has its own ABI word; both sets say so", () => {
  const machine = rig();
  const registers = fill(machine, 3n);
  machine.hit.task32Bit = true;
  const request = simd({ vectorQwords: 4, vectorsUser: 1n });
  const bytes = machine.sample(machine.sampler({ regsUser: 1n, regsIntr: 2n, simd: request }))!;
  const user = naiveSample(registers, { regs: 1n, simd: { vectors: 1n, qwords: 4, predicates: 0n } });
  const intr = naiveSample(registers, { regs: 2n, simd: { vectors: 0n, qwords: 4, predicates: 0n } });
  expect(user[0]).toBe(6);
  user[0] = 5;
  intr[0] = 5;
  expect(bytes).toEqual(Uint8Array.from([...user, ...intr]));
  expect(decodeRegisters(bytes, 0, { regs: 1n, vectors: 1n, predicates: 0n }).abi).toBe(5);
  const plain = machine.sample(machine.sampler({ regsUser: 1n }))!;
  expect(plain[0]).toBe(1);
});

test("a buffer without room is refused before a byte is written", () => {
  const machine = rig();
  const out = new Int32Array(LARGEST_SAMPLE >> 2);
  const sampler = machine.sampler({ regsUser: 1n });
  expect(() => sampler.sample(0, 0, machine.hit, out, 1)).toThrow(`"out" expected ${LARGEST_SAMPLE} bytes from word 1 on`);
});

describe("decoding what does not fit", () => {
  const masks = { regs: 3n, vectors: 0x1_0001n, predicates: 1n };
  const words = (...values: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);
  const counts = (vectors: number, qwords: number, predicates: number, predicateQwords: number): bigint =>
    BigInt(vectors) | (BigInt(qwords) << 16n) | (BigInt(predicates) << 32n) | (BigInt(predicateQwords) << 48n);

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", words(), /the ABI word: 8 bytes expected, 0 are left \(byte 0\)/],
    ["both word sizes", words(3n), /ABI word 0x3: expected 0, 1 or 2, or 5 or 6 with SIMD \(byte 0\)/],
    ["SIMD alone", words(4n), /ABI word 0x4/],
    ["an upper half", words(2n | (1n << 32n)), /ABI word 0x100000002/],
    ["a register missing", words(2n, 1n), /register 1: 8 bytes expected, 0 are left \(byte 16\)/],
    ["no counts", words(6n, 1n, 2n), /the counts of vector registers: 8 bytes expected, 0 are left \(byte 24\)/],
    ["65,535 vectors", words(6n, 1n, 2n, counts(0xffff, 8, 0, 1)), /65535 vectors, but the event asks for 2 \(byte 24\)/],
    ["65,535 predicates", words(6n, 1n, 2n, counts(0, 8, 0xffff, 1)), /65535 predicates, but the event asks for 1 \(byte 28\)/],
    ["vectors of 65,535 quadwords", words(6n, 1n, 2n, counts(2, 0xffff, 0, 1)), /2, 4 or 8 quadwords, got 65535 \(byte 26\)/],
    ["predicates of none", words(6n, 1n, 2n, counts(0, 8, 1, 0)), /a predicate has 1 quadword, got 0 \(byte 30\)/],
    [
      "vectors cut short",
      words(6n, 1n, 2n, counts(2, 2, 0, 1), 0n),
      /the vector registers: 32 bytes expected, 8 are left \(byte 32\)/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeRegisters(bytes, 0, masks)).toThrow(message);
  });
});

test("SSP lies where the image's own XCOMP_BV puts it: 2448 in a task's state, 2440 in a snapshot", () => {
  const groups = new SnapshotGroups(EVERYTHING);
  expect(groups.placesOf(0x1ae7, 0x8000_0000)[GROUP_SSP]).toBe(2448);
  expect(groups.placesOf(0x8e6, 0x8000_0000)[GROUP_SSP]).toBe(2440);
});
