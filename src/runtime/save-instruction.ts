/** A save as a whole instruction: every cause of a fault, or the area written; the counterpart of `restore`. */

import type { AreaMemory } from "./arena.ts";
import { bindGeneralSave } from "./general-save.ts";
import {
  instructionFaults,
  type InstructionFault,
  type InstructionRule,
  type InstructionSetting,
  modeOf,
} from "./instruction-faults.ts";
import type { Processors } from "./processors.ts";
import { type SaveFamily, savePlan } from "./save-plan.ts";

/** Why a save raises an exception, or does not fit into the buffer (vector 14). */
export type SaveFault = InstructionFault<InstructionRule | "out-of-range">;

/**
 * Executes a save of `mask` (EDX:EAX) into the area at `offset`. Returns every cause of an exception, and then nothing
 * was written. No save looks at the old header, and none raises #NM for IA32_XFD: a component disabled there is saved as
 * initial (SDM vol. 1, 13.14). All bytes up to the end of the highest component of RFBM must be there, also where that
 * component is initial and not written (SDM vol. 1, 13.13; measured on Zen 5). For many saves of one mask use `selectSave`.
 */
export function save(
  processors: Processors,
  processor: number,
  areas: AreaMemory,
  offset: number,
  family: SaveFamily,
  mask: bigint,
  setting: InstructionSetting = {},
): SaveFault[] {
  const { cpu } = processors;
  const faults: SaveFault[] = instructionFaults(cpu, family, offset, setting);
  const rfbm = mask & (processors.xcr0(processor) | (family === "XSAVES" ? processors.xss(processor) : 0n));
  const plan = savePlan(cpu, family, rfbm, modeOf(setting));
  if (!Number.isInteger(offset) || offset < areas.start || offset + plan.size > areas.end || areas.u8.length === 0) {
    const value = BigInt(Number.isFinite(offset) ? Math.trunc(offset) : 0);
    const message = `${plan.size} bytes at ${offset} are not in [${areas.start}, ${areas.end})`;
    faults.push({ vector: 14, rule: "out-of-range", offset: plan.size - 1, value, message });
  }
  if (faults.length === 0) bindGeneralSave(plan, processors, areas, setting)(processor, offset);
  return faults;
}
