/** The way from an NMI to a ring or a sample makes no garbage. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { getHeapStatistics } from "node:v8";
import { expect, test } from "vitest";
import { generatedRegistry } from "../../src/host/load-generated.ts";
import { Interruption } from "../../src/perf/interruption.ts";
import { LARGEST_SAMPLE, RegisterSampler } from "../../src/perf/register-sampler.ts";
import { SnapshotRings } from "../../src/perf/snapshot-ring.ts";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { generalPath } from "../../src/runtime/general-save.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { loadModel } from "../model/model-files.ts";
import { simd } from "./sampling-rig.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const cpu = loadModel("intel-sapphire-rapids");
const { savers } = await (await generatedRegistry())["intel-sapphire-rapids"]!();
const COUNT = 16;

/** Bytes that the heap grows by in a second run of the same length. */
async function growth(run: () => void): Promise<number> {
  for (let i = 0; i < 40; i++) {
    run();
    // The optimising compiler installs its code between turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
  collect();
  const before = getHeapStatistics().used_heap_size;
  for (let i = 0; i < 40; i++) run();
  return getHeapStatistics().used_heap_size - before;
}

function machine() {
  const rings = new SnapshotRings({ processors: COUNT, slots: 4, areaSize: 2560 });
  const processors = new Processors(cpu, { count: COUNT });
  for (let p = 0; p < COUNT; p++) processors.setXinuse(p, 0x8e7n);
  const contexts = new KernelContexts(COUNT);
  const gate = new NmiGate({
    cpu,
    contexts,
    path: new SaverPath(savers, processors, rings.areas, { general: generalPath }),
    areaSize: 2560,
  });
  return { rings, contexts, gate };
}

/** 40 runs of 5,000 are 200,000 snapshots; one object each, 16 bytes at least, would be 3.2 MB. */
const LIMIT = 800_000;

test("gate, selection, save into the processor's ring, header", async () => {
  const { rings, contexts, gate } = machine();
  const masks = [0x06, 0xe6, 0x8e6];
  const grown = await growth(() => {
    for (let i = 0; i < 5000; i++) {
      const p = i & 15;
      const mask = masks[i % 3]!;
      contexts.enterNmi(p);
      rings.commit(p, gate.save(p, rings.reserve(p), mask, 0), mask, 0, i);
      contexts.leaveNmi(p);
      rings.release(p);
    }
  });
  expect(grown).toBeLessThan(LIMIT);
});

test("a sample with the SIMD ABI", async () => {
  const { rings, contexts, gate } = machine();
  const request = simd({ vectorQwords: 8, vectorsUser: 0xffff_ffffn, predicatesUser: 0xffn });
  const sampler = new RegisterSampler({ regsUser: 0xff0fffn, simd: request }, { cpu, gate, areas: rings.areas });
  const hit = new Interruption();
  const out = new Int32Array(LARGEST_SAMPLE / 4);
  let words = 0;
  const grown = await growth(() => {
    for (let i = 0; i < 5000; i++) {
      contexts.enterNmi(0);
      words += sampler.sample(0, 0, hit, out, 0);
      contexts.leaveNmi(0);
    }
  });
  expect(words).toBe(80 * 5000 * (2 + 40 + 2 + 32 * 16 + 16));
  expect(grown).toBeLessThan(LIMIT);
});
