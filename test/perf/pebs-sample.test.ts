/** Samples whose registers come from a PEBS record first. */

import { describe, expect, test } from "vitest";
import { decodeAdaptivePebs } from "../../src/perf/pebs-adaptive.ts";
import { decodeArchitecturalPebs } from "../../src/perf/pebs-architectural.ts";
import { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { MAINLINE_7_3, V8 } from "../../src/perf/perf-interface.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { fill } from "./filled-registers.ts";
import { adaptiveRecord, architecturalRecord, type Fragment } from "./pebs-records.ts";
import { rig, simd } from "./sampling-rig.ts";

const EGPRS = 0xffffn << 24n;
const SSP = 1n << 40n;
const KERNEL_IP = 0xffff_ffff_8100_0000n;
const USER_IP = 0x40_1000n;

/** A record with an instruction pointer in its basic group, decoded. */
function recordOf(fragments: readonly Fragment[], ip: bigint) {
  const [first, ...others] = fragments;
  const made = architecturalRecord([{ ...first!, basic: true }, ...others], true);
  new DataView(made.bytes.buffer).setBigUint64(16, ip, true);
  const buffer = new PebsBuffer(made.bytes);
  const record = new PebsRecord();
  decodeArchitecturalPebs(buffer, 0, record);
  return { ...made, buffer, record };
}

describe("what a record delivers is not saved again", () => {
  const VECTORS = (1n << 31n) | 1n;
  const asked = simd({ vectorQwords: 8, vectorsIntr: VECTORS, predicatesIntr: 2n });

  test("XSAVES saves only what the record lacks", () => {
    const machine = rig();
    const registers = fill(machine, 5n);
    const { groups, buffer, record } = recordOf([{ groups: ["XMM", "opmask"] }, { groups: ["Hi16_ZMM"] }], USER_IP);
    const sampler = machine.sampler({ regsIntr: EGPRS | SSP, simd: asked });
    const sample = machine.sample(sampler, record, buffer)!;
    expect(sampler.saved).toBe((1 << 2) | (1 << 6) | (1 << 19) | (1 << 11));
    const decoded = decodeRegisters(sample, 0, { regs: EGPRS | SSP, vectors: VECTORS, predicates: 2n });
    const [low, high] = decoded.vectors;
    expect(low![1].subarray(0, 16)).toEqual(groups.XMM!.subarray(0, 16));
    expect(low![1].subarray(16)).toEqual(registers.zmm[0]!.subarray(16));
    expect(high![1]).toEqual(groups.Hi16_ZMM!.subarray(960));
    expect(decoded.predicates[0]![1]).toBe(new DataView(groups.opmask!.buffer).getBigUint64(8, true));
    expect(decoded.registers.at(-1)).toEqual([40, registers.general.ssp]);
  });

  test("everything delivered, SSP in the group of general registers: the gate is not asked", () => {
    const machine = rig();
    fill(machine, 5n);
    const whole: Fragment = { groups: ["XMM", "YMMH", "opmask", "ZMM_Hi256", "Hi16_ZMM"], general: true };
    const { groups, buffer, record } = recordOf([whole], USER_IP);
    const sampler = machine.sampler({ regsIntr: SSP, simd: asked });
    const sample = machine.sample(sampler, record, buffer)!;
    expect(sampler.saved).toBe(0);
    const decoded = decodeRegisters(sample, 0, { regs: SSP, vectors: VECTORS, predicates: 2n });
    expect(decoded.registers[0]![1]).toBe(new DataView(groups.SSP!.buffer).getBigUint64(0, true));
  });

  test("r16-r31 are in no PEBS group, nor SSP without the general registers", () => {
    const machine = rig();
    fill(machine, 5n);
    const { buffer, record } = recordOf([{ groups: ["XMM", "YMMH", "opmask", "ZMM_Hi256", "Hi16_ZMM"] }], USER_IP);
    const sampler = machine.sampler({ regsIntr: EGPRS | SSP, simd: asked });
    machine.sample(sampler, record, buffer);
    expect(sampler.saved).toBe((1 << 19) | (1 << 11));
  });

  test("v7.3 has PEBS alone: what the record lacks is 0, and no save is tried", () => {
    const machine = rig();
    fill(machine, 5n);
    const attributes = { regsIntr: 3n << 32n, preciseIp: 1 };
    const sampler = machine.sampler(attributes, MAINLINE_7_3);
    expect(machine.sample(sampler)).toEqual(Uint8Array.from([2, ...Array.from({ length: 23 }, () => 0)]));
    const { bytes, xmm } = adaptiveRecord(0b110, {});
    const record = new PebsRecord();
    const buffer = new PebsBuffer(bytes);
    decodeAdaptivePebs(buffer, 0, record);
    expect(machine.sample(sampler, record, buffer)!.subarray(8)).toEqual(xmm.subarray(0, 16));
    expect(sampler.saved).toBe(0);
  });
});

describe("general registers are the record's", () => {
  const REGS = 0xff0fffn;
  const masks = { regs: REGS, vectors: 0n, predicates: 0n };

  test.each([
    ["exact", 2, USER_IP, USER_IP, 0x33n],
    ["not exact: the ip behind the instruction", 1, USER_IP, undefined, 0x33n],
    ["of the kernel", 3, KERNEL_IP, KERNEL_IP, 0x10n],
  ])("%s", (_, preciseIp, ip, shownIp, cs) => {
    const machine = rig();
    fill(machine, 9n);
    const { buffer, record, values } = recordOf([{ groups: [], general: true }], ip);
    machine.hit.userMode = ip === USER_IP;
    const sample = machine.sample(machine.sampler({ regsIntr: REGS, preciseIp }), record, buffer)!;
    const found = new Map(decodeRegisters(sample, 0, masks).registers);
    expect(found.get(8)).toBe(shownIp ?? values!.ip);
    expect(found.get(10)).toBe(cs);
    expect([found.get(0), found.get(9), found.get(23)]).toEqual([values!.ax, values!.flags, values!.r15]);
    expect(found.get(11)).toBe(cs === 0x10n ? 0x18n : 0x2bn);
  });
});

describe("a record of another mode than what the NMI hit", () => {
  const asked = simd({ vectorQwords: 4, vectorsUser: 1n, vectorsIntr: 1n });
  const masks = { regs: 1n, vectors: 1n, predicates: 0n };
  const XMM: Fragment = { groups: ["XMM"], general: true };

  test("of user code, the NMI in a kernel_fpu_begin() section: the record's groups, nothing live, for REGS_USER", () => {
    const machine = rig();
    fill(machine, 0xeeeen);
    Object.assign(machine.hit, { userMode: false, inKernelFpu: true, needFpuLoad: true });
    const { buffer, record, groups, values } = recordOf([XMM], USER_IP);
    const sampler = machine.sampler({ regsUser: 1n, simd: asked });
    const decoded = decodeRegisters(machine.sample(sampler, record, buffer)!, 0, masks);
    expect(decoded.registers).toEqual([[0, values!.ax]]);
    // AVX was not captured, so the vector is an xmm.
    expect(decoded.vectors).toEqual([[0, groups.XMM!.slice(0, 16)]]);
    expect(sampler.saved).toBe(0);
  });

  test("of kernel code, the NMI in user mode: REGS_USER has the live registers and nothing of the record", () => {
    const machine = rig();
    const user = fill(machine, 0x7a5cn);
    const { buffer, record } = recordOf([XMM], KERNEL_IP);
    const decoded = decodeRegisters(machine.sample(machine.sampler({ regsUser: 1n, simd: asked }), record, buffer)!, 0, masks);
    expect(decoded.registers).toEqual([[0, user.general.ax]]);
    expect(decoded.vectors).toEqual([[0, user.zmm[0]!.slice(0, 32)]]);
  });

  test("exclude_kernel asks the record's mode, and keeps live registers of the kernel out", () => {
    const machine = rig();
    fill(machine, 0xeeeen);
    const attributes = { regsIntr: 1n, excludeKernel: true, simd: asked };
    const ofKernel = recordOf([XMM], KERNEL_IP);
    expect(machine.sample(machine.sampler(attributes), ofKernel.record, ofKernel.buffer)).toEqual(new Uint8Array(8));
    machine.hit.userMode = false;
    const { buffer, record, groups } = recordOf([XMM], USER_IP);
    const sampler = machine.sampler(attributes);
    const decoded = decodeRegisters(machine.sample(sampler, record, buffer)!, 0, masks);
    expect(decoded.vectors).toEqual([[0, groups.XMM!.slice(0, 16)]]);
    expect(sampler.saved).toBe(0);
  });

  test("a record without an instruction pointer is nobody's: REGS_USER takes nothing of it", () => {
    const machine = rig();
    const user = fill(machine, 0x7a5cn);
    const { bytes } = architecturalRecord([XMM], false);
    const buffer = new PebsBuffer(bytes);
    const record = new PebsRecord();
    decodeArchitecturalPebs(buffer, 0, record);
    const decoded = decodeRegisters(machine.sample(machine.sampler({ regsUser: 1n, simd: asked }), record, buffer)!, 0, masks);
    expect(decoded.vectors).toEqual([[0, user.zmm[0]!.slice(0, 32)]]);
  });

  test("with a guest's state loaded, or in a guest, no record of kernel or guest code is shown", () => {
    for (const context of [{ guestStateLoaded: true }, { guestMode: true }]) {
      const machine = rig();
      fill(machine, 0xeeeen);
      Object.assign(machine.hit, { userMode: false, ...context });
      const { buffer, record } = recordOf([XMM], context.guestMode ? USER_IP : KERNEL_IP);
      const sampler = machine.sampler({ regsIntr: 1n, regsUser: 1n, simd: asked }, V8);
      machine.sample(sampler, record, buffer);
      expect([sampler.intr.captured, sampler.user.captured, sampler.saved]).toEqual([0, 0, 0]);
    }
  });
});
