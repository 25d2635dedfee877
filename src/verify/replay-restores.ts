/** Restores against recorded executions: the fault or every register, by generated routines and by the general path. */

import { bitsOf, hasBit } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import {
  INITIAL_MXCSR,
  LEGACY_UNWRITTEN_OFFSET,
  MXCSR_OFFSET,
  MXCSR_SIZE,
  ST_OFFSET,
  XCOMP_BV_OFFSET,
  XMM_OFFSET,
} from "../isa/xsave-area.ts";
import type { RequestedRestore } from "../generator/restore-spec.ts";
import { type AreaMemory, createArena } from "../runtime/arena.ts";
import { restore, restoreFaults } from "../runtime/general-restore.ts";
import { bindGeneralSave } from "../runtime/general-save.ts";
import type { BoundSave, RestoreRoutine } from "../runtime/generated-v1.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { Processors } from "../runtime/processors.ts";
import type { RestoreFamily } from "../runtime/restore-checks.ts";
import { savePlan } from "../runtime/save-plan.ts";
import { selectRestore } from "../runtime/select-restore.ts";
import { xgetbv } from "../runtime/state-instructions.ts";
import { type Difference, hexAt } from "./area-difference.ts";
import { LOADED_BEFORE_FAULT } from "./deviations.ts";
import { loadRecordState } from "./load-record-state.ts";
import type { RecordedState, RestoreRecord } from "./vector-record.ts";

const SSE_AND_X87 = 3n;
/** The emulator loads PKRU behind all other components. */
const PKRU_LAST = 1n << 9n;
const VIEW_BYTES = 576;

/** What a record's replay gave for one path. */
export interface RestoreReplay {
  readonly path: "generated" | "general";
  /** Name of the generated routine, or `general`. */
  readonly form: string;
  readonly differences: readonly Difference[];
  /** A deviation that the record shows and does not name. */
  readonly deviation?: string;
}

/** The restores that shall be generated for records: those that are not refused, by RFBM and their own XCOMP_BV. */
export function requestedRestores(records: readonly RestoreRecord[]): RequestedRestore[] {
  const requested = new Map<string, RequestedRestore>();
  for (const { rfbm, image, fault, instruction } of records) {
    if (fault !== undefined || !instruction.endsWith("64")) continue;
    const xcompBv = new DataView(image.buffer, image.byteOffset).getBigUint64(XCOMP_BV_OFFSET, true);
    requested.set(`${rfbm} ${xcompBv}`, { rfbm, xcompBv });
  }
  return [...requested.values()];
}

/** Registers and memory for the restores of one CPU. */
export class RestoreBench {
  readonly cpu: ProcessorDescription;
  routines: readonly RestoreRoutine[] = [];
  readonly #processors: Processors;
  readonly #areas: AreaMemory;
  readonly #view: AreaMemory;
  readonly #fxsave: BoundSave;

  constructor(cpu: ProcessorDescription, records: readonly RestoreRecord[]) {
    this.cpu = cpu;
    this.#processors = new Processors(cpu);
    const largest = Math.max(...records.map(({ image }) => image.length));
    this.#areas = createArena({ bytes: largest + 64, largestArea: VIEW_BYTES });
    this.#view = createArena({ bytes: VIEW_BYTES, largestArea: VIEW_BYTES });
    this.#fxsave = bindGeneralSave(savePlan(cpu, "XSAVE", SSE_AND_X87), this.#processors, this.#view);
  }

  /** Runs both paths where a generated routine is for the record, else the general one. */
  replay(record: RestoreRecord): RestoreReplay[] {
    const family: RestoreFamily = record.instruction.startsWith("XRSTORS") ? "XRSTORS" : "XRSTOR";
    const wide = record.instruction.endsWith("64");
    const offset = record.misaligned ? 16 : 0;
    const general = this.#run(record, offset, () => {
      const mode = { operandSize: wide ? 64 : 32, mode64: true } as const;
      const faults = restore(this.#processors, 0, this.#areas, offset, family, record.mask, mode);
      const rules = faults.map(({ rule }) => rule).join(", ");
      return { vector: faults[0]?.vector ?? 0, rules, form: "general", path: "general" as const };
    });
    if (!wide || (family === "XRSTORS" && !this.cpu.instructions.xsaves)) return [general];
    let served = true;
    const generated = this.#run(record, offset, () => {
      const selected = selectRestore(this.routines, this.#processors, this.#areas, { instruction: family, mask: record.mask });
      const vector = selected.restore(0, offset);
      served = selected.servedBy() === "generated";
      return { vector, rules: "", form: selected.routines.join(" or "), path: "generated" as const };
    });
    if (!served && record.fault === undefined && generated.differences.length === 0)
      throw new Error(`${record.id}: a sound area was left to the general path, though it has a routine: ${generated.form}`);
    // What was handed over is the general path's outcome, and the same must come of it.
    return served ? [general, generated] : [{ ...general, differences: [...general.differences, ...generated.differences] }];
  }

  #run(
    record: RestoreRecord,
    offset: number,
    execute: () => { vector: number; rules: string; form: string; path: "generated" | "general" },
  ): RestoreReplay {
    const processors = this.#processors;
    loadRecordState(processors, 0, record);
    this.#areas.u8.fill(0);
    this.#areas.u8.set(record.image, offset);
    const before = processors.u8.slice();
    const { vector, rules, form, path } = execute();
    const differences: Difference[] = [];
    if (vector !== (record.fault ?? 0)) {
      const name = (each: number): string => (each === 0 ? "no fault" : `vector ${each}`);
      const got = rules === "" ? name(vector) : `${name(vector)} (${rules})`;
      differences.push({ component: "fault", offset: 0, expected: name(record.fault ?? 0), got });
      return { path, form, differences };
    }
    if (vector !== 0) {
      const at = before.findIndex((byte, i) => byte !== processors.u8[i]);
      if (at >= 0) {
        const pair = { expected: hexAt(before, at), got: hexAt(processors.u8, at) };
        differences.push({ component: "register file after a refused restore", offset: at, ...pair });
        return { path, form, differences };
      }
      if (this.#differences(record.stateAfter).length === 0) return { path, form, differences };
      this.#loadAsBeforeFault(record, offset);
      return { path, form, differences: this.#differences(record.stateAfter), deviation: LOADED_BEFORE_FAULT };
    }
    differences.push(...this.#differences(record.stateAfter));
    const xinuse = xgetbv(processors, 0, 1).value;
    if (record.xinuseAfter !== undefined && xinuse !== record.xinuseAfter) {
      const pair = { expected: `0x${record.xinuseAfter.toString(16)}`, got: `0x${xinuse?.toString(16)}` };
      differences.push({ component: "XINUSE", offset: 0, ...pair });
    }
    return { path, form, differences };
  }

  /** Loads what the emulator has loaded by then: all components below the first whose restore alone is refused. */
  #loadAsBeforeFault(record: RestoreRecord, offset: number): void {
    const family: RestoreFamily = record.instruction.startsWith("XRSTORS") ? "XRSTORS" : "XRSTOR";
    const at = [this.#processors, 0, this.#areas, offset, family] as const;
    const refused = bitsOf(record.rfbm).find((index) => restoreFaults(...at, 1n << BigInt(index)).length > 0);
    if (refused === undefined) return;
    restore(...at, record.mask & ((1n << BigInt(refused)) - 1n) & ~PKRU_LAST);
    const compacted = this.#areas.i32[(offset + XCOMP_BV_OFFSET + 4) >> 2]! < 0;
    if (refused !== 1 || !compacted) return;
    // In the compacted form XMM comes before MXCSR: with a sound one, and MXCSR put back.
    const word = MXCSR_OFFSET >> 2;
    const mxcsr = this.#processors.i32[word]!;
    this.#areas.i32[(offset >> 2) + word] = INITIAL_MXCSR;
    restore(...at, 2n);
    this.#processors.i32[word] = mxcsr;
  }

  /** The registers against a recorded state, one difference per component; x87 and SSE as FXSAVE64 shows them. */
  #differences({ legacy, components }: RecordedState): Difference[] {
    const processors = this.#processors;
    const xinuse = processors.xinuse(0);
    processors.setXinuse(0, xinuse | SSE_AND_X87);
    this.#view.u8.fill(0);
    this.#fxsave(0, 0);
    processors.setXinuse(0, xinuse);
    const found: Difference[] = [];
    const compare = (component: string, expected: Uint8Array, got: Uint8Array, from: number, to: number): void => {
      for (let at = from; at < to; at++) {
        if (expected[at] === got[at] || found.some((each) => each.component === component)) continue;
        found.push({ component, offset: at, expected: hexAt(expected, at), got: hexAt(got, at) });
      }
    };
    const shown = this.#view.u8;
    compare("x87", legacy, shown, 0, MXCSR_OFFSET);
    compare("MXCSR", legacy, shown, MXCSR_OFFSET, MXCSR_OFFSET + MXCSR_SIZE);
    compare("x87", legacy, shown, ST_OFFSET, XMM_OFFSET);
    compare("SSE", legacy, shown, XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET);
    for (const [index, bytes] of components) {
      if (hasBit(this.cpu.xcr0Supported | this.cpu.xssSupported, index))
        compare(componentName(index), bytes, processors.component(0, index), 0, bytes.length);
    }
    return found;
  }
}
