/** What is timed: our saves, this CPU's instructions, and what others would write, each in the best form that we know. */

import { Buffer as BufferType, EncodeStream, Reserved, Struct, uint8, uint32le } from "restructure";
import type { AreaMemory, BoundRestore, BoundSave, Processors, SavePlan } from "../../src/runtime/index.ts";
import type { SaveSegment } from "../../src/runtime/save-segments.ts";
import type { BenchInstruction, CopyPlan, NativeBench } from "../oracle/build-native-bench.ts";
import type { Candidate } from "./measure.ts";

/** Slots that are walked cyclically; absent: one fixed place. */
export interface Ring {
  readonly stride: number;
  readonly slots: number;
  readonly processors: number;
}

/** Bytes of all areas in a ring. */
const RING_BYTES = 65536;

/** A ring for areas of a size. */
export function ringFor(size: number, processors = 1): Ring {
  const stride = Math.ceil(size / 64) * 64;
  return { stride, slots: Math.floor(RING_BYTES / stride), processors };
}

let texts = 0;

/** A loop of its own text per candidate: shared feedback would measure the sharing. */
function ownLoop(parameters: readonly string[], body: string, values: readonly unknown[]): Candidate {
  return new Function(...parameters, `/* ${texts++} ${process.pid} */ return (n) => { ${body} };`)(...values) as Candidate;
}

/** Saves of one processor to one place. */
export function savesAt(save: BoundSave, processor: number, offset: number): Candidate {
  return ownLoop(["save"], `for (let i = 0; i < n; i++) save(${processor}, ${offset});`, [save]);
}

/** Restores of one processor from one place; the statuses are looked at, as a user would. */
export function restoresAt(restore: BoundRestore, processor: number, offset: number): Candidate {
  const body = `let s = 0; for (let i = 0; i < n; i++) s |= restore(${processor}, ${offset}); if (s !== 0) throw new Error("refused");`;
  return ownLoop(["restore"], body, [restore]);
}

/** Saves of processors in turn to slots in turn. */
export function savesInRing(save: BoundSave, { stride, slots, processors }: Ring): Candidate {
  const step = `slot = slot === ${slots - 1} ? 0 : slot + 1; p = p === ${processors - 1} ? 0 : p + 1;`;
  return ownLoop(["save"], `let slot = 0, p = 0; for (let i = 0; i < n; i++) { save(p, slot * ${stride}); ${step} }`, [save]);
}

/** One of this CPU's own instructions, on real registers that are all in use. */
export function hardware(native: NativeBench, instruction: BenchInstruction, mask: bigint, ring?: Ring): Candidate {
  const state = native.alignedBytes(16384);
  for (let i = 0; i < state.length; i++) if (i < 512 || i >= 576) state[i] = (i * 7) | 1;
  const view = new DataView(state.buffer, state.byteOffset);
  view.setUint32(0, 0x37f, true);
  view.setUint32(4, 0xff, true);
  for (let at = 8; at < 24; at += 4) view.setUint32(at, 0, true);
  view.setUint32(24, 0x1f80, true);
  for (let st = 0; st < 8; st++) state.fill(0, 32 + 16 * st + 10, 48 + 16 * st);
  view.setBigUint64(512, mask, true);
  const area = native.alignedBytes(ring ? ring.stride * ring.slots + 16384 : 16384);
  const slots = ring ? { slots: ring.slots, stride: ring.stride } : {};
  return (iterations) => native.timeInstruction({ instruction, mask, state, area, iterations, ...slots });
}

/** The stores of a save as C has them: the same segments and header words, constants all. */
export function copyPlan(plan: SavePlan, segments: readonly SaveSegment[]): CopyPlan {
  const xstateBv =
    plan.header === "merge"
      ? [{ offset: 512, keep: ~plan.rfbm & 0xffff_ffff_ffff_ffffn, value: plan.rfbm }]
      : [
          { offset: 512, keep: 0n, value: plan.rfbm },
          { offset: 520, keep: 0n, value: plan.rfbm | (1n << 63n) },
        ];
  return { segments: segments.map(({ registers, area, length }) => ({ from: registers, to: area, length })), headers: xstateBv };
}

/** A table of pieces and a DataView loop, as one writes it by hand. */
export function dataViewLoop(plan: SavePlan, processors: Processors, areas: AreaMemory): BoundSave {
  const { pieces } = plan;
  const source = new DataView(processors.u8.buffer);
  const target = new DataView(areas.buffer);
  const rfbm = Number(plan.rfbm & 0xffff_ffffn);
  return (processor, offset) => {
    const base = processor * processors.blockSize;
    for (const { registers, area, length } of pieces) {
      for (let i = 0; i < length; i += 4) {
        target.setUint32(offset + area + i, source.getUint32(base + registers + i, true), true);
      }
    }
    target.setUint32(offset + 512, rfbm, true);
  };
}

/**
 * The npm package restructure: one Struct of Buffer fields over a stream that is made once. Gaps are Reserved,
 * which writes zeros, as it cannot leave bytes alone.
 */
export function restructureSave(
  plan: SavePlan,
  segments: readonly SaveSegment[],
  processors: Processors,
  areas: AreaMemory,
): BoundSave {
  const fields: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  let end = 0;
  const gapTo = (at: number): void => {
    if (at > end) fields[`gap${end}`] = new Reserved(uint8, at - end);
    end = at;
  };
  const header = (): void => {
    if (end >= 576) return;
    gapTo(512);
    fields["xstateBv"] = uint32le;
    values["xstateBv"] = Number(plan.rfbm & 0xffff_ffffn);
    end = 516;
    gapTo(576);
  };
  for (const { registers, area, length } of segments) {
    if (area >= 576) header();
    gapTo(area);
    fields[`at${area}`] = new BufferType(length);
    values[`at${area}`] = processors.u8.subarray(registers, registers + length);
    end = area + length;
  }
  header();
  const struct = new Struct(fields);
  const stream = new EncodeStream(areas.u8);
  return (_processor, offset) => {
    stream.pos = offset;
    struct.encode(stream, values);
  };
}
