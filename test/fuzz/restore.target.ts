/** XRSTOR and XRSTORS of images that were valid once. */

import { generatedRestores } from "../../src/host/load-generated.ts";
import { bitsOf, maskOf, XCOMP_BV_COMPACTED } from "../../src/isa/feature-mask.ts";
import { MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../../src/isa/xsave-area.ts";
import { AreaMemory } from "../../src/runtime/arena.ts";
import { restore } from "../../src/runtime/general-restore.ts";
import { bindGeneralSave } from "../../src/runtime/general-save.ts";
import type { RestoreFamily } from "../../src/runtime/restore-checks.ts";
import type { RestoreRoutine } from "../../src/runtime/restore-routine.ts";
import { savePlan } from "../../src/runtime/save-plan.ts";
import { type SelectedRestore, selectRestore } from "../../src/runtime/select-restore.ts";
import { readU64, writeU32, writeU64 } from "../../src/verify/little-endian.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { expectSame, type FuzzBench, fuzzBenches, subset } from "./fuzz-processors.ts";
import type { FuzzCase, FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";

const PLACE = 64;

/** Valid images per CPU. */
const IMAGES = 24;

interface RestoreBench extends FuzzBench {
  readonly images: readonly Uint8Array[];
  readonly routines: readonly RestoreRoutine[];
  /** Restores by selection, by instruction and RFBM of a declared mask; made when first drawn. */
  readonly selected: Map<string, SelectedRestore>;
}

/** Now and then the mask of a generated restore. */
const DECLARED_SHARE = 0.5;

/** An image of processor 1: standard or compacted, some components in init. */
function validImage(prng: Prng, { cpu, processors, areas }: FuzzBench): Uint8Array {
  const xsaves = cpu.instructions.xsaves && prng.chance(0.4);
  const family = xsaves ? "XSAVES" : cpu.instructions.xsavec && prng.chance(0.5) ? "XSAVEC" : "XSAVE";
  const managed = processors.xcr0(1) | (xsaves ? processors.xss(1) : 0n);
  processors.setXinuse(1, subset(prng, managed));
  areas.u8.fill(0);
  bindGeneralSave(savePlan(cpu, family, subset(prng, managed)), processors, areas)(1, PLACE);
  return areas.u8.slice(PLACE, areas.end);
}

type Mutation = (prng: Prng, area: Uint8Array, bench: RestoreBench) => void;

const flip = (prng: Prng, area: Uint8Array, offset: number): void => {
  const at = offset + prng.below(8);
  area[at] = (area[at] ?? 0) ^ (1 << prng.below(8));
};

/** What happens to an image: most leave it acceptable, each of the others breaks one field. */
const MUTATIONS: readonly Mutation[] = [
  (prng, area) => prng.fill(area, 32 + 8 * prng.below(48), 8),
  (prng, area) => prng.fill(area, 0, 24),
  (prng, area) => prng.fill(area, 576 + prng.below(64), Math.min(64, area.length - 640)),
  (prng, area) => prng.fill(area, 416, 96),
  (prng, area, { cpu }) => writeU32(area, MXCSR_OFFSET, prng.u32() & cpu.quirks.mxcsrMask),
  (prng, area) => writeU64(area, XSTATE_BV_OFFSET, readU64(area, XSTATE_BV_OFFSET) & prng.u64()),
  (prng, area, { processors }) => {
    const xcomp = readU64(area, XCOMP_BV_OFFSET);
    const may = xcomp === 0n ? processors.xcr0(0) : xcomp & ~XCOMP_BV_COMPACTED;
    writeU64(area, XSTATE_BV_OFFSET, subset(prng, may));
  },
  (prng, area, { processors }) => {
    const more = subset(prng, processors.xcr0(0) | processors.xss(0));
    const xcomp = readU64(area, XCOMP_BV_OFFSET);
    if (xcomp !== 0n) writeU64(area, XCOMP_BV_OFFSET, xcomp | more);
  },
  (prng, area) => prng.fill(area, 536, 40),
  (prng, area) => flip(prng, area, XSTATE_BV_OFFSET),
  (prng, area) => flip(prng, area, XCOMP_BV_OFFSET),
  (prng, area) => flip(prng, area, 528),
  (prng, area) => writeU32(area, MXCSR_OFFSET, prng.u32()),
  (prng, area) => prng.fill(area, 512, 64),
];

const PLACES = [1, 16, 63, 65, -64, 1 << 20, 2 ** 40, Number.NaN, 0.5, 64.5, Infinity, -0];

function restoreCase(prng: Prng, bench: RestoreBench): FuzzOutcome {
  const { processors, areas, before, memory } = bench;
  areas.u8.set(prng.pick(bench.images), PLACE);
  const area = areas.u8.subarray(PLACE, areas.end);
  for (let n = prng.pick([0, 1, 1, 1, 2, 3]); n > 0; n--) prng.pick(MUTATIONS)(prng, area, bench);
  const offset = prng.chance(0.03) ? prng.pick(PLACES) : PLACE;
  // Now and then the buffer ends early.
  const end = prng.chance(0.05) ? PLACE + prng.below(bench.largest) : areas.end;
  const cut = end === areas.end ? areas : new AreaMemory(areas.buffer, 0, end, -1, 0);
  const compacted = (area[XCOMP_BV_OFFSET + 7] ?? 0) >= 0x80;
  const family = prng.chance(compacted && processors.cpu.instructions.xsaves ? 0.8 : 0.02) ? "XRSTORS" : "XRSTOR";
  const declared = prng.chance(DECLARED_SHARE) ? bench.routines.filter(({ families }) => families.includes(family)) : [];
  const mask =
    declared.length > 0
      ? maskOf(...prng.pick(declared).rfbm)
      : prng.pick([0xffff_ffff_ffff_ffffn, prng.u64(), processors.xcr0(0), 0n, 1n << BigInt(prng.below(64))]);
  if (declared.length > 0 && cut === areas) return bySelection(bench, family, mask, offset);
  const mode = { operandSize: prng.pick([64, 64, 32] as const), mode64: prng.chance(0.8) };
  memory.set(areas.u8);
  const faults = restore(processors, 0, cut, offset, family, mask, mode);
  expectSame("memory", areas.u8, memory);
  expectSame("the other processor", processors.u8.subarray(processors.blockSize), before.subarray(processors.blockSize));
  const [first] = faults;
  if (!first) {
    const wrong = bitsOf(processors.xinuse(0) & ~(processors.cpu.xcr0Supported | processors.cpu.xssSupported));
    if (wrong.length > 0) throw new Error(`XINUSE has components that the CPU lacks: ${wrong.join(", ")}`);
    return { name: "restored", deep: true };
  }
  expectSame("a register of a refused restore", processors.u8, before);
  for (const fault of faults)
    if (fault.message === "" || (fault.offset !== undefined && !(fault.offset >= 0))) throw new Error(JSON.stringify(fault.rule));
  // Contents and XFD are looked at once the header is accepted.
  const deep = faults.every(({ rule }) => rule === "supervisor-contents" || rule === "xfd");
  return { name: `refused: ${first.rule}`, deep };
}

/** By selection, which takes a generated restore where one fits; the general path has to do the same. */
function bySelection(bench: RestoreBench, family: RestoreFamily, mask: bigint, offset: number): FuzzOutcome {
  const { processors, areas, before, memory } = bench;
  const key = `${family} ${mask}`;
  const selected = bench.selected.get(key) ?? selectRestore(bench.routines, processors, areas, { instruction: family, mask });
  bench.selected.set(key, selected);
  memory.set(areas.u8);
  const vector = selected.restore(0, offset);
  expectSame("memory", areas.u8, memory);
  const after = processors.u8.slice();
  processors.u8.set(before);
  const faults = restore(processors, 0, areas, offset, family, mask);
  if ((faults[0]?.vector ?? 0) !== vector)
    throw new Error(`vector ${vector} by selection, ${faults[0]?.vector ?? 0} by the general path`);
  expectSame("registers by selection, as the general path has them,", after, processors.u8);
  if (vector !== 0) expectSame("a register of a refused restore", processors.u8, before);
  const deep = faults.every(({ rule }) => rule === "supervisor-contents" || rule === "xfd");
  return { name: `${vector === 0 ? "restored" : `refused: ${faults[0]?.rule}`}, ${selected.servedBy()} by selection`, deep };
}

export const target: FuzzTarget = {
  summary: "XRSTOR and XRSTORS, generated and general: valid images with changed headers, masks, places and ends",
  leastDeep: 0.5,
  async prepare(): Promise<FuzzCase> {
    const generated = await generatedRestores();
    const first = new Prng(1);
    const made = fuzzBenches(first).map(async (bench): Promise<RestoreBench> => {
      const images = Array.from({ length: IMAGES }, () => validImage(first, bench));
      bench.before.set(bench.processors.u8);
      const routines = (await generated[bench.cpu.id]?.())?.restores ?? [];
      return { ...bench, images, routines, selected: new Map() };
    });
    const benches = await Promise.all(made);
    return (prng) => {
      const bench = prng.pick(benches);
      try {
        return restoreCase(prng, bench);
      } finally {
        bench.processors.u8.set(bench.before); // each case starts from the same registers
      }
    };
  },
};
