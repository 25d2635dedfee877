/** One save of this CPU against the savers: the whole area, and nothing around it. */

import { maskHex } from "../../isa/feature-mask.ts";
import { type AreaMemory, createArena } from "../../runtime/arena.ts";
import { bindGeneralSave } from "../../runtime/general-save.ts";
import type { BoundSave, SaverGroup } from "../../runtime/generated-v1.ts";
import type { Processors } from "../../runtime/processors.ts";
import { type SaveFamily, type SavePlan, savePlan } from "../../runtime/save-plan.ts";
import { selectSave } from "../../runtime/select-save.ts";
import { areaDifferences, type Difference, hexAt } from "../area-difference.ts";
import type { OracleCase, OracleInstruction } from "../oracle/oracle-case.ts";
import type { OracleResult } from "../oracle/oracle-result.ts";
import { loadRegisters } from "./load-registers.ts";

/** The area's place in the arena, and what surrounds it. */
const AREA_OFFSET = 64;
const GUARD = 0xa5;

/** A difference, and which implementation it is of. */
export interface HardwareDifference extends Difference {
  readonly by: "generated" | "general";
}

/** What became of one save. */
export interface SaveVerdict {
  readonly differences: readonly HardwareDifference[];
  /** A generated saver ran, beside the general path. */
  readonly generated: boolean;
}

interface Bound {
  readonly plan: SavePlan;
  readonly general: BoundSave;
  readonly generated: BoundSave | undefined;
}

/** `XSAVEC64` -> `XSAVEC` with an operand of 64 bits. */
export function familyOf(instruction: OracleInstruction): { family: string; operandSize: 32 | 64 } {
  const wide = instruction.endsWith("64");
  return { family: wide ? instruction.slice(0, -2) : instruction, operandSize: wide ? 64 : 32 };
}

/** Runs saves on processor 0 of a set and compares them with what the CPU stored. */
export class SaveJudge {
  readonly #processors: Processors;
  readonly #savers: readonly SaverGroup[];
  readonly #areas: AreaMemory;
  readonly #areaBytes: number;
  readonly #bound = new Map<string, Bound>();

  constructor(processors: Processors, savers: readonly SaverGroup[], areaBytes: number) {
    this.#processors = processors;
    this.#savers = savers;
    this.#areaBytes = areaBytes;
    this.#areas = createArena({ bytes: AREA_OFFSET + areaBytes + 64 + 64, largestArea: areaBytes });
  }

  /** Loads the registers, saves by every path, and compares. */
  judge(given: OracleCase, result: OracleResult): SaveVerdict {
    const { plan, general, generated } = this.#bind(given);
    const misalign = given.misalign ?? 0;
    const faulted = result.fault !== null;
    const differences: HardwareDifference[] = [];
    const run = (by: HardwareDifference["by"], save: BoundSave): void => {
      loadRegisters(this.#processors, given, result);
      const { u8, end } = this.#areas;
      const start = AREA_OFFSET + misalign;
      const areaEnd = start + this.#areaBytes;
      u8.fill(GUARD, 0, end);
      u8.set(given.area, start);
      u8.fill(0, start + given.area.length, areaEnd);
      const refused = refusal(() => save(0, start));
      if ((refused !== undefined) !== faulted) {
        const cpu = faulted ? `vector ${result.fault?.vector}` : "no fault";
        differences.push({ by, component: "fault", offset: 0, expected: cpu, got: refused ?? "no fault" });
      }
      for (const each of areaDifferences(plan, result.area, u8.subarray(start, areaEnd))) differences.push({ by, ...each });
      const outside = u8.subarray(0, end).findIndex((byte, at) => byte !== GUARD && (at < start || at >= areaEnd));
      if (outside >= 0)
        differences.push({
          by,
          component: "outside",
          offset: outside - start,
          expected: GUARD.toString(16),
          got: hexAt(u8, outside).slice(0, 2),
        });
    };
    run("general", general);
    if (generated) run("generated", generated);
    return { differences, generated: generated !== undefined };
  }

  #bind({ instruction, mask }: OracleCase): Bound {
    const processors = this.#processors;
    const rfbm = mask & processors.xcr0(0);
    const key = `${instruction} ${maskHex(rfbm)}`;
    const known = this.#bound.get(key);
    if (known) return known;
    const { family, operandSize } = familyOf(instruction);
    const plan = savePlan(processors.cpu, family as SaveFamily, rfbm, { operandSize, mode64: true });
    const general = bindGeneralSave(plan, processors, this.#areas);
    const selected =
      operandSize === 64
        ? selectSave(this.#savers, processors, this.#areas, { instruction: family as SaveFamily, mask: rfbm })
        : undefined;
    const generated = selected !== undefined && selected.path !== "general" ? selected.save : undefined;
    const bound = { plan, general, generated };
    this.#bound.set(key, bound);
    return bound;
  }
}

function refusal(save: () => void): string | undefined {
  try {
    save();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
