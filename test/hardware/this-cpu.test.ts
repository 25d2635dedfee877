/**
 * The savers against the CPU that runs the tests: XSAVE64, XSAVEC64 and XSAVEOPT64 of random register states,
 * whole areas compared. Skips with a printed reason where the oracle is not available.
 */

import { afterAll, expect, test } from "vitest";
import { groupsFor, type RequestedMask } from "../../src/generator/saver-spec.ts";
import { createArena } from "../../src/runtime/arena.ts";
import type { X87Pointers } from "../../src/isa/vendor-behaviour.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { Processors } from "../../src/runtime/processors.ts";
import type { SaveFamily } from "../../src/runtime/save-plan.ts";
import { type SelectedSave, selectSave } from "../../src/runtime/select-save.ts";
import { SaversFolder } from "../generator/load-savers.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import type { OracleCase } from "../../src/verify/oracle/oracle-case.ts";
import type { OracleHello } from "../../src/verify/oracle/oracle-hello.ts";
import type { OracleProcess } from "../../src/verify/oracle/oracle-process.ts";
import type { OracleResult } from "../../src/verify/oracle/oracle-result.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { randomArea, randomState } from "../../src/verify/random/register-state.ts";
import { randomMask, stateSpaceOf } from "../../src/verify/random/state-space.ts";
import { firstDifference } from "../reference/random-processors.ts";

const build = buildOracle();
if (!build.available) console.warn(`tests on this CPU skipped: ${build.reason}`);
const oracle: OracleProcess | undefined = build.available ? build.start() : undefined;
afterAll(() => oracle?.close());

const CASES = process.env["XSAVEKIT_FULL"] === "1" ? 60_000 : 12_000;

/** This CPU from its own CPUID; supervisor components are out of reach of a user's program. */
function describe(hello: OracleHello, mxcsrMask: number): ProcessorDescription {
  const amd = hello.vendor === "AuthenticAMD" || hello.vendor === "HygonGenuine";
  const x87Pointers: X87Pointers = !amd
    ? "saved"
    : hello.xsaveerptr || hello.family >= 0x17
      ? "zero-unless-es"
      : "kept-unless-es";
  return {
    id: "this-cpu",
    xcr0Supported: hello.xcr0,
    xssSupported: 0n,
    instructions: { xsaveopt: hello.xsaveopt, xsavec: hello.xsavec, xgetbv1: hello.xgetbv1, xsaves: false, xfd: hello.xfd },
    components: hello.components.filter((row) => !row.supervisor),
    quirks: { x87Pointers, mxcsrMask },
  };
}

const u32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
const u64 = (bytes: Uint8Array, at: number): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);

/** Whether the CPU leaves PKRU's upper four bytes in the area alone, where others write zeros. */
async function pkruUpperKept(machine: OracleProcess): Promise<boolean> {
  const row = machine.hello.components.find((each) => each.index === 9);
  if (!row || (machine.hello.permitted & 0x200n) === 0n) return false;
  const area = new Uint8Array(machine.hello.areaBytes).fill(0xa5);
  const [result] = await machine.run([{ instruction: "XSAVE64", mask: 0x200n, area }]);
  return u32(result!.area, row.standardOffset! + 4) === 0xa5a5_a5a5;
}

test.runIf(oracle !== undefined)("savers store what this CPU stores", { timeout: 300_000 }, async () => {
  const { hello } = oracle!;
  const [probe] = await oracle!.run([{ instruction: "XSAVE64", mask: 3n, area: new Uint8Array(hello.areaBytes) }]);
  const mxcsrMask = u32(probe!.registers.legacy, 28);
  const described = describe(hello, mxcsrMask);
  const cpu: ProcessorDescription = (await pkruUpperKept(oracle!))
    ? { ...described, quirks: { ...described.quirks, pkruUpperBytes: "kept" } }
    : described;
  const space = stateSpaceOf(hello, mxcsrMask);
  const families: SaveFamily[] = [
    "XSAVE",
    ...(hello.xsavec ? (["XSAVEC"] as const) : []),
    ...(hello.xsaveopt ? (["XSAVEOPT"] as const) : []),
  ];
  const processors = new Processors(cpu, { xcr0: hello.xcr0 });
  const areas = createArena({ bytes: hello.areaBytes, largestArea: hello.areaBytes });

  // Savers for a good part of the masks that will occur, the general path for all.
  const prng = new Prng(0x5eed_c0de);
  const masks = new Set<bigint>([
    hello.xcr0,
    0n,
    1n,
    2n,
    3n,
    4n & hello.xcr0,
    7n & hello.xcr0,
    hello.xcr0 & ~1n,
    hello.xcr0 & ~2n,
  ]);
  while (masks.size < 28 && masks.size < 2 ** Math.min(10, hello.components.length))
    masks.add(randomMask(prng, space) & hello.xcr0);
  const requested: RequestedMask[] = [...masks].map((rfbm) => ({ name: "test", rfbm, families, xinuseClasses: [3n, 7n] }));
  const folder = new SaversFolder();
  const savers = await folder.load(groupsFor(cpu, requested));
  folder.remove();

  const bound = new Map<string, SelectedSave>();
  const select = (list: typeof savers, instruction: SaveFamily, mask: bigint): SelectedSave => {
    const key = `${list.length} ${instruction} ${mask & hello.xcr0}`;
    const found = bound.get(key) ?? selectSave(list, processors, areas, { instruction, mask: mask & hello.xcr0 });
    bound.set(key, found);
    return found;
  };

  const counts = {
    cases: 0,
    compared: 0,
    unstable: 0,
    xsave: 0,
    xsavec: 0,
    xsaveopt: 0,
    generated: 0,
    noSaver: 0,
    withInit: 0,
    mxcsrAlone: 0,
    pointersEsClear: 0,
    pointersEsSet: 0,
    oldHeader: 0,
    different: 0,
  };
  const differences: string[] = [];
  const judge = (given: OracleCase, result: OracleResult): void => {
    if (result.fault !== null || result.loadFault !== null)
      throw new Error(`the save faulted: ${JSON.stringify(result.fault ?? result.loadFault)}`);
    counts.cases++;
    if (!result.stable) {
      counts.unstable++;
      return;
    }
    const instruction = given.instruction.slice(0, -2) as SaveFamily;
    const { legacy } = result.registersBefore;
    const image = legacy.slice();
    // FXSAVE64 applies the CPU's pointer rule too: the live pointers come from the state that was loaded.
    const x87Loaded = given.state !== undefined && (u64(given.state, 512) & 1n) !== 0n;
    if (cpu.quirks.x87Pointers !== "saved" && x87Loaded) image.set(given.state!.subarray(6, 24), 6);
    processors.loadLegacy(0, image);
    for (const row of cpu.components) {
      const bytes = result.registersBefore.component(row.index);
      if (bytes) processors.component(0, row.index).set(bytes.subarray(0, row.size));
    }
    processors.setXinuse(0, result.xinuse & hello.xcr0);
    const general = select([], instruction, given.mask);
    const best = select(savers, instruction, given.mask);
    for (const selected of best.path === "general" ? [general] : [general, best]) {
      areas.u8.fill(0, 0, hello.areaBytes);
      areas.u8.set(given.area);
      selected.save(0, 0);
      const difference = firstDifference(areas.u8.subarray(0, hello.areaBytes), result.area);
      if (difference !== undefined) {
        counts.different++;
        differences.push(
          `${given.instruction} mask ${given.mask.toString(16)} XINUSE ${result.xinuse.toString(16)} by ${selected.path}: ${difference}`,
        );
      }
    }
    counts.compared++;
    counts[instruction.toLowerCase() as "xsave" | "xsavec" | "xsaveopt"]++;
    counts[best.path === "general" ? "noSaver" : "generated"]++;
    if (space.userMask & ~result.xinuse) counts.withInit++;
    if (!result.xmmInUse && u32(legacy, 24) !== 0x1f80) counts.mxcsrAlone++;
    if (x87Loaded && (u64(given.state!, 8) !== 0n || u64(given.state!, 16) !== 0n))
      counts[(legacy[2]! & 0x80) === 0 ? "pointersEsClear" : "pointersEsSet"]++;
    if (u64(given.area, 512) !== 0n) counts.oldHeader++;
  };

  const list = [...masks];
  for (let start = 0; start < CASES; start += 1000) {
    const cases: OracleCase[] = Array.from({ length: 1000 }, () => {
      const instruction = `${prng.pick(families)}64` as OracleCase["instruction"];
      const mask = prng.chance(0.6)
        ? prng.pick(list) | (prng.chance(0.3) ? ~hello.xcr0 & prng.u64() : 0n)
        : randomMask(prng, space);
      return { instruction, mask, state: randomState(prng, space), area: randomArea(prng, space) };
    });
    const results = await oracle!.run(cases);
    cases.forEach((given, i) => judge(given, results[i]!));
  }
  console.log(`on ${hello.brand}: ${savers.reduce((sum, each) => sum + each.forms.length, 0)} savers; ${JSON.stringify(counts)}`);
  expect(differences.slice(0, 10)).toEqual([]);
  expect(counts.compared).toBeGreaterThanOrEqual(10_000);
  expect(counts.withInit).toBeGreaterThan(counts.compared / 2);
  for (const name of ["generated", "mxcsrAlone", "pointersEsClear", "pointersEsSet", "oldHeader"] as const) {
    expect(counts[name], name).toBeGreaterThan(100);
  }
});
