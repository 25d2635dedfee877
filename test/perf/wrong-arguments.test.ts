/** What a program without types can get wrong: refused by name, with the value, before anything is written. */

import { expect, test } from "vitest";
import { Interruption } from "../../src/perf/interruption.ts";
import { decodeAdaptivePebs } from "../../src/perf/pebs-adaptive.ts";
import { decodeArchitecturalPebs } from "../../src/perf/pebs-architectural.ts";
import { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { LARGEST_SAMPLE } from "../../src/perf/register-sampler.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { SnapshotRings } from "../../src/perf/snapshot-ring.ts";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import type { Policy } from "../../src/runtime/policies/policy.ts";
import type { SaveFamily } from "../../src/runtime/save-plan.ts";
import { selectRestore } from "../../src/runtime/select-restore.ts";
import { selectSave } from "../../src/runtime/select-save.ts";
import { setXcr0, setXfd, setXss } from "../../src/runtime/set-control-registers.ts";
import { rig, simd } from "./sampling-rig.ts";

const machine = rig();

test("attributes that have no layout make no sampler", () => {
  expect(() => machine.sampler({ regsUser: 1n << 12n })).toThrow(/^"sample_regs_user": ds, es, fs and gs cannot be sampled/);
  expect(() => machine.sampler({ regsUser: 0n, simd: simd({ vectorQwords: 3, vectorsUser: 1n }) })).toThrow(
    /sample_simd_vec_reg_qwords.*expected 2 \(XMM\), 4 \(YMM\) or 8 \(ZMM\), got 3/,
  );
});

test("places outside what was handed over", () => {
  const sampler = machine.sampler({ regsUser: 1n });
  const out = new Int32Array(LARGEST_SAMPLE);
  for (const at of [-1, Number.NaN, out.length]) {
    expect(() => sampler.sample(0, 0, new Interruption(), out, at)).toThrow(RangeError);
  }
  expect(out.every((word) => word === 0)).toBe(true);
  const masks = { regs: 1n, vectors: 0n, predicates: 0n };
  for (const at of [-8, 8, Number.NaN]) {
    expect(() => decodeRegisters(new Uint8Array(8), at, masks)).toThrow(/the ABI word: 8 bytes expected, 0 are left/);
  }
  for (const decode of [decodeAdaptivePebs, decodeArchitecturalPebs]) {
    expect(() => decode(new PebsBuffer(new Uint8Array(64)), -8, new PebsRecord())).toThrow(
      /bytes expected, 0 are left \(byte -8\)/,
    );
  }
});

test("a processor that has no ring", () => {
  const rings = new SnapshotRings({ processors: 2, slots: 2, areaSize: 576 });
  const calls = [
    () => rings.reserve(2),
    () => rings.peek(-1),
    () => rings.commit(2, 0, 0, 0, 0),
    () => rings.release(5),
    () => rings.lost(2),
  ];
  for (const call of calls) expect(call).toThrow(/^"processor" expected 0\.\.1, got (2|-1|5)$/);
});

test("instructions by other names, and masks as numbers", () => {
  const { processors, areas } = machine;
  const save = (instruction: string, mask: unknown) => () =>
    selectSave([], processors, areas, { instruction: instruction as SaveFamily, mask: mask as bigint });
  expect(save("XSAVE64", 7n)).toThrow(/^"instruction" expected XSAVE, XSAVEOPT, XSAVEC or XSAVES, got XSAVE64$/);
  const asNumber = /^"mask" expected a bigint such as 0xe7n, got 7$/;
  expect(save("XSAVEC", 7)).toThrow(asNumber);
  for (const set of [setXcr0, setXss, setXfd]) expect(() => set(processors, 0, 7 as unknown as bigint)).toThrow(asNumber);
  expect(() => processors.setXinuse(0, 7 as unknown as bigint)).toThrow(asNumber);
  expect(() => processors.wrote(0, 7 as unknown as bigint)).toThrow(asNumber);
  expect(save("XSAVEC", 7n)().path).toBe("general");
  const restore = (instruction: string) => () =>
    selectRestore([], processors, areas, { instruction: instruction as "XRSTOR", mask: 7n });
  expect(restore("XRSTOR64")).toThrow(/^"instruction" expected XRSTOR or XRSTORS, got XRSTOR64$/);
});

test("a policy that is none", () => {
  const { cpu } = machine.processors;
  const { path } = machine.gate;
  const contexts = new KernelContexts(1);
  expect(() => new NmiGate({ cpu, contexts, path, areaSize: 576, policy: "mainline" as unknown as Policy })).toThrow(
    /^"policy" expected one of POLICIES, got mainline$/,
  );
});
