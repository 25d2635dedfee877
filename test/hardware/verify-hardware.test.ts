/** Savers and restores against the CPU that runs the tests: a quick subset of `npm run verify:hardware`. */

import { expect, test } from "vitest";
import { loadBundledModel, loadBundledModels } from "../../src/host/load-models.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { RestoreJudge } from "../../src/verify/hardware/judge-restore.ts";
import { SaveJudge } from "../../src/verify/hardware/judge-save.ts";
import { describeThisCpu } from "../../src/verify/hardware/this-cpu.ts";
import { verifyHardware } from "../../src/verify/hardware/verify-hardware.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import type { OracleHello } from "../../src/verify/oracle/oracle-hello.ts";
import { randomRestoreCase, randomSaveCase } from "../../src/verify/random/oracle-cases.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { stateSpaceOf } from "../../src/verify/random/state-space.ts";

const CASES = process.env["XSAVEKIT_FULL"] === "1" ? 120_000 : 20_000;
const build = buildOracle();
if (!build.available) console.warn(`tests on this CPU skipped: ${build.reason}`);
const onHardware = test.runIf(build.available);

onHardware("what this CPU stores, loads and refuses is what ours does", { timeout: 600_000 }, async () => {
  const result = await verifyHardware({ cases: CASES, seed: 0x5eed });
  if ("unavailable" in result) throw new Error(result.unavailable);
  const { failures, passed, failed, skipped, ...counts } = result;
  console.log(`on ${result.cpu}: ${passed} passed, ${failed} failed, ${skipped} skipped; ${JSON.stringify(counts)}`);
  expect(failures.slice(0, 10)).toEqual([]);
  expect(passed).toBeGreaterThan(CASES * 0.99);
  for (const [name, count] of Object.entries(result.executions)) {
    expect(count.withInit, name).toBeGreaterThan(count.cases / 3);
    if (count.cases > 1000) expect(count.faults, name).toBeGreaterThan(0);
  }
  expect(result.executions["XRSTOR64"]?.faults).toBeGreaterThan(300);
  for (const [condition, count] of Object.entries(result.conditions))
    if (condition !== "PKRU not 0") expect(count, condition).toBeGreaterThan(100);
  const saves = Object.entries(result.executions).flatMap(([name, count]) => (name.startsWith("XSAVE") ? [count] : []));
  const sum = (what: keyof (typeof saves)[number]): number => saves.reduce((total, count) => total + count[what], 0);
  expect(sum("generated")).toBeGreaterThan(CASES / 2);
  expect(sum("withInit")).toBeGreaterThan(sum("cases") / 2);
});

onHardware("a wrong byte of the CPU's would be found, in saves and restores", async () => {
  if (!build.available) return;
  const oracle = build.start();
  const { cpu } = describeThisCpu(build.hello);
  const processors = new Processors(cpu, { xcr0: build.hello.xcr0 });
  const space = stateSpaceOf(build.hello);
  const prng = new Prng(3);
  const save = { ...randomSaveCase(prng, space, "XSAVE64"), mask: 3n };
  const restore = { ...randomRestoreCase(prng, space, { defect: "none", compacted: false }), mask: 3n };
  const [saved, restored] = await oracle.run([save, { ...restore, instruction: "XRSTOR64" }]);
  await oracle.close();
  if (!saved || !restored) throw new Error("no result");
  const saves = new SaveJudge(processors, [], build.hello.areaBytes);
  const restores = new RestoreJudge(processors, build.hello.areaBytes, []);
  expect(saves.judge(save, saved).differences).toEqual([]);
  expect(restores.judge(restore, restored).differences).toEqual([]);
  for (const [offset, component] of [
    [3, "x87"],
    [161, "SSE"],
    [513, "header"],
    [4000, "unused"],
  ] as const) {
    saved.area[offset]! ^= 1;
    expect(saves.judge(save, saved).differences).toMatchObject([{ component, offset, by: "general" }]);
    saved.area[offset]! ^= 1;
  }
  restored.registers.legacy[200]! ^= 1;
  expect(restores.judge(restore, restored).differences).toMatchObject([{ component: "SSE", offset: 200 }]);
  const fault = { vector: 13, signal: 11, code: 128, errorCode: 0, address: 0n };
  expect(restores.judge(restore, { ...restored, fault }).differences).toMatchObject([
    { component: "fault", expected: "vector 13", got: "no fault" },
  ]);
});

test("the model is chosen by signature, then by its rows; without one the rules follow from CPUID", () => {
  const models = loadBundledModels();
  const zen3 = loadBundledModel("amd-zen-3");
  const hello = (changes: Partial<OracleHello>): OracleHello =>
    ({
      vendor: "AuthenticAMD",
      family: 0x19,
      model: 1,
      stepping: 1,
      brand: "test",
      xcr0: 0x207n,
      xsaveopt: true,
      xsavec: true,
      xgetbv1: true,
      xfd: false,
      leafD: [
        [0x207, 0x988, 0x988, 0],
        [0xf, 0x348, 0, 0],
        [256, 576, 0, 0],
        ...Array.from({ length: 6 }, () => [0, 0, 0, 0] as const),
        [8, 2432, 0, 0],
      ],
      leaves: { "1": [0, 0, 0, 0], "7.0": [0, 0, 0, 0], "7.1": [0, 0, 0, 0], "80000008": [0, 4, 0, 0] },
      components: zen3.components,
      ...changes,
    }) as OracleHello;
  expect(describeThisCpu(hello({}), models)).toMatchObject({
    model: "amd-zen-3",
    cpu: { quirks: zen3.quirks, xssSupported: 0n },
  });
  const otherRows = zen3.components.map((row) => ({ ...row, align64: true }));
  expect(describeThisCpu(hello({ components: otherRows }), models).model).toMatch(/^amd-zen-3/);
  const unknown = describeThisCpu(hello({ family: 0x30 }), models);
  expect(unknown.model).toBeUndefined();
  expect(unknown.cpu.quirks).toMatchObject({ x87Pointers: "zero-unless-es", mxcsrMask: 0x2ffff });
});
