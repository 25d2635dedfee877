/**
 * Two documented ways to come to XINUSE, which is an input of every save.
 *
 * By value: `xinuseByValue`. A component is in use if its registers are not in the initial configuration (SDM vol. 1,
 * 13.6). It is the least that a processor may report; silicon often reports more, since it tracks how registers were
 * written and not what they hold (zeros that MOVUPS loads count as in use on Zen 5).
 * By write: `Processors.wrote`. A component is in use from the first write on, until `initialise` or a restore says
 * otherwise: the most that a processor may report.
 */

import { LBR_COMPONENT, LBR_DEPTH_OFFSET, LBR_DEPTH_SIZE } from "../isa/lbr.ts";
import { hasBit } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { MXCSR_OFFSET, ST_OFFSET, ST_SIZE, XMM_OFFSET, XMM_SIZE } from "../isa/xsave-area.ts";
import { lengthInMode, MODE_64, type SaveMode } from "./save-plan.ts";
import type { Processors } from "./processors.ts";
import { FCS_OFFSET, XINUSE_OFFSET } from "./register-slots.ts";

const XINUSE_WORD = XINUSE_OFFSET >> 2;
const LBR_DEPTH_END = LBR_DEPTH_OFFSET + LBR_DEPTH_SIZE;

/** A component and the runs of a processor's block whose bytes say whether it is in its initial configuration. */
interface TellingRuns {
  readonly component: number;
  readonly runs: readonly (readonly [offset: number, length: number])[];
}

/**
 * What is looked at to tell each component of a mask by value. The model's words apply: whether FIP, FDP and the selectors
 * count for x87, whether registers that the mode cannot reach count, whether MXCSR counts for SSE. FOP never counts;
 * IA32_LBR_DEPTH neither.
 */
function tellingRuns(processors: Processors, mask: bigint, mode: Pick<SaveMode, "mode64">): TellingRuns[] {
  const { cpu, slots } = processors;
  const { xinuseOfPointers, xinuseOutside64, xinuseOfMxcsr } = cpu.quirks;
  const reach = xinuseOutside64 === "all-registers" ? MODE_64 : mode;
  // FCW, FSW and the abridged FTW, then the pointers without FOP.
  const pointers = [[8, MXCSR_OFFSET - 8] as const, [FCS_OFFSET, 4] as const];
  const x87 = [[0, 5] as const, [ST_OFFSET, ST_SIZE] as const, ...(xinuseOfPointers === "ignored" ? [] : pointers)];
  const mxcsr = xinuseOfMxcsr === "counted" ? [[MXCSR_OFFSET, 4] as const] : [];
  const all: TellingRuns[] = [
    { component: 0, runs: x87 },
    { component: 1, runs: [...mxcsr, [XMM_OFFSET, reach.mode64 ? XMM_SIZE : XMM_SIZE / 2]] },
  ];
  for (const row of cpu.components) {
    const start = slots.slots.get(row.index)?.offset;
    if (start === undefined) throw new Error(`no register slot for ${componentName(row.index)}`);
    const length = lengthInMode(row, reach);
    const depth = row.index === LBR_COMPONENT && length > LBR_DEPTH_END;
    const behind = [start + LBR_DEPTH_END, length - LBR_DEPTH_END] as const;
    all.push({ component: row.index, runs: depth ? [[start, LBR_DEPTH_OFFSET], behind] : [[start, length]] });
  }
  return all.filter(({ component }) => hasBit(mask, component));
}

/** True if any byte of the runs is not the initial one. Most are told by the first. */
function differs({ u8, blockSize, count }: Processors, processor: number, { runs }: TellingRuns): boolean {
  const base = processor * blockSize;
  const initial = count * blockSize;
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    for (let at = run[0]; at < run[0] + run[1]; at++) if (u8[base + at] !== u8[initial + at]) return true;
  }
  return false;
}

/** XINUSE by value, see `tellingRuns`. Throws RangeError for a processor that does not exist. */
export function xinuseByValue(processors: Processors, processor: number, mode: Pick<SaveMode, "mode64"> = MODE_64): bigint {
  processors.base(processor);
  return tellingRuns(processors, ~0n, mode)
    .filter((each) => differs(processors, processor, each))
    .reduce((mask, { component }) => mask | (1n << BigInt(component)), 0n);
}

/**
 * Which components are in use after a restore loaded `loads`: all of them (SDM vol. 1, 13.8.3), or those whose loaded
 * values are not initial, where the model says `xinuseAfterRestore: by-value`.
 */
export function loadedInUse(processors: Processors, processor: number, loads: bigint): bigint {
  return processors.cpu.quirks.xinuseAfterRestore === "by-value" ? loads & xinuseByValue(processors, processor) : loads;
}

/**
 * The same for restores that have set XINUSE to what they loaded: clears the bits of components of `rfbm` that are
 * initial by value. Undefined where the model leaves them set. The result allocates nothing.
 */
export function bindSettledXinuse(processors: Processors, rfbm: bigint): ((processor: number) => void) | undefined {
  if (processors.cpu.quirks.xinuseAfterRestore !== "by-value") return undefined;
  const { i32, blockSize } = processors;
  const telling = tellingRuns(processors, rfbm, MODE_64);
  // No CPU that tells by value has a component in the upper word.
  const suspect = telling.some(({ component }) => component > 31) ? () => true : bindSuspects(processors, telling);
  const settle = (processor: number, word: number): void => {
    for (const each of telling) {
      const place = word + XINUSE_WORD + (each.component >> 5);
      const bit = 1 << each.component;
      if ((i32[place]! & bit) !== 0 && !differs(processors, processor, each)) i32[place]! &= ~bit;
    }
  };
  return (processor) => {
    const word = (processor * blockSize) >> 2;
    if (suspect(word)) settle(processor, word);
  };
}

/**
 * Binds a first look: true where a component is in use and the one dword of it that tells most often has its initial value.
 * Takes the first dword of the block. Four components at a time and no loop: its loads would wait for the stores of the
 * restore, 3 ns each (Zen 3).
 */
function bindSuspects(processors: Processors, telling: readonly TellingRuns[]): (word: number) => boolean {
  const { i32, blockSize, count } = processors;
  const initial = (blockSize * count) >> 2;
  // Absent ones are in no bit of XINUSE.
  const [a = 0, b = 0, c = 0, d = 0] = telling.map(firstLook);
  const [aBit = 0, bBit = 0, cBit = 0, dBit = 0] = telling.map(({ component }) => 1 << component);
  const others = telling.length > 4 ? bindSuspects(processors, telling.slice(4)) : undefined;
  return (word) => {
    const used = i32[word + XINUSE_WORD]!;
    return (
      ((used & aBit) !== 0 && i32[word + a] === i32[initial + a]) ||
      ((used & bBit) !== 0 && i32[word + b] === i32[initial + b]) ||
      ((used & cBit) !== 0 && i32[word + c] === i32[initial + c]) ||
      ((used & dBit) !== 0 && i32[word + d] === i32[initial + d]) ||
      (others !== undefined && others(word))
    );
  };
}

/** The dword to look at. FCW is initial as a rule, and so is the lower half of ST0's significand. */
function firstLook({ component, runs }: TellingRuns): number {
  return (component === 0 ? ST_OFFSET + 4 : runs.at(-1)![0]) >> 2;
}
