import { expect, test } from "vitest";
import { generatedRegistry } from "../../src/host/load-generated.ts";
import {
  SLOT_HEADER_SIZE,
  SLOT_MASK,
  SLOT_PROCESSOR,
  SLOT_SEQUENCE,
  SLOT_TIME,
  SnapshotRings,
} from "../../src/perf/snapshot-ring.ts";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { generalPath } from "../../src/runtime/general-save.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { loadModel } from "../model/model-files.ts";

const MODEL = "intel-sapphire-rapids";
const cpu = loadModel(MODEL);
const { savers } = await (await generatedRegistry())[MODEL]!();
const COUNT = 16;

function machine(slots: number) {
  const rings = new SnapshotRings({ processors: COUNT, slots, areaSize: 2560 });
  const processors = new Processors(cpu, { count: COUNT });
  const contexts = new KernelContexts(COUNT);
  const path = new SaverPath(savers, processors, rings.areas, { general: generalPath });
  const gate = new NmiGate({ cpu, contexts, path, areaSize: 2560 });
  return { rings, processors, contexts, gate };
}

test("a million snapshots over 16 processors: none lost, none mixed", () => {
  const { rings, processors, contexts, gate } = machine(64);
  const { i32 } = rings.areas;
  const masks = [0x06, 0xe6, 0x8e6, 0x22, 0x82];
  const taken = new Int32Array(COUNT);
  const given = new Int32Array(COUNT);
  const xmm: Int32Array[] = [];
  for (let p = 0; p < COUNT; p++) {
    const legacy = processors.component(p, 1);
    xmm.push(new Int32Array(legacy.buffer, legacy.byteOffset + 160, 64));
    processors.setXinuse(p, 0x8e7n);
  }
  let mixed = 0;
  const drain = (p: number): void => {
    for (let slot = rings.peek(p); slot >= 0; slot = rings.peek(p)) {
      const word = slot >> 2;
      const sequence = i32[word + SLOT_SEQUENCE]!;
      const area = word + (SLOT_HEADER_SIZE >> 2);
      const right =
        sequence === taken[p] &&
        i32[word + SLOT_PROCESSOR] === p &&
        i32[word + SLOT_TIME] === sequence * COUNT + p &&
        // XCOMP_BV is the mask of this snapshot; XMM0, where saved, holds the processor and the running number.
        i32[area + 130] === i32[word + SLOT_MASK] &&
        ((i32[area + 128]! & 2) === 0 || (i32[area + 40] === sequence && i32[area + 41] === p && i32[area + 103] === ~sequence));
      if (!right) mixed++;
      taken[p]!++;
      rings.release(p);
    }
  };
  const TOTAL = 1_000_000;
  for (let i = 0; i < TOTAL; i++) {
    const p = i % COUNT;
    const sequence = given[p]!++;
    xmm[p]![0] = sequence;
    xmm[p]![1] = p;
    xmm[p]![63] = ~sequence;
    const mask = masks[(i * 7 + p) % masks.length]!;
    contexts.enterNmi(p);
    const area = rings.reserve(p);
    const status = gate.save(p, area, mask, 0);
    rings.commit(p, status, mask, 0, sequence * COUNT + p);
    contexts.leaveNmi(p);
    if (status !== 0) mixed++;
    if (sequence % 50 === 49) drain(p);
  }
  for (let p = 0; p < COUNT; p++) drain(p);
  expect(mixed).toBe(0);
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(TOTAL);
  for (let p = 0; p < COUNT; p++) expect(rings.lost(p)).toBe(0);
});

test("a full ring keeps what it has, counts the loss, and goes on when read", () => {
  const rings = new SnapshotRings({ processors: 2, slots: 4, areaSize: 600 });
  for (let i = 0; i < 4; i++) {
    expect(rings.reserve(1) % 64).toBe(0);
    rings.commit(1, 0, 6, 0, i);
  }
  expect(rings.reserve(1)).toBe(-1);
  expect(rings.reserve(1)).toBe(-1);
  expect(rings.lost(1)).toBe(2);
  expect(rings.lost(0)).toBe(0);
  expect(rings.peek(0)).toBe(-1);
  const first = rings.peek(1);
  expect(rings.areas.i32[(first >> 2) + SLOT_TIME]).toBe(0);
  rings.release(1);
  expect(rings.reserve(1)).toBe(first + SLOT_HEADER_SIZE);
  expect(() => rings.release(0)).toThrow("processor 0: no snapshot to release");
});

test("a snapshot that found the ring full cannot be committed over one that is unread", () => {
  const rings = new SnapshotRings({ processors: 1, slots: 2, areaSize: 600 });
  for (let i = 0; i < 2; i++) {
    rings.reserve(0);
    rings.commit(0, 0, 6, 0, 100 + i);
  }
  expect(rings.reserve(0)).toBe(-1);
  expect(() => rings.commit(0, 0, 6, 0, 999)).toThrow("processor 0: no slot was reserved, the ring is full");
  expect(rings.areas.i32[(rings.peek(0) >> 2) + SLOT_TIME]).toBe(100);
});

test.each([2 ** 31, 2 ** 32, 2 ** 40])("running numbers go on through %d", (wrap) => {
  const rings = new SnapshotRings({ processors: 2, slots: 4, areaSize: 600 });
  // As after so many snapshots, all read.
  const counters = rings as unknown as { written: Float64Array; read: Float64Array };
  counters.written[1] = wrap - 3;
  counters.read[1] = wrap - 3;
  rings.reserve(1);
  rings.commit(1, 0, 6, 0, 7);
  for (let i = -3; i < 6; i++) {
    // One more is always unread, so the next must not lie in its place.
    const slot = rings.peek(1);
    expect(rings.reserve(1)).not.toBe(slot + SLOT_HEADER_SIZE);
    rings.commit(1, 0, 6, 0, i + 11);
    const word = slot >> 2;
    const sequence = (rings.areas.i32[word + SLOT_SEQUENCE]! >>> 0) + 2 ** 32 * rings.areas.i32[word + SLOT_SEQUENCE + 1]!;
    expect([sequence, rings.areas.i32[word + SLOT_TIME]]).toEqual([wrap + i, i + 10]);
    rings.release(1);
  }
});

test.each([
  [{ processors: 1, slots: 4, areaSize: Number.NaN }, "areaSize"],
  [{ processors: 1, slots: 4, areaSize: 0 }, "areaSize"],
  [{ processors: 0, slots: 4, areaSize: 600 }, "processors"],
  [{ processors: 1.5, slots: 4, areaSize: 600 }, "processors"],
  [{ processors: 1, slots: 3, areaSize: 600 }, "slots"],
  [{ processors: 1, slots: 0, areaSize: 600 }, "slots"],
])("refuses %o", (options, field) => {
  expect(() => new SnapshotRings(options)).toThrow(`"${field}"`);
});
