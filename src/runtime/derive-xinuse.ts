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
import { componentName } from "../isa/state-component.ts";
import { INITIAL_MXCSR, MXCSR_OFFSET, ST_OFFSET, ST_SIZE, XMM_OFFSET, XMM_SIZE } from "../isa/xsave-area.ts";
import { lengthInMode, MODE_64, type SaveMode } from "./save-plan.ts";
import type { Processors } from "./processors.ts";
import { FCS_OFFSET } from "./register-slots.ts";

const LBR_DEPTH_END = LBR_DEPTH_OFFSET + LBR_DEPTH_SIZE;

/**
 * XINUSE by value. The model's words apply: whether FIP, FDP and the selectors count for x87, whether registers that
 * the mode cannot reach count, whether MXCSR counts for SSE. FOP never counts; IA32_LBR_DEPTH neither.
 */
export function xinuseByValue(processors: Processors, processor: number, mode: Pick<SaveMode, "mode64"> = MODE_64): bigint {
  const { cpu, slots, blockSize, count, u8, i32 } = processors;
  const { xinuseOfPointers, xinuseOutside64, xinuseOfMxcsr } = cpu.quirks;
  const base = processors.base(processor);
  const initial = blockSize * count;
  const reach = xinuseOutside64 === "all-registers" ? MODE_64 : mode;
  const differs = (from: number, length: number): boolean => {
    for (let at = from; at < from + length; at++) if (u8[base + at] !== u8[initial + at]) return true;
    return false;
  };
  // FCW, FSW and the abridged FTW, then the pointers without FOP.
  const pointers = xinuseOfPointers !== "ignored" && (differs(8, MXCSR_OFFSET - 8) || differs(FCS_OFFSET, 4));
  let mask = differs(0, 5) || differs(ST_OFFSET, ST_SIZE) || pointers ? 1n : 0n;
  const mxcsr = xinuseOfMxcsr === "counted" && i32[(base + MXCSR_OFFSET) >> 2] !== INITIAL_MXCSR;
  if (mxcsr || differs(XMM_OFFSET, reach.mode64 ? XMM_SIZE : XMM_SIZE / 2)) mask |= 2n;
  for (const row of cpu.components) {
    const start = slots.slots.get(row.index)?.offset;
    if (start === undefined) throw new Error(`no register slot for ${componentName(row.index)}`);
    const length = lengthInMode(row, reach);
    const used =
      row.index === LBR_COMPONENT && length > LBR_DEPTH_END
        ? differs(start, LBR_DEPTH_OFFSET) || differs(start + LBR_DEPTH_END, length - LBR_DEPTH_END)
        : differs(start, length);
    if (used) mask |= 1n << BigInt(row.index);
  }
  return mask;
}

/**
 * Which components are in use after a restore loaded `loads`: all of them (SDM vol. 1, 13.8.3), or those whose loaded
 * values are not initial, where the model says `xinuseAfterRestore: by-value`.
 */
export function loadedInUse(processors: Processors, processor: number, loads: bigint): bigint {
  return processors.cpu.quirks.xinuseAfterRestore === "by-value" ? loads & xinuseByValue(processors, processor) : loads;
}
