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
  const { i32, u8, blockSize, count } = processors;
  const initial = blockSize * count;
  // Component, number of runs, then offset and length of each: flat, since every restore walks it.
  const told = Int32Array.from(
    tellingRuns(processors, rfbm, MODE_64).flatMap(({ component, runs }) => [component, runs.length, ...runs.flat()]),
  );
  return function settle(processor) {
    const base = processor * blockSize;
    const word = (base + XINUSE_OFFSET) >> 2;
    for (let i = 0; i < told.length;) {
      const component = told[i]!;
      const end = i + 2 + 2 * told[i + 1]!;
      const place = word + (component >> 5);
      const bit = 1 << component;
      let used = (i32[place]! & bit) === 0;
      for (i += 2; i < end; i += 2) {
        const last = used ? 0 : told[i]! + told[i + 1]!;
        for (let at = told[i]!; at < last && !used; at++) used = u8[base + at] !== u8[initial + at];
      }
      if (!used) i32[place]! &= ~bit;
    }
  };
}
