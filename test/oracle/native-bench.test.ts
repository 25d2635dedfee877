/** Checks the native yardstick: it refuses what would crash, writes what a plan says, and its figures are plausible. */

import { expect, test } from "vitest";
import { buildNativeBench, type CopyPlan } from "./build-native-bench.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { randomState } from "../../src/verify/random/register-state.ts";
import { stateSpaceOf } from "../../src/verify/random/state-space.ts";

const plan: CopyPlan = {
  segments: [
    { from: 0, to: 0, length: 24 },
    { from: 32, to: 32, length: 128 },
    { from: 160, to: 160, length: 256 },
    { from: 512, to: 576, length: 1000 },
  ],
  headers: [
    { offset: 512, keep: 0xffff_ffff_ffff_fff8n, value: 5n },
    { offset: 520, keep: 0n, value: 0x8000_0000_0000_0007n },
  ],
};
const oracle = buildOracle();
const native = oracle.available ? buildNativeBench([plan]) : oracle;
if (!native.available) console.warn(`native bench tests skipped: ${native.reason}`);

test.runIf(native.available)("the compiled plan writes its segments and headers, in both forms", () => {
  if (!native.available || !("bench" in native)) return;
  const { bench } = native;
  const source = new Uint8Array(2048);
  new Prng(1).fill(source);
  const expected = new Uint8Array(2048).fill(0xff);
  for (const { from, to, length } of plan.segments) expected.set(source.subarray(from, from + length), to);
  const view = new DataView(expected.buffer);
  view.setBigUint64(512, 0xffff_ffff_ffff_fffdn, true);
  view.setBigUint64(520, 0x8000_0000_0000_0007n, true);
  for (const form of ["memcpy", "vector"] as const) {
    const area = new Uint8Array(2048).fill(0xff);
    bench.runPlan(0, form, source, area);
    expect(Buffer.from(area).equals(expected), form).toBe(true);
  }
  const area = new Uint8Array(2048).fill(0xff);
  bench.timeSegments(plan, { source, area, iterations: 1 });
  expect(Buffer.from(area).equals(expected)).toBe(true);
  for (const form of ["memcpy", "vector"] as const) {
    for (const length of [0, 1, 63, 64, 65, 1000, 2048]) {
      const copy = new Uint8Array(2048);
      bench.timeMemcpy(length, form, { source, area: copy, iterations: 1 });
      expect(Buffer.from(copy.subarray(0, length)).equals(source.subarray(0, length))).toBe(true);
      expect(copy.subarray(length).every((byte) => byte === 0)).toBe(true);
    }
  }
});

test.runIf(native.available)("instructions run in place and in a ring, and the process survives", () => {
  if (!oracle.available || !native.available || !("bench" in native)) return;
  const { bench } = native;
  const space = stateSpaceOf(oracle.hello);
  const prng = new Prng(2);
  const state = bench.alignedBytes(space.areaBytes);
  state.set(randomState(prng, space, { inUse: space.userMask }));
  state.fill(0, 528, 576);
  const mask = space.xcr0 & ~(1n << 18n);
  const area = bench.alignedBytes(space.areaBytes * 4);
  const saves = ["XSAVE64", ...(space.xsavec ? (["XSAVEC64"] as const) : [])] as const;
  for (const instruction of saves) {
    area.fill(0);
    const fixed = bench.timeInstruction({ instruction, mask, iterations: 2000, state, area });
    const slots = { slots: 4, stride: space.areaBytes };
    const ring = bench.timeInstruction({ instruction, mask, iterations: 2000, state, area, ...slots });
    for (const ns of [fixed, ring]) expect(ns).toBeGreaterThan(1);
    for (let slot = 0; slot < 4; slot++) {
      const at = slot * space.areaBytes;
      expect(Buffer.from(area.subarray(at + 160, at + 416)).equals(state.subarray(160, 416)), `${instruction}, ${slot}`).toBe(
        true,
      );
    }
    const back = bench.timeInstruction({ instruction: "XRSTOR64", mask, iterations: 2000, state, area, ...slots });
    expect(back).toBeGreaterThan(1);
  }
  expect(bench.timeInstruction({ instruction: "FXSAVE64", mask: 0n, iterations: 2000, state, area })).toBeGreaterThan(1);
});

test.runIf(native.available)("what would fault is refused", () => {
  if (!oracle.available || !native.available || !("bench" in native)) return;
  const { bench } = native;
  const { areaBytes } = oracle.hello;
  const state = bench.alignedBytes(areaBytes);
  state.set([0x80, 0x1f], 24);
  const area = bench.alignedBytes(areaBytes + 64);
  const run = { instruction: "XSAVE64", mask: 3n, iterations: 1, state, area } as const;
  expect(() => bench.timeInstruction({ ...run, area: area.subarray(1) })).toThrow("64");
  expect(() => bench.timeInstruction({ ...run, area: area.subarray(0, 512) })).toThrow("too short");
  expect(() => bench.timeInstruction({ ...run, slots: 9, stride: 4096 })).toThrow("too short");
  const broken = bench.alignedBytes(areaBytes);
  broken.set([0x80, 0x1f], 24);
  broken[520] = 1;
  expect(() => bench.timeInstruction({ ...run, state: broken })).toThrow("header");
  expect(() => bench.timeInstruction({ ...run, instruction: "XRSTOR64", area: broken })).toThrow("header");
  expect(() => bench.timePlan(1, "memcpy", { source: state, area, iterations: 1 })).toThrow("plan");
});
