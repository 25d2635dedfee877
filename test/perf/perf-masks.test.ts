/** Every mask that an event can ask an NMI for, less what PEBS delivers, has a generated saver on every model. */

import { expect, test } from "vitest";
import { generatedRegistry } from "../../src/host/load-generated.ts";
import { maskHex } from "../../src/isa/feature-mask.ts";
import { intrComponents, type SampleAttributes, userComponents } from "../../src/perf/sample-attributes.ts";
import { createArena } from "../../src/runtime/arena.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { selectSave } from "../../src/runtime/select-save.ts";
import { loadModel } from "../model/model-files.ts";
import { simd } from "./sampling-rig.ts";

/** Attributes of every kind that reaches another mask: width, low and high vectors, predicates, r16-r31, ssp; user and intr. */
function* everyRequest(): Generator<SampleAttributes> {
  yield { regsIntr: 1n << 32n };
  for (const vectorQwords of [0, 2, 4, 8]) {
    for (const vectors of vectorQwords === 0 ? [0n] : [1n, 1n << 16n, 0xffff_ffffn]) {
      for (const predicates of [0n, 1n]) {
        for (const regs of [1n, 1n << 24n, 1n << 40n, (1n << 39n) | (1n << 40n)]) {
          const request = simd({ vectorQwords, vectorsUser: vectors, predicatesUser: predicates });
          yield { regsUser: regs, simd: request };
          yield { regsIntr: regs, regsUser: 1n, simd: { ...request, vectorsIntr: vectors, predicatesIntr: predicates } };
        }
      }
    }
  }
}

/** Groups that PEBS may have delivered: any part of the vector groups and opmask, and SSP. */
const PEBS_GROUPS = [1n << 1n, 1n << 2n, 1n << 5n, 1n << 6n, 1n << 7n, 1n << 11n];

const masks = new Set<bigint>();
for (const attributes of everyRequest()) {
  const asked = userComponents(attributes) | intrComponents(attributes);
  for (let delivered = 0; delivered < 1 << PEBS_GROUPS.length; delivered++) {
    let mask = asked;
    PEBS_GROUPS.forEach((group, i) => (mask &= delivered & (1 << i) ? ~group : -1n));
    if (mask !== 0n) masks.add(mask);
  }
}

test("the requests reach every part of the seven groups", () => {
  expect(masks.size).toBe(127);
});

const registry = await generatedRegistry();

test("no mask takes the general path, on any model", async () => {
  const general: string[] = [];
  let walked = 0;
  const seen = new Set<string>();
  for (const [id, load] of Object.entries(registry)) {
    const cpu = loadModel(id);
    if (!cpu.instructions.xsaves) continue;
    const { savers } = await load();
    const processors = new Processors(cpu);
    // The PMU's ext_regs_mask refuses what the CPU lacks.
    const reachable = [...masks].filter((mask) => (mask & ~(processors.xcr0(0) | processors.xss(0))) === 0n);
    // Models that share all these savers are the same case.
    const key = JSON.stringify(savers.filter((group) => group.families.includes("XSAVES")));
    if (seen.has(key)) continue;
    seen.add(key);
    const arena = createArena({ bytes: 16384, largestArea: 16384 });
    for (const mask of reachable) {
      walked++;
      const selected = selectSave(savers, processors, arena, { instruction: "XSAVES", mask });
      if (selected.path !== "generated") general.push(`${id} ${maskHex(mask)}`);
    }
  }
  expect(general).toEqual([]);
  expect(walked).toBeGreaterThan(500);
});
