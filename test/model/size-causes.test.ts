/** Causes of sizes against all masks of every model, laid out anew by adding up. */

import { expect, test } from "vitest";

import { loadBundledModel, loadBundledModels } from "../../src/host/load-models.ts";
import { bufferPlan } from "../../src/model/buffer-plan.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { nearestSizes, sizeCauses } from "../../src/model/size-causes.ts";

const models = loadBundledModels();
const SIZES = [576, 640, 832, 840, 880, 896, 960, 1088, 2432, 2440, 2456, 2480, 2696, 10752, 11008, 11776];
const full = process.env["XSAVEKIT_FULL"] === "1";

/** Sizes of all masks of a model by format: mask of extended components -> end, the slow way. */
function allSizes(model: CpuModel): { standard: Map<bigint, number>; compacted: Map<bigint, number> } {
  const standard = new Map<bigint, number>();
  const compacted = new Map<bigint, number>();
  const rows = model.components;
  for (let choice = 0; choice < 2 ** rows.length; choice++) {
    let mask = 0n;
    let end = 576;
    let last: number | undefined = 576;
    rows.forEach((row, at) => {
      if (Math.floor(choice / 2 ** at) % 2 === 0) return;
      mask |= 1n << BigInt(row.index);
      if (row.align64) while (end % 64 !== 0) end++;
      end += row.size;
      if (row.standardOffset === undefined) last = undefined;
      else if (last !== undefined) last = Math.max(last, row.standardOffset + row.size);
    });
    compacted.set(mask, end);
    if (last !== undefined) standard.set(mask, last);
  }
  return { standard, compacted };
}

const SAMPLE = ["amd-zen-2-4700s", "amd-zen-4", "intel-skylake-x", "intel-diamond-rapids"];
const sample = full ? models : SAMPLE.map((id) => loadBundledModel(id));

test.each(sample.map((model) => [model.id, model] as const))("%s: exactly the masks that give a size", (_, model) => {
  const { standard, compacted } = allSizes(model);
  for (const size of SIZES) {
    const causes = sizeCauses([model], size);
    const masks = causes.filter(({ kind }) => kind === "compacted").map(({ rfbm }) => rfbm & ~3n);
    const expected = [...compacted].filter(([, end]) => end === size).map(([mask]) => mask);
    expect(new Set(masks)).toEqual(new Set(model.instructions.xsavec ? expected : []));
    // In the standard format the last component and any that end before it.
    const ends = causes.filter(({ kind }) => kind === "standard");
    for (const [mask, end] of standard) {
      const explained = ends.some(
        ({ last, rfbm }) => (mask & ~rfbm) === 0n && (last === undefined ? mask === 0n : ((mask >> BigInt(last)) & 1n) === 1n),
      );
      expect(explained, `${model.id} ${mask.toString(16)} ${size}`).toBe(end === size);
    }
  }
});

test("known sizes: who asks for 2440, 2696, 11008, 960 and 1088", () => {
  const causes = (size: number): string[] =>
    sizeCauses(models, size)
      .filter(({ usual }) => usual)
      .map(({ kind, rfbm, last }) => `${kind} ${rfbm.toString(16)} ${last ?? "-"}`)
      // Which comes first depends on how many models there are.
      .toSorted();
  expect(causes(2440)).toEqual(["compacted 2e7 -", "standard 207 9", "standard 2e7 9"]);
  expect(causes(2696)).toEqual(expect.arrayContaining(["standard 2e7 9", "standard 207 9", "standard 2ff 9", "compacted 3ff -"]));
  expect(causes(11008)).toEqual(expect.arrayContaining(["standard 602e7 18", "standard e02e7 18", "kvm-xsave2 602e7 -"]));
  expect(causes(960)).toEqual(expect.arrayContaining(["compacted 1f -", "standard 4000000000000007 62", "glibc-2.40 6 -"]));
  expect(causes(1088)).toEqual(expect.arrayContaining(["standard 1f 4", "standard 1b 4", "compacted 11f -"]));
  expect(causes(2496)).toContain("rounded 2e7 -");
  expect(causes(3632)).toContain("at-minsigstksz 2e7 -");
});

test("a model's own sizes all have a cause, and a size that nothing gives has neighbours", () => {
  for (const model of sample) {
    for (const { kind, bytes } of bufferPlan(model)) {
      const kinds = sizeCauses([model], bytes).map((cause) => cause.kind);
      const expected = kind === "core-note" || kind === "xsave" ? "standard" : kind.startsWith("xsave") ? "compacted" : kind;
      expect(kinds, `${model.id} ${kind} ${bytes}`).toContain(expected);
    }
  }
  expect(sizeCauses(models, 577)).toEqual([]);
  expect(nearestSizes(models, 2441)[0]).toBe(2440);
});
