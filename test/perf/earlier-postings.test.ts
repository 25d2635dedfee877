/** Bugs of earlier postings of the series, each as a case that ours does not have. */

import { describe, expect, test } from "vitest";
import { openPerfData, bytesSource } from "../../src/formats/index.ts";
import { PebsError } from "../../src/perf/pebs-error.ts";
import { decodeArchitecturalPebs } from "../../src/perf/pebs-architectural.ts";
import { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { PERF_INTERFACES, REVIEWED, V4 } from "../../src/perf/perf-interface.ts";
import { LARGEST_SAMPLE, RegisterSampler } from "../../src/perf/register-sampler.ts";
import { intrComponents } from "../../src/perf/sample-attributes.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { createArena } from "../../src/runtime/arena.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { REFUSED_SIZE } from "../../src/runtime/policies/policy.ts";
import { XSAVES_NMI_AS_POSTED } from "../../src/runtime/policies/xsaves-nmi-as-posted.ts";
import { generalPath } from "../../src/runtime/general-save.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { attribute, perfFile, sample, u64s } from "../formats/perf-data-file.ts";
import { fill } from "./filled-registers.ts";
import { architecturalRecord } from "./pebs-records.ts";
import { EVERYTHING, rig, simd } from "./sampling-rig.ts";
import { initialise } from "../../src/runtime/write-registers.ts";

const ZMM = simd({ vectorQwords: 8, vectorsUser: 0xffff_ffffn });
const masks = (vectors: bigint, regs = 0n) => ({ regs, vectors, predicates: 0n });
const interfaces = PERF_INTERFACES.filter((perf) => perf.simd);

describe("RFC v1", () => {
  test("tested XCOMP_BV for what was saved: it names what was asked for, in use or not", () => {
    const machine = rig();
    machine.writer.vector(0, 0, 2, 0x11n);
    const sampler = machine.sampler({ regsUser: 0n, simd: ZMM }, V4);
    machine.sample(sampler);
    expect(machine.areas.i32[520 >> 2]).toBe(0xc6);
    expect(sampler.user.inUse).toBe(1 << 1);
  });

  test("tested with a bit number: 1, XFEATURE_SSE, as a mask is x87's bit", () => {
    const machine = rig();
    // x87 alone in use, in a saved state that has it: no SSE. And SSE alone.
    for (const [xinuse, inUse] of [
      [1n, 0],
      [2n, 2],
    ] as const) {
      initialise(machine.processors, 0, EVERYTHING.xcr0Supported);
      machine.writer.vector(0, 0, 2, 0x22n);
      machine.processors.setXinuse(0, xinuse);
      machine.hit.fpstate = machine.areas.i32;
      machine.hit.fpstateOffset = 0;
      machine.contexts.enterNmi(0);
      expect(machine.gate.save(0, 0, 0x3, 0)).toBe(0);
      machine.contexts.leaveNmi(0);
      Object.assign(machine.hit, { userMode: false, needFpuLoad: true });
      const sampler = machine.sampler({ regsUser: 0n, simd: simd({ vectorQwords: 2, vectorsUser: 1n }) });
      machine.sample(sampler);
      expect([sampler.user.captured, sampler.user.inUse]).toEqual([2, inUse]);
    }
  });

  test("had a buffer of 512 + 64 + 64 bytes: a mask that needs more is refused, and its neighbour stays whole", () => {
    const machine = rig();
    fill(machine, 5n);
    const size = 512 + 64 + 64;
    const areas = createArena({ bytes: 4096, largestArea: 4096 });
    const bytes = new Uint8Array(areas.i32.buffer, areas.i32.byteOffset, 4096).fill(0xaa);
    const path = new SaverPath([], machine.processors, areas, { general: generalPath });
    const gate = new NmiGate({ cpu: EVERYTHING, contexts: machine.contexts, path, areaSize: size });
    const sampler = new RegisterSampler({ regsUser: 0n, simd: ZMM }, { cpu: EVERYTHING, gate, areas });
    machine.contexts.enterNmi(0);
    const out = new Int32Array(LARGEST_SAMPLE >> 2);
    const end = sampler.sample(0, 0, machine.hit, out, 0);
    machine.contexts.leaveNmi(0);
    expect(sampler.status).toBe(REFUSED_SIZE);
    expect(decodeRegisters(new Uint8Array(out.buffer, 0, 4 * end), 0, masks(0xffff_ffffn)).vectors).toEqual([]);
    expect(bytes.subarray(576, 4096).every((byte) => byte === 0xaa)).toBe(true);
  });
});

describe("V3 and V4", () => {
  test("read the header after a refused save: the sample before, under a policy that is void and silent too", () => {
    for (const perf of interfaces) {
      const machine = rig({ policy: XSAVES_NMI_AS_POSTED });
      fill(machine, 0x0badn);
      const sampler = machine.sampler({ regsUser: 1n << 40n, simd: ZMM }, perf);
      machine.sample(sampler);
      const out = new Int32Array(LARGEST_SAMPLE >> 2);
      // Not in an NMI: nothing is written, and XSTATE_BV still is the first sample's.
      const end = sampler.sample(0, 0, machine.hit, out, 0);
      expect(machine.areas.i32[512 >> 2]! & 2).toBe(2);
      for (let word = 1; word < end; word += 2) expect(out[word]).not.toBe(0x0bad);
      expect(sampler.user.captured).toBe(0);
    }
  });

  test("took Hi16_ZMM's element by the number of the register: zmm16 is its first, zmm31 its last", () => {
    const machine = rig();
    const registers = fill(machine, 6n);
    for (const perf of interfaces) {
      const request = simd({ vectorQwords: 8, vectorsUser: (1n << 16n) | (1n << 31n) });
      const bytes = machine.sample(machine.sampler({ regsUser: 0n, simd: request }, perf))!;
      const { vectors } = decodeRegisters(bytes, 0, masks(request.vectorsUser));
      expect(vectors).toEqual([
        [16, registers.zmm[16]],
        [31, registers.zmm[31]],
      ]);
    }
  });

  test("lowered the count and wrote every register of the mask: what is written is what the count says", () => {
    const machine = rig();
    machine.writer.vector(0, 1, 8, 0x33n);
    // XMM, YMMH and ZMM_Hi256 in use, Hi16_ZMM not: V4 says 16 vectors, and REGS_INTR follows right behind them.
    const request = { ...ZMM, vectorsIntr: 2n };
    const bytes = machine.sample(machine.sampler({ regsUser: 0n, regsIntr: 0n, simd: request }, V4))!;
    const user = decodeRegisters(bytes, 0, masks(0xffff_ffffn));
    expect(user.vectors).toHaveLength(16);
    expect(user.size).toBe(8 + 8 + 16 * 64);
    const intr = decodeRegisters(bytes, user.size, masks(2n));
    expect(new BigUint64Array(intr.vectors[0]![1].buffer)).toEqual(new BigUint64Array(8).fill(0x33n));
    expect(user.size + intr.size).toBe(bytes.length);
  });

  test("asked popcount for the high sixteen: it is the highest number that counts", () => {
    const needs = (vectors: bigint): bigint =>
      intrComponents({ regsIntr: 0n, simd: simd({ vectorQwords: 2, vectorsIntr: vectors }) });
    // One high register; sixteen of them; sixteen low ones.
    expect(needs(1n << 16n) & 0x80n).toBe(0x80n);
    expect(needs(0xffff_0000n) & 0x80n).toBe(0x80n);
    expect(needs(0xffffn) & 0x80n).toBe(0n);
    const machine = rig();
    machine.writer.vector(0, 0, 8, 0x44n);
    const request = simd({ vectorQwords: 8, vectorsUser: 0xffff_0000n | 1n });
    const bytes = machine.sample(machine.sampler({ regsUser: 0n, simd: request }, V4))!;
    expect(decodeRegisters(bytes, 0, masks(request.vectorsUser)).vectors.map(([n]) => n)).toEqual([0]);
  });

  test("declared 168 bytes of attributes where natural alignment makes 176: both are read", async () => {
    const simdFields = { predicateQwords: 1, vectorQwords: 2, vectorsUser: 4n };
    for (const size of [168, 176]) {
      const made = attribute({ sampleType: 0x1000, regsUser: 0n, simd: simdFields, size });
      const profile = await openPerfData(
        bytesSource(perfFile([{ attribute: made, ids: [] }], [sample(u64s(6, 1n | (2n << 16n), 7, 8))])),
      );
      const found = [];
      for await (const each of profile.samples()) found.push(each.user!.vectors);
      expect(found).toEqual([[[2, u64s(7, 8)]]]);
    }
  });

  test("let a record of user code vouch for live registers of the kernel", () => {
    const machine = rig();
    fill(machine, 0x0badn);
    Object.assign(machine.hit, { userMode: false, inKernelFpu: true });
    const { bytes } = architecturalRecord([{ groups: ["XMM"], basic: true, general: true }], false);
    new DataView(bytes.buffer).setBigUint64(16, 0x401000n, true);
    const buffer = new PebsBuffer(bytes);
    const record = new PebsRecord();
    decodeArchitecturalPebs(buffer, 0, record);
    for (const perf of interfaces) {
      const sampler = machine.sampler({ regsUser: 1n, simd: simd({ vectorQwords: 8, vectorsUser: 1n }) }, perf);
      const sampled = machine.sample(sampler, record, buffer)!;
      expect(sampler.saved).toBe(0);
      const view = new DataView(sampled.buffer, sampled.byteOffset, sampled.length);
      for (let at = 4; at < sampled.length; at += 8) expect(view.getUint32(at, true)).not.toBe(0x0bad);
    }
  });
});

describe("V7", () => {
  test("kept pointers of the sample before: a set that is dropped now has none", () => {
    const machine = rig();
    fill(machine, 0x0badn);
    const sampler = machine.sampler({ regsUser: 1n << 40n, simd: ZMM });
    machine.sample(sampler);
    fill(machine, 0x0002n);
    Object.assign(machine.hit, { userMode: false, inKernelFpu: true, needFpuLoad: false });
    const bytes = machine.sample(sampler)!;
    expect([sampler.user.captured, sampler.user.inUse]).toEqual([0, 0]);
    const decoded = decodeRegisters(bytes, 0, masks(0xffff_ffffn, 1n << 40n));
    expect(decoded.registers).toEqual([[40, 0n]]);
    expect(decoded.vectors).toEqual([]);
    const group = new Int32Array(4).fill(-1);
    sampler.user.copy(0, 0, 4, group, 0);
    expect([...group]).toEqual([0, 0, 0, 0]);
  });

  test("walked on from a fragment of size 0, first or later", () => {
    for (const broken of [0, 1]) {
      const { bytes } = architecturalRecord([{ groups: ["XMM"] }, { groups: ["opmask"] }], false);
      const view = new DataView(bytes.buffer);
      const at = broken === 0 ? 0 : view.getUint16(0, true);
      view.setUint16(at, 0, true);
      const decode = (): void => decodeArchitecturalPebs(new PebsBuffer(bytes), 0, new PebsRecord());
      expect(decode).toThrow(PebsError);
      expect(decode).toThrow(`a fragment of size 0 (byte ${at})`);
    }
  });
});

// TIF_NEED_FPU_LOAD before the save, the order up to 7.3: test/perf/incoherence.test.ts runs it, at every point.
test("the default is the reviewed interface", () => {
  expect(rig().sampler({ regsUser: 1n }).perf).toBe(REVIEWED);
});
