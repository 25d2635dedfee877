/** XSAVEOPT into the area that the registers were just restored from: the modified optimisation of this CPU against ours. */

import { type AreaMemory, createArena } from "../../runtime/arena.ts";
import { restore } from "../../runtime/general-restore.ts";
import type { ProcessorDescription } from "../../runtime/processor-description.ts";
import { ModifiedOptimisation } from "../../runtime/modified-optimisation.ts";
import { Processors } from "../../runtime/processors.ts";
import { save } from "../../runtime/save-instruction.ts";
import { savePlan } from "../../runtime/save-plan.ts";
import { areaDifferences, type Difference } from "../area-difference.ts";
import type { OracleHello } from "../oracle/oracle-hello.ts";
import type { OracleCase } from "../oracle/oracle-case.ts";
import type { OracleResult } from "../oracle/oracle-result.ts";
import { familyOf } from "./judge-save.ts";

/** Executes the restore, the stores in between, and the save. */
export class SameAreaJudge {
  readonly #processors: Processors;
  readonly #areas: AreaMemory;
  readonly #hello: OracleHello;

  constructor(cpu: ProcessorDescription, hello: OracleHello) {
    this.#hello = hello;
    this.#processors = new Processors(cpu, { xcr0: hello.xcr0, modifiedOptimisation: ModifiedOptimisation });
    this.#areas = createArena({ bytes: hello.areaBytes, largestArea: hello.areaBytes });
  }

  /**
   * Differences if components that were not modified are left out, which the model has to say of the CPU; otherwise
   * they are written.
   */
  judge(given: OracleCase, result: OracleResult): Difference[] {
    const processors = this.#processors;
    const { u8 } = this.#areas;
    const { operandSize } = familyOf(given.instruction);
    u8.fill(0);
    if (given.state) u8.set(given.state);
    const faults = restore(processors, 0, this.#areas, 0, "XRSTOR", this.#hello.permitted);
    if (faults[0]) throw new Error(`a state image was refused: ${faults[0].message}`);
    if (processors.cpu.quirks.modifiedOptimisation === undefined) processors.modifiedOptimisation?.forget(0);
    processors.setXinuse(0, result.xinuse & this.#hello.xcr0);
    u8.fill(0);
    u8.set(given.area);
    save(processors, 0, this.#areas, 0, "XSAVEOPT", given.mask, { operandSize });
    const plan = savePlan(processors.cpu, "XSAVEOPT", given.mask & this.#hello.xcr0, { operandSize, mode64: true });
    return areaDifferences(plan, result.area, u8.subarray(0, result.area.length));
  }
}
