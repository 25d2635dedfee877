/** Generated restores, the general path and the manual's pseudo-code: the same faults, the same registers. */

import { afterAll, expect, test } from "vitest";
import { restoresFor } from "../../src/generator/restore-spec.ts";
import { type AreaMemory, areasIn, createArena } from "../../src/runtime/arena.ts";
import { restore } from "../../src/runtime/general-restore.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { Processors } from "../../src/runtime/processors.ts";
import type { RestoreFamily } from "../../src/runtime/restore-checks.ts";
import { selectRestore } from "../../src/runtime/select-restore.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import { makeLegal } from "../reference/legal-supervisor.ts";
import { type MutableRegisters, type NaiveRestore, naiveRestore } from "../reference/naive-restore.ts";
import {
  copyRegisters,
  firstDifference,
  Prng,
  randomCpu,
  randomiseRegisters,
  randomSubset,
  randomXcr0,
} from "../reference/random-processors.ts";
import { SaversFolder } from "./load-savers.ts";
import { setXfd } from "../../src/runtime/set-control-registers.ts";

const folder = new SaversFolder();
afterAll(() => folder.remove());

const full = process.env["XSAVEKIT_FULL"] === "1";
const MODELS = full ? 400 : 40;
const PER_MODEL = full ? 200 : 100;
const COMPACTED = 1n << 63n;
const BYTES = 20_480;

interface Header {
  xstateBv: bigint;
  xcompBv: bigint;
}

/** An area to restore from: sound in half of the cases, broken in one way in the others. */
function randomImage(
  prng: Prng,
  cpu: ProcessorDescription,
  areas: AreaMemory,
  offset: number,
  compacted: boolean,
  laidOut: bigint,
  xcr0: bigint,
): Header {
  prng.fill(areas.u8, areas.start, areas.end - areas.start);
  const view = new DataView(areas.buffer, offset);
  // Loaded, but initial: all of it, or some.
  if (prng.chance(0.2)) {
    const start = 32 + prng.below(1200);
    areas.u8.fill(0, offset + start, offset + start + prng.below(2000));
  }
  if (prng.chance(0.1)) areas.u8.fill(0, offset, areas.end).set([0x7f, 3], offset);
  const header: Header = {
    xstateBv: prng.chance(0.4) ? laidOut : randomSubset(prng, compacted ? laidOut : xcr0),
    xcompBv: compacted ? laidOut | COMPACTED : 0n,
  };
  areas.u8.fill(0, offset + 528, offset + (compacted || prng.chance(0.5) ? 576 : 536));
  view.setUint32(24, prng.chance(0.5) ? 0x1f80 : prng.u32() & 0xffff, true);
  switch (prng.below(14)) {
    case 0:
      header.xstateBv ^= 1n << BigInt(prng.below(64));
      break;
    case 1:
      header.xcompBv ^= 1n << BigInt(prng.below(64));
      break;
    case 2:
      areas.u8[offset + 528 + prng.below(48)] = 1 << prng.below(8);
      break;
    case 3:
      view.setUint32(24, 1 << prng.below(32), true);
      break;
    case 4:
      header.xstateBv = prng.u64();
      break;
    case 5:
      header.xcompBv = prng.u64();
      break;
    default:
  }
  if (compacted && prng.chance(0.9)) {
    for (const { row, offset: at } of areaLayout(cpu, laidOut, "compacted").components)
      makeLegal(row.index, areas.u8.subarray(offset + at, offset + at + row.size));
  }
  view.setBigUint64(512, header.xstateBv, true);
  view.setBigUint64(520, header.xcompBv, true);
  return header;
}

/** The registers of the library against those of the reference. */
function difference(processors: Processors, wanted: MutableRegisters): string | undefined {
  const got = copyRegisters(processors, 0);
  if (got.xinuse !== wanted.xinuse) return `XINUSE ${got.xinuse.toString(16)}, wanted ${wanted.xinuse.toString(16)}`;
  if (got.fcs !== wanted.fcs || got.fds !== wanted.fds) return "FCS or FDS";
  const legacy = firstDifference(got.legacy.subarray(0, 416), wanted.legacy.subarray(0, 416));
  if (legacy !== undefined) return `legacy region: ${legacy}`;
  for (const [index, bytes] of wanted.extended) {
    const found = firstDifference(got.extended.get(index)!, bytes);
    if (found !== undefined) return `component ${index}: ${found}`;
  }
  return undefined;
}

function naive(cpu: ProcessorDescription, instruction: RestoreFamily, mask: bigint, processors: Processors): NaiveRestore {
  return {
    instruction,
    operandSize: 64,
    mode64: true,
    rows: cpu.components,
    compaction: cpu.instructions.xsavec,
    mxcsrMask: cpu.quirks.mxcsrMask,
    pointers: cpu.quirks.x87Pointers,
    xinuseByValue: cpu.quirks.xinuseAfterRestore === "by-value",
    pointerBits: ({ "48-bit": 48, "57-bit": 57, "64-bit": 64 } as const)[cpu.quirks.x87PointerWidth ?? "64-bit"] ?? 64,
    xcr0: processors.xcr0(0),
    xss: processors.xss(0),
    mask,
  };
}

test(`restores of ${MODELS} random CPUs do what the manual's pseudo-code does`, { timeout: 1_800_000 }, async () => {
  const counts = { generated: 0, general: 0, loaded: 0, refused: 0, all: 0, buffer: 0, xrstors: 0, standard: 0 };
  const memories = [createArena({ bytes: BYTES, largestArea: 576 }), areasIn(new ArrayBuffer(BYTES))];
  for (let seed = 0; seed < MODELS; seed++) {
    const prng = new Prng(0xbeef_0000 + seed);
    const base = randomCpu(prng);
    const zen5 = { x87PointerWidth: "57-bit", xinuseAfterRestore: "by-value", xinuseOfPointers: "ignored" } as const;
    const cpu = prng.chance(0.3) ? { ...base, quirks: { ...base.quirks, ...zen5 } } : base;
    const xcr0 = randomXcr0(prng, cpu);
    const xss = randomSubset(prng, cpu.xssSupported);
    const processors = new Processors(cpu, { xcr0, xss });
    const instruction: RestoreFamily = cpu.instructions.xsaves && prng.chance(0.5) ? "XRSTORS" : "XRSTOR";
    const enabled = instruction === "XRSTORS" ? xcr0 | xss : xcr0;
    const rfbm = prng.chance(0.5) ? enabled : randomSubset(prng, enabled);
    const laidOut = [rfbm, randomSubset(prng, enabled)] as const;
    const requested = laidOut.map((mask) => ({ rfbm, xcompBv: mask | COMPACTED }));
    if (instruction === "XRSTOR") requested.push({ rfbm, xcompBv: 0n });
    const specs = restoresFor(cpu, laidOut[0] === laidOut[1] ? requested.slice(1) : requested);
    const routines = await folder.loadRestores(specs);
    const selected = memories.map((areas) => selectRestore(routines, processors, areas, { instruction, mask: rfbm }));
    for (let n = 0; n < PER_MODEL; n++) {
      const which = prng.below(2);
      const areas = memories[which]!;
      const offset = 64 * prng.below(Math.floor((BYTES - 12_000) / 64));
      const place = { processor: 0, offset };
      const restorer =
        n % 4 === 0 ? selectRestore(routines, processors, areas, { instruction, mask: rfbm, place }) : selected[which]!;
      expect(restorer.routines.length).toBe(specs.length);
      const standard = instruction === "XRSTOR" ? prng.chance(0.4) : prng.chance(0.05);
      const header = randomImage(prng, cpu, areas, offset, !standard, prng.pick(laidOut), xcr0);
      randomiseRegisters(prng, processors, 0);
      if (prng.chance(0.5)) setXfd(processors, 0, 0n);
      if (prng.chance(0.8)) for (const { index } of cpu.components) makeLegal(index, processors.component(0, index));
      const before = processors.u8.slice();
      const label = `seed ${seed}, ${instruction} ${rfbm.toString(16)}, XSTATE_BV ${header.xstateBv.toString(16)}, XCOMP_BV ${header.xcompBv.toString(16)}`;

      const registers: MutableRegisters = copyRegisters(processors, 0);
      const wanted = naiveRestore(naive(cpu, instruction, rfbm, processors), areas.u8.subarray(offset), registers);

      const status = restorer.restore(0, offset);
      if (status !== wanted) throw new Error(`${label}: ${restorer.servedBy()} path gave ${status}, wanted ${wanted}`);
      const found = difference(processors, registers);
      if (found !== undefined) throw new Error(`${label}: ${restorer.servedBy()} path: ${found}`);
      if (wanted !== 0 && Buffer.compare(before, processors.u8) !== 0) throw new Error(`${label}: refused, but changed`);
      const after = processors.u8.slice();
      const path = restorer.servedBy();

      processors.u8.set(before);
      const faults = restore(processors, 0, areas, offset, instruction, rfbm);
      if ((faults[0]?.vector ?? 0) !== wanted) throw new Error(`${label}: general path gave ${JSON.stringify(faults[0]?.rule)}`);
      // Also what the reference does not look at, side state and unused bytes, is the same on both paths.
      const unlike = firstDifference(processors.u8, after);
      if (unlike !== undefined) throw new Error(`${label}: ${path} and general path: ${unlike}`);

      if (path !== "none") counts[path]++;
      counts[wanted === 0 ? "loaded" : "refused"]++;
      if (wanted === 0 && (header.xstateBv & rfbm) === rfbm) counts.all++;
      if (which === 1) counts.buffer++;
      if (instruction === "XRSTORS") counts.xrstors++;
      if (standard && path === "generated") counts.standard++;
      // A sound area of a planned layout never takes the general path.
      const planned = specs.some(({ plan }) => plan.xcompBv === header.xcompBv && offset + plan.size <= areas.end);
      if (wanted === 0 && planned) expect(`${label} ${path}`).toBe(`${label} generated`);
    }
  }
  console.log(`restores: ${JSON.stringify(counts)}`);
  expect(Math.min(counts.generated, counts.refused, counts.loaded)).toBeGreaterThan((MODELS * PER_MODEL) / 10);
  expect(Math.min(counts.general, counts.all, counts.buffer, counts.xrstors, counts.standard)).toBeGreaterThan(100);
});
