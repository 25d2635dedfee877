/** XSAVE, XSAVEOPT, XSAVEC and XSAVES over areas that hold anything, at places that may be wrong. */

import { maskOf } from "../../src/isa/feature-mask.ts";
import { generatedRegistry } from "../../src/host/load-generated.ts";
import { type AreaMemory, areasIn } from "../../src/runtime/arena.ts";
import { bindGeneralSave } from "../../src/runtime/general-save.ts";
import type { BoundSave, SaverGroup } from "../../src/runtime/generated-v1.ts";
import { type SaveFamily, type SavePlan, savePlan } from "../../src/runtime/save-plan.ts";
import { selectSave } from "../../src/runtime/select-save.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { expectSame, type FuzzBench, fuzzBenches, subset } from "./fuzz-processors.ts";
import type { FuzzCase, FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";

const PLACE = 64;
const PLACES = [1, 32, 63, 65, -64, 1 << 20, 2 ** 40, Number.NaN, 0.5, 64.5, Infinity];
const PROCESSORS = [2, -1, 0.5, Number.NaN, 2 ** 32];

/** Bound saves per CPU: binding costs more than saving. */
const CHOICES = 192;

/** A save bound to memory: the arena, or a caller's buffer without a sink and with an end of its own. */
interface Choice {
  readonly family: SaveFamily;
  readonly plan: SavePlan;
  readonly target: AreaMemory;
  readonly path: string;
  readonly save: BoundSave;
}

interface SaveBench extends FuzzBench {
  readonly savers: readonly SaverGroup[];
  /** Made when first drawn, each from a seed of its own. */
  readonly choices: (Choice | undefined)[];
}

function makeChoice(prng: Prng, { cpu, processors, areas, largest, savers }: SaveBench): Choice {
  const families: SaveFamily[] = ["XSAVE"];
  if (cpu.instructions.xsaveopt) families.push("XSAVEOPT");
  if (cpu.instructions.xsavec) families.push("XSAVEC");
  if (cpu.instructions.xsaves) families.push("XSAVES");
  const family = prng.pick(families);
  const managed = processors.xcr0(0) | (family === "XSAVES" ? processors.xss(0) : 0n);
  const withSavers = savers.filter((group) => group.families.includes(family));
  const declared = withSavers.length > 0 && prng.chance(0.6);
  const rfbm = declared ? maskOf(...prng.pick(withSavers).rfbm) & managed : subset(prng, managed);
  const own = prng.chance(0.2);
  const end = prng.chance(0.3) ? PLACE + 576 + prng.below(largest) : areas.u8.length;
  const target = own ? areasIn(areas.buffer, { start: PLACE, end: Math.min(end, areas.u8.length) }) : areas;
  if (prng.chance(0.3)) {
    const plan = savePlan(cpu, family, rfbm, { operandSize: prng.pick([64, 32]), mode64: prng.chance(0.8) });
    return { family, plan, target, path: "general", save: bindGeneralSave(plan, processors, target) };
  }
  const mask = rfbm | (~managed & prng.u64());
  const { save, path } = selectSave(savers, processors, target, { instruction: family, mask });
  return { family, plan: savePlan(cpu, family, rfbm), target, path, save };
}

function saveCase(prng: Prng, bench: SaveBench): FuzzOutcome {
  const { processors, areas, before, memory } = bench;
  const choice = prng.below(CHOICES);
  const { family, plan, target, path, save } = (bench.choices[choice] ??= makeChoice(new Prng(choice), bench));
  processors.setXinuse(0, subset(prng, processors.xcr0(0) | processors.xss(0)));
  prng.fill(areas.u8, PLACE + 512, 64);
  prng.fill(areas.u8, 4 * prng.below((areas.u8.length >> 2) - 16), 64);
  const offset = prng.chance(0.05) ? prng.pick(PLACES) : PLACE;
  const processor = prng.chance(0.02) ? prng.pick(PROCESSORS) : 0;
  memory.set(areas.u8);
  before.set(processors.u8);
  const refused = refusal(save, processor, offset);
  expectSame("the other processor", processors.u8.subarray(processors.blockSize), before.subarray(processors.blockSize));
  if (refused !== undefined) {
    expectSame("memory after a refusal", areas.u8, memory);
    expectSame("registers after a refusal", processors.u8, before);
    return { name: `refused: ${refused}`, deep: false };
  }
  if (processor !== 0 || offset !== PLACE || PLACE + plan.size > target.end) throw new Error(`${family} accepted a wrong place`);
  expectSame("memory before the area", areas.u8.subarray(0, PLACE), memory.subarray(0, PLACE));
  // The sink behind the arena's end takes what a branch-free saver must not store.
  const behind = [PLACE + plan.size, target.sink < 0 ? areas.u8.length : areas.end] as const;
  expectSame("memory behind the area", areas.u8.subarray(...behind), memory.subarray(...behind));
  expectSame("bytes 416-511", areas.u8.subarray(PLACE + 416, PLACE + 512), memory.subarray(PLACE + 416, PLACE + 512));
  expectSame("bytes 528-575", areas.u8.subarray(PLACE + 528, PLACE + 576), memory.subarray(PLACE + 528, PLACE + 576));
  return { name: `${family} ${path}`, deep: true };
}

function refusal(save: BoundSave, processor: number, offset: number): string | undefined {
  try {
    save(processor, offset);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === "AreaError") return (error as Error & { readonly code: string }).code;
    if (error instanceof RangeError && error.message.startsWith('"processor"')) return "processor";
    throw error;
  }
}

export const target: FuzzTarget = {
  summary: "saves, generated and general: any old area, wrong places, short buffers, guard bytes around",
  leastDeep: 0.5,
  async prepare(): Promise<FuzzCase> {
    const savers = new Map<string, readonly SaverGroup[]>();
    for (const [id, load] of Object.entries(await generatedRegistry())) savers.set(id, (await load()).savers);
    const benches = fuzzBenches(new Prng(2)).map((bench): SaveBench => ({
      ...bench,
      savers: savers.get(bench.cpu.id) ?? [],
      choices: [],
    }));
    const starts = benches.map(({ processors }) => processors.u8.slice());
    return (prng) => {
      const number = prng.below(benches.length);
      const bench = benches[number]!;
      try {
        return saveCase(prng, bench);
      } finally {
        bench.processors.u8.set(starts[number]!); // each case starts from the same registers
      }
    };
  },
};
