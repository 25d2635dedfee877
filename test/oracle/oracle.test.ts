/**
 * Checks the oracle itself against expectations so small that they need no model of the instructions.
 * Skips with a printed reason where this machine cannot run it.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { readU32 as u32, readU64 as u64 } from "../../src/verify/little-endian.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { ORACLE_MOVES, type OracleCase } from "../../src/verify/oracle/oracle-case.ts";
import type { OracleProcess } from "../../src/verify/oracle/oracle-process.ts";
import type { OracleResult } from "../../src/verify/oracle/oracle-result.ts";
import { randomMovesCase, randomRestoreCase, randomSaveCase } from "../../src/verify/random/oracle-cases.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { randomState } from "../../src/verify/random/register-state.ts";
import { stateSpaceOf } from "../../src/verify/random/state-space.ts";

const build = buildOracle();
if (!build.available) console.warn(`oracle tests skipped: ${build.reason}`);
const oracle: OracleProcess | undefined = build.available ? build.start() : undefined;
const onHardware = test.runIf(oracle !== undefined);
afterAll(() => oracle?.close());

/** The oracle; only called where it is available. */
function machine(): OracleProcess {
  if (oracle === undefined) throw new Error("no oracle");
  return oracle;
}

async function one(given: OracleCase): Promise<OracleResult> {
  const [result] = await machine().run([given]);
  if (result === undefined) throw new Error("no result");
  return result;
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

onHardware("the hello rows are those of the CPUID device", () => {
  const { hello } = machine();
  expect(hello.xcr0 & 3n).toBe(3n);
  expect(hello.areaBytes % 64).toBe(0);
  let device: number;
  try {
    device = openSync("/dev/cpu/0/cpuid", "r");
  } catch (error) {
    console.warn(`CPUID device not compared: ${String(error)}`);
    return;
  }
  try {
    const bytes = Buffer.alloc(16);
    const rows: [number, number][] = hello.components.map((row) => [row.index, 0]);
    for (const [index] of rows) {
      readSync(device, bytes, 0, 16, 0xd + index * 0x1_0000_0000);
      const read = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(offset));
      expect(hello.leafD[index], `sub-leaf ${index}`).toEqual(read);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error) console.warn(`CPUID device not compared: ${error.message}`);
    else throw error;
  } finally {
    closeSync(device);
  }
});

onHardware("XSAVE64 with RFBM 0 changes nothing", async () => {
  const prng = new Prng(1);
  const space = stateSpaceOf(machine().hello);
  for (const mask of [0n, 1n << 63n]) {
    const area = new Uint8Array(space.areaBytes);
    prng.fill(area);
    const result = await one({ instruction: "XSAVE64", mask, state: randomState(prng, space), area });
    expect(result.fault).toBeNull();
    expect(hex(result.area)).toBe(hex(area));
  }
});

onHardware("XSAVEC64 with RFBM 0 writes 16 bytes of header", async () => {
  const { hello } = machine();
  if (!hello.xsavec) return;
  const area = new Uint8Array(hello.areaBytes).fill(0xa5);
  const result = await one({ instruction: "XSAVEC64", mask: 0n, area });
  const expected = area.slice();
  expected.fill(0, 512, 528);
  expected[527] = 0x80;
  expect(hex(result.area)).toBe(hex(expected));
});

onHardware("the initial configuration reads back as the manual has it", async () => {
  const { hello } = machine();
  const result = await one({ instruction: "XSAVE64", mask: hello.xcr0, area: new Uint8Array(0) });
  const expected = new Uint8Array(512);
  expected.set([0x7f, 0x03]);
  expected.set([0x80, 0x1f], 24);
  expected.set(result.registers.legacy.subarray(28, 32), 28); // MXCSR_MASK is the CPU's
  expect(hex(result.registers.legacy)).toBe(hex(expected));
  for (const row of hello.components) {
    const bytes = result.registers.component(row.index);
    if (bytes)
      expect(
        bytes.every((byte) => byte === 0),
        `component ${row.index}`,
      ).toBe(true);
  }
  expect(result.registers.environment).toMatchObject({ fcw: 0x37f, fsw: 0, ftw: 0xffff });
});

onHardware("1,000 random saves: consistent, unperturbed, repeatable", async () => {
  const space = stateSpaceOf(machine().hello);
  const prng = new Prng(2);
  const cases = Array.from({ length: 1000 }, () => randomSaveCase(prng, space));
  const results = await machine().run(cases);
  expect(results.length).toBe(cases.length);
  let stable = 0;
  let withInit = 0;
  results.forEach((result, i) => {
    const given = cases[i];
    if (given?.state === undefined) throw new Error("no case");
    expect(result.loadFault).toBeNull();
    expect(result.fault).toBeNull();
    expect(result.guardsIntact).toBe(true);
    expect(result.registersChanged).toBe(false);
    expect(result.statePkruMasked).toBe(false);
    if (!result.stable) return;
    stable++;
    // What XRSTOR64 loaded is what the other instructions read.
    const bv = u64(given.state, 512);
    if ((bv & space.userMask) !== space.userMask) withInit++;
    const zeros = new Uint8Array(8192);
    for (const row of machine().hello.components) {
      const read = result.registers.component(row.index);
      if (!read || row.standardOffset === undefined || row.index === 17 || row.index === 18) continue;
      const size = row.index === 9 ? 4 : row.size;
      const loaded = (bv >> BigInt(row.index)) & 1n ? given.state.subarray(row.standardOffset) : zeros;
      expect(hex(read.subarray(0, size)), `component ${row.index}`).toBe(hex(loaded.subarray(0, size)));
    }
    const xmm = bv & 2n ? given.state.subarray(160, 416) : zeros.subarray(0, 256);
    expect(hex(result.registers.legacy.subarray(160, 416))).toBe(hex(xmm));
    const mxcsr = u32(result.registers.legacy, 24);
    expect(mxcsr).toBe(u32(given.state, 24));
    if (bv & 1n) {
      expect(hex(result.registers.legacy.subarray(0, 5))).toBe(hex(given.state.subarray(0, 5)));
    }
    // Never in use where the image said init, but for the MXCSR rule of XGETBV(1).
    expect(result.xinuse & ~bv).toBe(0n);
    if (result.xinuseBefore !== null) {
      expect(result.xinuseBefore).toBe(mxcsr === 0x1f80 ? result.xinuse : result.xinuse | 2n);
    }
  });
  expect(stable).toBeGreaterThan(990);
  expect(withInit).toBeGreaterThan(500);
  const again = await machine().run(cases);
  const differing = again.filter((result, i) => result.stable && hex(result.area) !== hex(results[i]?.area));
  expect(differing.length).toBeLessThan(5);
});

onHardware("XSAVE64 of x87 and SSE in use agrees with FXSAVE64", async () => {
  const space = stateSpaceOf(machine().hello);
  const prng = new Prng(3);
  const cases = Array.from({ length: 200 }, (): OracleCase => {
    const state = randomState(prng, space, { inUse: space.userMask });
    return { instruction: "XSAVE64", mask: 3n, state, area: new Uint8Array(space.areaBytes).fill(0xa5) };
  });
  for (const result of await machine().run(cases)) {
    expect(hex(result.area.subarray(0, 416))).toBe(hex(result.registers.legacy.subarray(0, 416)));
    expect(result.area.subarray(416, 512).every((byte) => byte === 0xa5)).toBe(true);
    expect(result.area.subarray(520).every((byte) => byte === 0xa5)).toBe(true);
  }
});

onHardware("misaligned areas are #GP and leave the area alone", async () => {
  const space = stateSpaceOf(machine().hello);
  const prng = new Prng(4);
  const cases = Array.from({ length: 63 }, (_, i) => ({ ...randomSaveCase(prng, space), misalign: i + 1 }));
  const results = await machine().run(cases);
  results.forEach((result, i) => {
    expect(result.fault).toMatchObject({ signal: 11, vector: 13 });
    expect(hex(result.area)).toBe(hex(cases[i]?.area));
    expect(result.guardsIntact).toBe(true);
  });
});

onHardware("supervisor forms fault in user mode", async () => {
  const { hello } = machine();
  for (const instruction of ["XSAVES64", "XRSTORS64"] as const) {
    const result = await one({ instruction, mask: 0n, area: new Uint8Array(0) });
    expect(result.fault?.vector, instruction).toBe(hello.xsaves ? 13 : 6);
  }
});

onHardware("an illegal state image is reported as a load fault, and the process goes on", async () => {
  const state = new Uint8Array(1024);
  state[519] = 0x80; // XSTATE_BV bit 63
  const result = await one({ instruction: "XSAVE64", mask: 3n, state, area: new Uint8Array(0) });
  expect(result.loadFault).toMatchObject({ vector: 13 });
  expect(result.fault).toBeNull();
  await expect(one({ instruction: "XSAVE64", mask: 3n, area: new Uint8Array(0), misalign: 64 })).rejects.toThrow("misalign");
  expect((await one({ instruction: "XSAVE64", mask: 3n, area: new Uint8Array(0) })).fault).toBeNull();
});

onHardware("restores: each defect faults where the manual says so", async () => {
  const space = stateSpaceOf(machine().hello);
  const prng = new Prng(5);
  const cases = Array.from({ length: 2000 }, () => randomRestoreCase(prng, space));
  const results = await machine().run(cases);
  const seen = new Set<string>();
  results.forEach((result, i) => {
    const given = cases[i];
    if (given === undefined) throw new Error("no case");
    const { defect, compacted, xstateBv } = given.restore;
    const rfbm = given.mask & space.xcr0;
    seen.add(`${defect} ${compacted}`);
    let faults = defect !== "none" && (defect !== "header-24-63" || compacted);
    if (defect === "mxcsr") faults = compacted ? (rfbm & xstateBv & 2n) !== 0n : (rfbm & 6n) !== 0n;
    expect(result.fault?.vector ?? null, `${i}: ${defect}, compacted ${compacted}, rfbm ${rfbm}`).toBe(faults ? 13 : null);
    expect(result.loadFault).toBeNull();
    expect(result.imagePkruMasked).toBe(false);
    expect(hex(result.area)).toBe(hex(given.area));
    if (faults) return;
    // What is not asked for stays.
    if ((rfbm & 3n) === 0n && (rfbm & 4n) === 0n) {
      expect(hex(result.registers.legacy)).toBe(hex(result.registersBefore.legacy));
    }
    for (const row of machine().hello.components) {
      const after = result.registers.component(row.index);
      const bit = 1n << BigInt(row.index);
      if (!after || row.index === 17 || row.index === 18) continue;
      if (!(rfbm & bit)) expect(hex(after)).toBe(hex(result.registersBefore.component(row.index)));
      else if (!(xstateBv & bit)) expect(after.every((byte) => byte === 0)).toBe(true);
    }
  });
  expect(seen.size).toBe(space.xsavec ? 16 : 8);
});

onHardware("moves: the menu does what it says", async () => {
  const space = stateSpaceOf(machine().hello);
  const prng = new Prng(6);
  const all = randomState(prng, space, { inUse: space.userMask });
  const mask = space.xcr0;
  const area = new Uint8Array(space.areaBytes);
  const moved = (moves: number, state = all): Promise<OracleResult> =>
    one({ instruction: "XSAVE64", mask, state, area, loader: "moves", moves });

  const xmm = await moved(ORACLE_MOVES.xmm);
  expect(hex(xmm.registers.legacy.subarray(160, 416))).toBe(hex(all.subarray(160, 416)));
  expect(xmm.xinuse & ~2n).toBe(0n);
  const zeroed = await moved(ORACLE_MOVES.xmm | ORACLE_MOVES.xorps);
  expect(zeroed.registers.legacy.subarray(160, 416).every((byte) => byte === 0)).toBe(true);
  const pending = await moved(ORACLE_MOVES.pendingZeroDivide);
  expect((u32(pending.registers.legacy, 0) >>> 16) & 0x8084).toBe(0x8084);
  expect(pending.registers.environment.fip).not.toBe(0);
  expect(BigInt(pending.registers.environment.fip)).toBe(u64(pending.area, 8) & 0xffff_ffffn);
  if (space.xcr0 & 4n) {
    const ymm = await moved(ORACLE_MOVES.ymm);
    expect(ymm.xinuse & 4n).toBe(4n);
    const row = space.components.find(({ index }) => index === 2);
    expect(hex(ymm.registers.avx)).toBe(hex(all.subarray(row?.standardOffset, (row?.standardOffset ?? 0) + 256)));
    const upper = await moved(ORACLE_MOVES.ymm | ORACLE_MOVES.vzeroupper);
    expect(upper.registers.avx?.every((byte) => byte === 0)).toBe(true);
  }
  const results = await machine().run(Array.from({ length: 500 }, () => randomMovesCase(prng, space)));
  for (const result of results) {
    expect(result.fault).toBeNull();
    expect(result.registersChanged).toBe(false);
    expect(result.guardsIntact).toBe(true);
  }
});

onHardware("a PKRU image that would lock the process out is defused and reported", async () => {
  const { hello } = machine();
  const row = hello.components.find(({ index }) => index === 9);
  if (row?.standardOffset === undefined) return;
  const image = new Uint8Array(hello.areaBytes);
  image.set([0x80, 0x1f], 24);
  image[513] = 2;
  image.fill(0xff, row.standardOffset, row.standardOffset + 4);
  const result = await one({ instruction: "XRSTOR64", mask: hello.xcr0, area: image });
  expect(result.imagePkruMasked).toBe(true);
  expect(u32(result.registers.pkru ?? new Uint8Array(4), 0)).toBe(0xffff_fffc);
});

onHardware("a dead process is named with what it said", async () => {
  if (!build.available) return;
  const other = build.start();
  await other.close();
  await expect(other.run([{ instruction: "XSAVE64", mask: 0n, area: new Uint8Array(0) }])).rejects.toThrow("ended with");
});

test("the generator is deterministic", () => {
  const space = {
    userMask: 0xe7n,
    xcr0: 0xe7n,
    components: [
      { index: 2, size: 256, standardOffset: 576, supervisor: false, align64: false, xfd: false },
      { index: 5, size: 64, standardOffset: 832, supervisor: false, align64: false, xfd: false },
      { index: 6, size: 512, standardOffset: 896, supervisor: false, align64: false, xfd: false },
      { index: 7, size: 1024, standardOffset: 1408, supervisor: false, align64: false, xfd: false },
    ],
    mxcsrMask: 0xffff,
    xsavec: true,
    xsaveopt: true,
    areaBytes: 4096,
  };
  const first = new Prng(7);
  const second = new Prng(7);
  for (let i = 0; i < 50; i++) {
    for (const make of [randomSaveCase, randomMovesCase, randomRestoreCase]) {
      const [a, b]: OracleCase[] = [make(first, space), make(second, space)];
      expect({ ...a, state: hex(a?.state), area: hex(a?.area), restore: 0 }).toEqual({
        ...b,
        state: hex(b?.state),
        area: hex(b?.area),
        restore: 0,
      });
    }
  }
});
