/** The general path: executes a save plan piece by piece. It serves every mask, operand size and mode. */

import { maskPair } from "../isa/feature-mask.ts";
import { LBR_DEPTH_OFFSET, lbrBytes } from "../isa/lbr.ts";
import { XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import type { AreaMemory } from "./arena.ts";
import type { BoundSave } from "./generated-v1.ts";
import { inUseHigh, inUseLow } from "./in-use.ts";
import type { ExecutionContext } from "./instruction-faults.ts";
import type { Processors } from "./processors.ts";
import { FCS_OFFSET } from "./register-slots.ts";
import { type SaveFamily, type SavePlan, savePlan } from "./save-plan.ts";
import { storeX87Control } from "./store-x87-control.ts";

/**
 * Binds a plan to register files and memory. The result checks its arguments as a generated saver does. `context`
 * matters to the modified optimisation only, where the processors track it.
 */
export function bindGeneralSave(
  plan: SavePlan,
  processors: Processors,
  areas: AreaMemory,
  context: ExecutionContext = {},
): BoundSave {
  const tracking = plan.modifiedOptimisation ? processors.modifiedOptimisation : undefined;
  const [rfbmLow, rfbmHigh] = maskPair(plan.rfbm);
  const mxcsrCounts = plan.mxcsrCounts ? 2 : 0;
  const { i32: r, u8: registers, blockSize, count } = processors;
  const q = areas.i32;
  const narrow = plan.mode.operandSize === 32;
  const selectorsOf = (block: number): number => (plan.x87Selectors === "zero" ? 0 : r[(block + FCS_OFFSET) >> 2]!);
  return function generalSave(processor, offset) {
    areas.check(offset, plan.size);
    if (processor >>> 0 !== processor || processor >= count)
      throw new RangeError(`"processor" expected 0..${count - 1}, got ${processor}`);
    const base = processor * blockSize;
    const initialBase = count * blockSize;
    const low = inUseLow(r, base >> 2, mxcsrCounts) & rfbmLow;
    const high = inUseHigh(r, base >> 2) & rfbmHigh;
    const skipped = tracking?.skipped(processor, plan.format, plan.rfbm, { buffer: areas.buffer, offset, context }) ?? 0n;
    const [skippedLow, skippedHigh] = maskPair(skipped);
    for (const piece of plan.pieces) {
      if (!piece.always && bitOf(skippedLow, skippedHigh, piece.component) === 1) continue;
      const inUse = bitOf(low, high, piece.component);
      const from = piece.always || inUse === 1 ? base : initialBase;
      if (from === initialBase && plan.whenInitial === "write-nothing") continue;
      if (piece.rule === "x87-control")
        storeX87Control(r, from >> 2, q, offset >> 2, plan.x87Pointers, narrow ? selectorsOf(from) : undefined);
      else {
        const source = from + piece.registers;
        const length = piece.rule === "lbr" ? lbrBytes(r[(source + LBR_DEPTH_OFFSET) >> 2]!) : piece.length;
        areas.u8.set(registers.subarray(source, source + length), offset + piece.area);
      }
    }
    const word = offset >> 2;
    const bv = word + (XSTATE_BV_OFFSET >> 2);
    const comp = word + (XCOMP_BV_OFFSET >> 2);
    if (plan.header === "merge") {
      q[bv] = (q[bv]! & ~rfbmLow) | low;
      q[bv + 1] = (q[bv + 1]! & ~rfbmHigh) | high;
    } else {
      q[bv] = low;
      q[bv + 1] = high;
      q[comp] = rfbmLow;
      q[comp + 1] = rfbmHigh | 0x8000_0000;
    }
    for (const clear of plan.clearsAfterSave) {
      const saved = bitOf(low & ~skippedLow, high & ~skippedHigh, clear.component);
      if (saved === 1) r[(base + clear.registers) >> 2]! &= clear.keep;
    }
  };
}

/** The general path of an instruction in 64-bit mode with 64-bit operand, for selection. */
export function generalPath(family: SaveFamily, rfbm: bigint, processors: Processors, areas: AreaMemory): BoundSave {
  return bindGeneralSave(savePlan(processors.cpu, family, rfbm), processors, areas);
}

function bitOf(low: number, high: number, component: number): number {
  return component < 32 ? (low >>> component) & 1 : (high >>> (component - 32)) & 1;
}
