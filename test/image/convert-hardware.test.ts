/** Images of other CPUs, converted to the one that runs the tests: its own XRSTOR64 loads them, other instructions read the registers. */

import { expect, test } from "vitest";
import { convertImage, decodeImage, encodeImage } from "../../src/image/index.ts";
import type { ComponentState, ImageForm } from "../../src/image/index.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { describeThisCpu } from "../../src/verify/hardware/this-cpu.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { loadModel, modelFiles } from "../model/model-files.ts";

const build = buildOracle();
if (!build.available) console.warn(`conversion against this CPU skipped: ${build.reason}`);
const CASES = process.env["XSAVEKIT_FULL"] === "1" ? 20_000 : 400;

/** Registers that both CPUs have; x87 control words stay initial, since hardware normalises them on loading. */
function sharedState(prng: Prng, from: CpuModel, here: ProcessorDescription): Map<number, ComponentState> {
  const state = new Map<number, ComponentState>();
  const x87 = new Uint8Array(416);
  x87.set([0x7f, 3, 0, 0, prng.u32() & 255]);
  for (let st = 0; st < 8; st++) prng.fill(x87, 32 + 16 * st, 10);
  const sse = new Uint8Array(416);
  prng.fill(sse, 160, 256);
  new DataView(sse.buffer).setUint32(24, (prng.u32() & 0xffc0) | 0x1f80, true);
  state.set(0, { index: 0, inUse: prng.chance(0.7), bytes: x87 });
  state.set(1, { index: 1, inUse: prng.chance(0.7), bytes: sse });
  for (const { index, size } of from.components) {
    if (((here.xcr0Supported >> BigInt(index)) & 1n) === 0n) continue;
    const bytes = new Uint8Array(size);
    // PKRU decides what memory the oracle itself may touch: only keys that nothing uses.
    if (index === 9) bytes.set([0, 0, 0, prng.u32() & 0xfc]);
    else prng.fill(bytes);
    state.set(index, { index, inUse: prng.chance(0.7), bytes });
  }
  return state;
}

test.runIf(build.available)("what was converted loads here without a fault and gives the registers of the source", async () => {
  if (!build.available) return;
  const { cpu } = describeThisCpu(build.hello);
  const models = modelFiles.map((file) => loadModel(file.replace(".yaml", "")));
  const prng = new Prng(0xc0de);
  const oracle = build.start();
  const cases = Array.from({ length: CASES }, () => {
    const from = prng.pick(models);
    const forms: readonly ImageForm[] = ["standard", "compacted"];
    const source = encodeImage(sharedState(prng, from, cpu), { form: prng.pick(forms), rows: from.components });
    const form = cpu.instructions.xsavec ? prng.pick(forms) : "standard";
    const { image, reasons } = convertImage(source, { cpu, form });
    expect(reasons).toEqual([]);
    return { from, source, image };
  });
  const results = await oracle.run(
    cases.map(({ image }) => ({ instruction: "XRSTOR64", mask: (1n << 63n) - 1n, area: image?.bytes ?? new Uint8Array() })),
  );
  await oracle.close();
  let compared = 0;
  results.forEach(({ fault, loadFault, registers }, at) => {
    const { from, source } = cases[at]!;
    expect([from.id, fault, loadFault]).toEqual([from.id, null, null]);
    for (const [index, { bytes, inUse }] of decodeImage(source).state) {
      const got = index < 2 ? registers.legacy : registers.component(index);
      // In init in a standard area whose layout has more than this CPU: nothing to carry.
      if (!got && !inUse) continue;
      const ranges =
        index === 0
          ? Array.from({ length: 8 }, (_, st) => [32 + 16 * st, 10])
          : index === 1
            ? [
                [24, 4],
                [160, 256],
              ]
            : [[0, index === 9 ? 4 : bytes.length]];
      for (const [offset = 0, size = 0] of ranges)
        expect([from.id, index, inUse, ...(got ?? new Uint8Array()).subarray(offset, offset + size)]).toEqual([
          from.id,
          index,
          inUse,
          ...bytes.subarray(offset, offset + size),
        ]);
      compared++;
    }
  });
  console.log(`${results.length} converted images loaded by this CPU (${cpu.id}), ${compared} components compared`);
  expect(compared).toBeGreaterThan(CASES * 2);
});
