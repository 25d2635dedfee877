/** Records that no CPU can have given, told before they are executed. */

import { hasBit } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { hasInstruction } from "../runtime/instruction-faults.ts";
import { Processors } from "../runtime/processors.ts";
import { cpuKey, cpuOfRecord } from "./cpu-of-record.ts";
import { loadRecordState } from "./load-record-state.ts";
import { familyOf, planOf } from "./save-of-record.ts";
import type { VectorRecord } from "./vector-record.ts";

/** Bytes; the largest component that exists, TILEDATA, has 8192. */
const LARGEST_COMPONENT = 2 ** 20;

/** Looks at records one by one; those of one CPU share a register file. */
export class ContradictionFinder {
  readonly #byCpu = new Map<string, Processors>();

  /** What in a record cannot be, or undefined. */
  find(record: VectorRecord): string | undefined {
    const cpu = cpuOfRecord(record);
    const huge = cpu.components.find(({ size }) => size > LARGEST_COMPONENT);
    if (huge) return `the row of ${componentName(huge.index)} says ${huge.size} bytes; at most ${LARGEST_COMPONENT} are believed`;
    try {
      const key = cpuKey(record);
      const processors = this.#byCpu.get(key) ?? new Processors(cpu);
      this.#byCpu.set(key, processors);
      loadRecordState(processors, 0, record);
      if (record.kind === "restore") {
        for (const index of record.stateAfter.components.keys())
          if (hasBit(cpu.xcr0Supported | cpu.xssSupported, index)) processors.component(0, index);
        return undefined;
      }
      if (!hasInstruction(cpu, familyOf(record))) return `sub-leaf 1 of leaf 0DH has no ${familyOf(record)}`;
      const { size } = planOf(cpu, record);
      return size > record.before.length ? `"before" has ${record.before.length} bytes, RFBM's area ${size}` : undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
