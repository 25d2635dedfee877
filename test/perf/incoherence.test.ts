/**
 * Snapshots of running code: that they really show half-updated sets, that no single register is ever torn, and that
 * the filter's rules hold at every point where an NMI can hit.
 */

import { describe, expect, test } from "vitest";
import { type Instruction, RegisterWriter, runInterleaved, type Schedule } from "../../src/perf/emulated-run.ts";
import { Interruption } from "../../src/perf/interruption.ts";
import { RegisterSampler } from "../../src/perf/register-sampler.ts";
import { decodeRegisters } from "../../src/perf/sample-record.ts";
import { LARGEST_SAMPLE } from "../../src/perf/register-sampler.ts";
import { bindGeneralSave, generalPath } from "../../src/runtime/general-save.ts";
import { createArena } from "../../src/runtime/arena.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { savePlan } from "../../src/runtime/save-plan.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { AREA_SIZE, EVERYTHING, rig, simd } from "./sampling-rig.ts";

const VECTORS = 0xffff_ffffn;
const REQUEST = { regsUser: 0n, simd: simd({ vectorQwords: 8, vectorsUser: VECTORS }) };

/** A small generator of numbers below a limit: the schedules must be the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}

/** Writes generation after generation, each into all 32 vectors, one instruction a register. */
function generations(writer: RegisterWriter, count: number, mark: bigint): Instruction[] {
  const program: Instruction[] = [];
  for (let generation = 1; generation <= count; generation++) {
    for (let n = 0; n < 32; n++) {
      program.push((processor) => writer.vector(processor, n, 8, mark | BigInt(generation)));
    }
  }
  return program;
}

describe.each(["one gate and one arena for all", "gates and buffers of their own"])(
  "several processors, %s, NMIs anywhere",
  (kind) => {
    const COUNT = 4;
    const GENERATIONS = 12;
    const machine = rig({ count: COUNT });
    const shared = new RegisterSampler(REQUEST, { cpu: EVERYTHING, gate: machine.gate, areas: machine.areas });
    const own = Array.from({ length: COUNT }, () => {
      const areas = createArena({ bytes: AREA_SIZE, largestArea: 16384 });
      const path = new SaverPath([], machine.processors, areas, { general: generalPath });
      const gate = new NmiGate({ cpu: EVERYTHING, contexts: machine.contexts, path, areaSize: AREA_SIZE });
      return new RegisterSampler(REQUEST, { cpu: EVERYTHING, gate, areas });
    });
    const hits = Array.from({ length: COUNT }, () => new Interruption());
    const pick = numbers(2026);
    const schedule: Schedule = { next: (running) => running[pick(running.length)]!, nmi: () => pick(3) > 0 };
    const programs = Array.from({ length: COUNT }, (_, p) => generations(machine.writer, GENERATIONS, BigInt(p + 1) << 32n));
    const seen = { whole: 0, half: 0, torn: 0, foreign: 0, wrong: 0 };
    runInterleaved(programs, machine.contexts, schedule, (processor, retired) => {
      const out = new Int32Array(LARGEST_SAMPLE / 4);
      const end = kind.startsWith("one")
        ? shared.sample(processor, processor * AREA_SIZE, hits[processor]!, out, 0)
        : own[processor]!.sample(processor, 0, hits[processor]!, out, 0);
      const { vectors } = decodeRegisters(new Uint8Array(out.buffer, 0, 4 * end), 0, {
        regs: 0n,
        vectors: VECTORS,
        predicates: 0n,
      });
      const values = vectors.map(([, bytes]) => [...new BigUint64Array(bytes.buffer, bytes.byteOffset, 8)]);
      if (values.some((quadwords) => quadwords.some((each) => each !== quadwords[0]))) seen.torn++;
      // A register that was never written is zero; every other one carries its processor's mark.
      if (values.some(([value]) => value !== 0n && value! >> 32n !== BigInt(processor + 1))) seen.foreign++;
      const written = values.map(([value]) => Number(value! & 0xffff_ffffn));
      const expected = Array.from({ length: 32 }, (_, n) => Math.floor((retired + 31 - n) / 32));
      if (written.some((generation, n) => generation !== expected[n])) seen.wrong++;
      if (new Set(written).size === 1) seen.whole++;
      else seen.half++;
    });

    test("snapshots show half-updated sets, and now and then a whole one", () => {
      expect(seen.half).toBeGreaterThan(500);
      expect(seen.whole).toBeGreaterThan(10);
    });
    test("each register by itself is whole, its processor's own, and as old as the interruption says", () => {
      expect(seen.torn).toBe(0);
      expect(seen.foreign).toBe(0);
      expect(seen.wrong).toBe(0);
    });
  },
);

describe("a task that enters kernel_fpu_begin(), an NMI at every point", () => {
  const USER = 0x1111_0000_0000n;
  const KERNEL = 0x2222_0000_0000n;
  const OLD = 0x3333_0000_0000n;

  /** Runs the section with the flag set before or after the save; returns the user's zmm0 as each NMI saw it. */
  function run(flagFirst: boolean): { at: number; value: bigint | undefined }[] {
    const machine = rig();
    const { hit, writer } = machine;
    const plan = savePlan(EVERYTHING, "XSAVES", EVERYTHING.xcr0Supported & 0x800e7n);
    const task = rig();
    const save = bindGeneralSave(plan, machine.processors, task.areas);
    const saveFpstate: Instruction = (processor) => save(processor, 0);
    const setFlag: Instruction = () => (hit.needFpuLoad = true);
    hit.fpstate = task.areas.i32;
    hit.fpstateOffset = 0;
    // What the task's fpstate holds of earlier: its registers at the switch before.
    for (let n = 0; n < 32; n++) writer.vector(0, n, 8, OLD);
    saveFpstate(0);
    for (let n = 0; n < 32; n++) writer.vector(0, n, 8, USER);
    hit.userMode = false;
    const section: Instruction[] = [
      ...(flagFirst ? [setFlag, saveFpstate] : [saveFpstate, setFlag]),
      () => (hit.inKernelFpu = true),
      ...Array.from(
        { length: 32 },
        (_, n): Instruction =>
          (processor) =>
            writer.vector(processor, n, 8, KERNEL),
      ),
      () => (hit.inKernelFpu = false),
      () => {},
    ];
    const seen: { at: number; value: bigint | undefined }[] = [];
    const sampler = machine.sampler(REQUEST);
    runInterleaved([section], machine.contexts, { next: () => 0, nmi: () => true }, (_, at) => {
      const out = new Int32Array(LARGEST_SAMPLE / 4);
      const end = sampler.sample(0, 0, hit, out, 0);
      const bytes = new Uint8Array(out.buffer, 0, 4 * end);
      const zmm0 = decodeRegisters(bytes, 0, { regs: 0n, vectors: VECTORS, predicates: 0n }).vectors[0]?.[1];
      seen.push({ at, value: zmm0 && new DataView(zmm0.buffer, zmm0.byteOffset).getBigUint64(0, true) });
    });
    return seen;
  }

  test("flag after the save: the user's registers at every point, never the kernel's", () => {
    for (const { at, value } of run(false)) expect({ at, value }).toEqual({ at, value: USER });
  });

  test("flag before the save, as up to 7.3: between the two the filter trusts a state that is not the current one", () => {
    const seen = run(true);
    expect(seen[1]).toEqual({ at: 1, value: OLD });
    for (const { at, value } of seen.filter((each) => each.at !== 1)) expect({ at, value }).toEqual({ at, value: USER });
  });
});
