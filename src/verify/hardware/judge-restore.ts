/** One restore of this CPU against ours: fault or success, then every register. */

import { createArena, type AreaMemory } from "../../runtime/arena.ts";
import { bindGeneralSave } from "../../runtime/general-save.ts";
import { restore, type RestoreFault } from "../../runtime/general-restore.ts";
import type { BoundSave } from "../../runtime/generated-v1.ts";
import type { Processors } from "../../runtime/processors.ts";
import { FCS_OFFSET } from "../../runtime/register-slots.ts";
import type { RestoreRoutine } from "../../runtime/restore-routine.ts";
import { type SelectedRestore, selectRestore } from "../../runtime/select-restore.ts";
import { savePlan } from "../../runtime/save-plan.ts";
import { componentName } from "../../isa/state-component.ts";
import { LEGACY_UNWRITTEN_OFFSET, MXCSR_OFFSET, ST_OFFSET, XMM_OFFSET } from "../../isa/xsave-area.ts";
import { type Difference, hexAt } from "../area-difference.ts";
import { readU32 } from "../little-endian.ts";
import type { OracleCase } from "../oracle/oracle-case.ts";
import type { OracleResult } from "../oracle/oracle-result.ts";
import { familyOf } from "./judge-save.ts";
import { exceptionPending, loadRegisters, pointersFromImage } from "./load-registers.ts";

/** PKRU has four bytes; what XSAVE has behind them is no register. */
const PKRU = 9;
const PKRU_BYTES = 4;

/** What became of one restore. */
export interface RestoreVerdict {
  readonly differences: readonly Difference[];
  readonly faults: readonly RestoreFault[];
  /** A generated restore did it. */
  readonly generated: boolean;
}

/** Restores on processor 0 of a set and compares with what the CPU did. */
export class RestoreJudge {
  readonly #processors: Processors;
  readonly #areas: AreaMemory;
  readonly #areaBytes: number;
  readonly #fxsave: BoundSave;
  readonly #fxsaveArea: AreaMemory;

  readonly #routines: readonly RestoreRoutine[];
  readonly #selected = new Map<bigint, SelectedRestore>();

  /** `routines`: generated restores of the CPU; none: the general path alone. */
  constructor(processors: Processors, areaBytes: number, routines: readonly RestoreRoutine[]) {
    this.#processors = processors;
    this.#routines = routines;
    this.#areaBytes = areaBytes;
    this.#areas = createArena({ bytes: areaBytes + 64, largestArea: areaBytes });
    this.#fxsaveArea = createArena({ bytes: 576, largestArea: 576 });
    this.#fxsave = bindGeneralSave(savePlan(processors.cpu, "XSAVE", 3n), processors, this.#fxsaveArea);
  }

  /** Loads the registers beforehand, restores, and compares; offsets of differences are those in the component. */
  judge(given: OracleCase, result: OracleResult): RestoreVerdict {
    const processors = this.#processors;
    const misalign = given.misalign ?? 0;
    const { u8 } = this.#areas;
    u8.fill(0);
    // The oracle keeps protection key 0 accessible, so it may have changed PKRU in the image; a restore changes nothing.
    const image = result.imagePkruMasked ? result.area : given.area;
    u8.set(image, misalign);
    loadRegisters(processors, given, result);
    const before = processors.u8.slice();
    const faults = restore(processors, 0, this.#areas, misalign, "XRSTOR", given.mask, {
      operandSize: familyOf(given.instruction).operandSize,
      mode64: true,
    });
    const differences: Difference[] = [];
    const ours = faults[0] === undefined ? "no fault" : `vector ${faults[0].vector}`;
    const cpu = result.fault === null ? "no fault" : `vector ${result.fault.vector}`;
    if (ours !== cpu) {
      const named = faults.length === 0 ? ours : `${ours} (${faults.map((fault) => fault.rule).join(", ")})`;
      differences.push({ component: "fault", offset: faults[0]?.offset ?? 0, expected: cpu, got: named });
      return { differences, faults, generated: false };
    }
    const generated = this.#compareGenerated(given, before, faults[0]?.vector ?? 0, differences);
    if (faults.length > 0 && Buffer.compare(before, processors.u8) !== 0) {
      const offset = before.findIndex((byte, at) => byte !== processors.u8[at]);
      differences.push({
        component: "register file after a refused restore",
        offset,
        expected: hexAt(before, offset),
        got: hexAt(processors.u8, offset),
      });
    }
    if (Buffer.compare(u8.subarray(misalign, misalign + this.#areaBytes), result.area) !== 0)
      differences.push({ component: "area", offset: 0, expected: "unchanged by both", got: "changed" });
    this.#compareRegisters(result, differences);
    if (faults.length === 0) this.#comparePointers(given, result, differences);
    return { differences, faults, generated };
  }

  /** The same by selection; afterwards the register file has to be as the general path left it, side state included. */
  #compareGenerated(given: OracleCase, before: Uint8Array, vector: number, differences: Difference[]): boolean {
    const { instruction, mask, misalign = 0 } = given;
    const processors = this.#processors;
    if (familyOf(instruction).operandSize !== 64) return false;
    const rfbm = mask & processors.xcr0(0);
    const selected =
      this.#selected.get(rfbm) ?? selectRestore(this.#routines, processors, this.#areas, { instruction: "XRSTOR", mask: rfbm });
    this.#selected.set(rfbm, selected);
    const general = processors.u8.slice();
    processors.u8.set(before);
    const got = selected.restore(0, misalign);
    const expected = `vector ${vector}`;
    if (got !== vector) differences.push({ component: "fault by selection", offset: 0, expected, got: `vector ${got}` });
    compare("register file by selection", general, processors.u8, 0, general.length, differences);
    processors.u8.set(general);
    return selected.servedBy() === "generated";
  }

  #compareRegisters({ registers, xinuseAfter }: OracleResult, differences: Difference[]): void {
    const processors = this.#processors;
    const xinuse = processors.xinuse(0);
    processors.setXinuse(0, xinuse | 3n);
    this.#fxsaveArea.u8.fill(0);
    this.#fxsave(0, 0);
    processors.setXinuse(0, xinuse);
    const legacy = this.#fxsaveArea.u8.slice(0, LEGACY_UNWRITTEN_OFFSET);
    compare("x87", registers.legacy, legacy, 0, MXCSR_OFFSET, differences);
    compare("MXCSR", registers.legacy, legacy, MXCSR_OFFSET, ST_OFFSET, differences);
    compare("x87", registers.legacy, legacy, ST_OFFSET, XMM_OFFSET, differences);
    compare("SSE", registers.legacy, legacy, XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET, differences);
    for (const { index, size } of processors.cpu.components) {
      const read = registers.component(index);
      if (read)
        compare(
          componentName(index),
          read,
          processors.component(0, index),
          0,
          index === PKRU ? PKRU_BYTES : Math.min(size, read.length),
          differences,
        );
    }
    if (xinuseAfter === null) return;
    // By value both agree; else a processor may find a loaded component initial, but never in use what was put into
    // init. Bit 1 of XGETBV(1) speaks of MXCSR too.
    const byValue = processors.cpu.quirks.xinuseAfterRestore === "by-value";
    const unexplained = byValue ? xinuseAfter ^ xinuse : xinuseAfter & ~xinuse;
    if ((unexplained & ~2n) !== 0n)
      differences.push({
        component: "XINUSE",
        offset: 0,
        expected: `0x${xinuseAfter.toString(16)}`,
        got: `0x${xinuse.toString(16)}`,
      });
  }

  /** FOP, FIP and FDP (their low 32 bits), FCS and FDS as FNSTENV shows them, whatever FSW.ES says. */
  #comparePointers(given: OracleCase, result: OracleResult, differences: Difference[]): void {
    const legacy = this.#processors.component(0, 0);
    const { fop, fip, fdp, fcs, fds } = result.registers.environment;
    // Without x87 in the state image the live pointers beforehand are not known, unless FXSAVE64 showed them.
    const known =
      this.#processors.cpu.quirks.x87Pointers === "saved" ||
      pointersFromImage(given) ||
      exceptionPending(result.registersBefore.legacy);
    if (!known) return;
    const selectors = readU32(this.#processors.u8, FCS_OFFSET);
    const shown = [fop, fip, fdp, fcs, fds];
    const ours = [readU32(legacy, 4) >>> 16, readU32(legacy, 8), readU32(legacy, 16), selectors & 0xffff, selectors >>> 16];
    const at = shown.findIndex((value, i) => value !== ours[i]);
    if (at < 0) return;
    differences.push({
      component: `x87 ${["FOP", "FIP", "FDP", "FCS", "FDS"][at]} by FNSTENV`,
      offset: [6, 8, 16, 12, 20][at] ?? 0,
      expected: `0x${shown[at]?.toString(16)}`,
      got: `0x${ours[at]?.toString(16)}`,
    });
  }
}

function compare(
  component: string,
  expected: Uint8Array,
  got: Uint8Array,
  start: number,
  end: number,
  differences: Difference[],
): void {
  for (let offset = start; offset < end; offset++) {
    if (expected[offset] === got[offset]) continue;
    differences.push({ component, offset, expected: hexAt(expected, offset), got: hexAt(got, offset) });
    return;
  }
}
