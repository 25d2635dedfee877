/**
 * The filter in every context that an NMI can find, asked of the samples themselves: each register has the mark of who
 * put it there, and no set may show a mark that is not its own.
 */

import { describe, expect, test } from "vitest";
import { decodeArchitecturalPebs } from "../../src/perf/pebs-architectural.ts";
import { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { PERF_INTERFACES } from "../../src/perf/perf-interface.ts";
import { bindGeneralSave } from "../../src/runtime/general-save.ts";
import { savePlan } from "../../src/runtime/save-plan.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { fill } from "./filled-registers.ts";
import { architecturalRecord } from "./pebs-records.ts";
import { EVERYTHING, rig, simd } from "./sampling-rig.ts";
import { initialise } from "../../src/runtime/write-registers.ts";

/** Upper halves of all quadwords, by owner. */
const TASK = 0x7a5c0001;
const KERNEL = 0x7a5c0002;
const GUEST = 0x7a5c0003;
const OTHER_TASK = 0x7a5c0004;
const RECORD = { user: 0x7a5c0005, kernel: 0x7a5c0006 } as const;
const MARKS = [TASK, KERNEL, GUEST, OTHER_TASK, RECORD.user, RECORD.kernel];

const FLAGS = [
  "userMode",
  "kernelThread",
  "guestMode",
  "guestStateLoaded",
  "inKernelFpu",
  "needFpuLoad",
  "ptRegsIncomplete",
] as const;
type Context = Record<(typeof FLAGS)[number], boolean>;

function* contexts(): Generator<Context> {
  for (let bits = 0; bits < 1 << FLAGS.length; bits++) {
    const context = Object.fromEntries(FLAGS.map((flag, i) => [flag, ((bits >> i) & 1) === 1])) as Context;
    // In user mode nothing of the others can be; a guest that runs has its state in the registers.
    if (context.userMode && FLAGS.some((flag) => flag !== "userMode" && context[flag])) continue;
    if (context.guestMode && !context.guestStateLoaded) continue;
    yield context;
  }
}

/** Whose the live vector registers are. */
function liveOwner({ userMode, guestMode, guestStateLoaded, inKernelFpu, needFpuLoad }: Context): number {
  if (userMode) return TASK;
  if (guestMode) return GUEST;
  if (inKernelFpu) return KERNEL;
  if (guestStateLoaded) return GUEST;
  return needFpuLoad ? OTHER_TASK : TASK;
}

/** A record whose every quadword has one mark. */
function marked(mode: "user" | "kernel", general: boolean) {
  const groups = ["XMM", "YMMH", "opmask", "ZMM_Hi256", "Hi16_ZMM"] as const;
  const { bytes } = architecturalRecord([{ groups, basic: true, general }], false);
  const view = new DataView(bytes.buffer);
  for (let at = 64; at < bytes.length; at += 8) view.setBigUint64(at, (BigInt(RECORD[mode]) << 32n) | BigInt(at), true);
  view.setBigUint64(16, (BigInt(RECORD[mode]) << 32n) | (mode === "kernel" ? 1n << 63n : 0n), true);
  const buffer = new PebsBuffer(bytes);
  const record = new PebsRecord();
  decodeArchitecturalPebs(buffer, 0, record);
  return { buffer, record };
}
const RECORDS = [undefined, marked("user", true), marked("kernel", true), marked("user", false), marked("kernel", false)];

const task = rig();
fill(task, BigInt(TASK));
const fpstatePlan = savePlan(EVERYTHING, "XSAVES", 0x81ae7n & (EVERYTHING.xcr0Supported | EVERYTHING.xssSupported));
bindGeneralSave(fpstatePlan, task.processors, task.areas)(0, 0);
const taskGeneral = task.hit.general.slice();

/** One machine for each owner of the live registers. */
const machines = new Map(
  [TASK, KERNEL, GUEST, OTHER_TASK].map((owner) => {
    const machine = rig();
    fill(machine, BigInt(owner));
    machine.hit.taskGeneral.set(taskGeneral);
    machine.hit.fpstate = task.areas.i32;
    return [owner, machine];
  }),
);

const REGS = 0xff0fffn | (0x1ffffn << 24n);
const VECTORS = 0xffff_ffffn;
const MASKS = { regs: REGS, vectors: VECTORS, predicates: 0xffn };

/** The marks in a set, general registers (0-23) and all others apart. */
function marksOf(bytes: Uint8Array, at: number, masks: typeof MASKS) {
  const { registers, vectors, predicates, size } = decodeRegisters(bytes, at, masks);
  const general = new Set<number>();
  const extended = new Set<number>();
  const note = (set: Set<number>, value: bigint): void => {
    const mark = Number(value >> 32n);
    if (MARKS.includes(mark)) set.add(mark);
  };
  for (const [bit, value] of registers) note(bit < 24 ? general : extended, value);
  for (const [, data] of vectors) for (const value of new BigUint64Array(data.buffer)) note(extended, value);
  for (const [, value] of predicates) note(extended, value);
  return { general: [...general], extended: [...extended], size };
}

describe.each(PERF_INTERFACES)("$name", (perf) => {
  const request = perf.simd
    ? simd({ vectorQwords: 8, vectorsUser: VECTORS, vectorsIntr: VECTORS, predicatesUser: 0xffn, predicatesIntr: 0xffn })
    : undefined;
  const regs = perf.simd ? REGS : 0xff0fffn | (0xffff_ffffn << 32n);
  const masks = perf.simd ? MASKS : { regs, vectors: 0n, predicates: 0n };
  const attributes = { regsUser: perf.simd ? regs : 0xff0fffn, regsIntr: regs, preciseIp: 2, ...(request && { simd: request }) };
  const userMasks = { ...masks, regs: attributes.regsUser };
  const seen = { user: new Set<number>(), intr: new Set<number>() };

  test("no set shows what is not its own", () => {
    for (const context of contexts()) {
      const machine = machines.get(liveOwner(context))!;
      for (const hasState of [true, false]) {
        Object.assign(machine.hit, context, { fpstateOffset: hasState ? 0 : -1 });
        for (const record of RECORDS) {
          for (const excludeKernel of [false, true]) {
            const sampler = machine.sampler({ ...attributes, excludeKernel }, perf);
            const bytes = machine.sample(sampler, record?.record, record?.buffer)!;
            const user = marksOf(bytes, 0, userMasks);
            const intr = marksOf(bytes, user.size, masks);
            const where = JSON.stringify({ ...context, hasState, record: RECORDS.indexOf(record), excludeKernel });
            const own = [TASK, RECORD.user];
            expect(
              user.extended.filter((mark) => !own.includes(mark)),
              where,
            ).toEqual([]);
            expect(
              user.general.filter((mark) => !own.includes(mark)),
              where,
            ).toEqual([]);
            expect(intr.extended, where).not.toContain(GUEST);
            if (context.guestMode) expect([...user.extended, ...intr.extended], where).not.toContain(RECORD.user);
            if (excludeKernel && perf.intrHonoursExcludeKernel) {
              const others = [KERNEL, OTHER_TASK, RECORD.kernel];
              expect(
                [...intr.extended, ...intr.general].filter((mark) => others.includes(mark)),
                where,
              ).toEqual([]);
            }
            for (const mark of user.extended) seen.user.add(mark);
            for (const mark of intr.extended) seen.intr.add(mark);
          }
        }
      }
    }
  });

  test("and what is its own is shown somewhere: the test above is not one of silence", () => {
    expect([...seen.user].sort()).toEqual(perf.simd ? [TASK, RECORD.user] : []);
    expect([...seen.intr].sort()).toEqual(
      perf.snapshots ? [TASK, KERNEL, OTHER_TASK, RECORD.user, RECORD.kernel] : [RECORD.user, RECORD.kernel],
    );
  });
});

test("an NMI in the kernel shows bx, bp and r12-r15 of the task as -1, the others as they are", () => {
  const machine = machines.get(KERNEL)!;
  Object.assign(machine.hit, Object.fromEntries(FLAGS.map((flag) => [flag, flag === "needFpuLoad"])), { fpstateOffset: 0 });
  const regs = 0xff0fffn;
  const { registers } = decodeRegisters(machine.sample(machine.sampler({ regsUser: regs }))!, 0, { ...MASKS, regs });
  const wanted = registers.map(([bit]) => [
    bit,
    [1, 6, 20, 21, 22, 23].includes(bit) ? 2n ** 64n - 1n : new BigUint64Array(taskGeneral.buffer)[bit],
  ]);
  expect(registers).toEqual(wanted);
});

describe("the task's saved state is the task's, whatever the flag, while a guest's state is loaded", () => {
  test.each([true, false])("TIF_NEED_FPU_LOAD %s", (needFpuLoad) => {
    const machine = machines.get(GUEST)!;
    const all = Object.fromEntries(FLAGS.map((flag) => [flag, flag === "guestStateLoaded"]));
    Object.assign(machine.hit, all, { needFpuLoad, fpstateOffset: 0 });
    const request = simd({ vectorQwords: 8, vectorsUser: VECTORS, predicatesUser: 0xffn });
    const { extended } = marksOf(machine.sample(machine.sampler({ regsUser: REGS, simd: request }))!, 0, MASKS);
    expect(extended).toEqual([TASK]);
  });
});

describe("a saved state that lacks a component", () => {
  const request = { regsUser: 1n << 40n, simd: simd({ vectorQwords: 8, vectorsUser: 1n, predicatesUser: 1n }) };
  const asked = { regs: 1n << 40n, vectors: 1n, predicates: 1n };

  /** A sample of a task whose state was saved with an RFBM and these components in use. */
  function sampled(rfbm: bigint, inUse: bigint) {
    const saved = rig();
    fill(saved, BigInt(TASK));
    initialise(saved.processors, 0, ~inUse & (EVERYTHING.xcr0Supported | EVERYTHING.xssSupported));
    bindGeneralSave(savePlan(EVERYTHING, "XSAVES", rfbm), saved.processors, saved.areas)(0, 0);
    const machine = machines.get(KERNEL)!;
    const all = Object.fromEntries(FLAGS.map((flag) => [flag, flag === "needFpuLoad"]));
    Object.assign(machine.hit, all, { fpstate: saved.areas.i32, fpstateOffset: 0 });
    const sampler = machine.sampler(request);
    const decoded = decodeRegisters(machine.sample(sampler)!, 0, asked);
    machine.hit.fpstate = task.areas.i32;
    return { decoded, captured: sampler.user.captured, inUse: sampler.user.inUse };
  }

  test("in XSTATE_BV: it was in its initial configuration, zeros", () => {
    const { decoded, captured, inUse } = sampled(0x8e7n, 0x2n);
    expect(captured).toBe(0x866);
    expect(inUse).toBe(0x2);
    expect(decoded.vectorBytes).toBe(64);
    expect([...decoded.vectors[0]![1].subarray(16)].every((byte) => byte === 0)).toBe(true);
    expect(new DataView(decoded.vectors[0]![1].buffer).getUint32(4, true)).toBe(TASK);
    expect(decoded.predicates).toEqual([[0, 0n]]);
  });

  test("in XCOMP_BV: it was not captured, a narrower record", () => {
    const { decoded, captured } = sampled(0x7n, 0x7n);
    expect(captured).toBe(0x6);
    expect(decoded.vectorBytes).toBe(32);
    expect(decoded.predicates).toEqual([]);
    expect(decoded.registers).toEqual([[40, 0n]]);
  });
});
