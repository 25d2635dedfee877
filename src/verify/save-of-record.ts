/** The save that a record is of. */

import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { type SaveFamily, type SavePlan, savePlan } from "../runtime/save-plan.ts";
import type { SaveInstruction, SaveRecord } from "./vector-record.ts";

const FAMILIES: Readonly<Record<SaveInstruction, SaveFamily>> = {
  XSAVE: "XSAVE",
  XSAVE64: "XSAVE",
  XSAVEOPT64: "XSAVEOPT",
  XSAVEC64: "XSAVEC",
  XSAVES64: "XSAVES",
};

/** The instruction without its operand size. */
export function familyOf({ instruction }: Pick<SaveRecord, "instruction">): SaveFamily {
  return FAMILIES[instruction];
}

/** True for the form with a 32-bit operand, for which no saver is generated. */
export function isNarrow({ instruction }: Pick<SaveRecord, "instruction">): boolean {
  return instruction === "XSAVE";
}

/** What it writes on this CPU. Throws LayoutError for an RFBM of which rows are missing. */
export function planOf(cpu: ProcessorDescription, record: SaveRecord): SavePlan {
  return savePlan(cpu, familyOf(record), record.rfbm, { operandSize: isNarrow(record) ? 32 : 64, mode64: true });
}
