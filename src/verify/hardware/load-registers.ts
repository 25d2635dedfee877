/** Puts the registers that the oracle read into a register file. */

import { FSW_ES_BIT_IN_DWORD0, XSTATE_BV_OFFSET } from "../../isa/xsave-area.ts";
import type { Processors } from "../../runtime/processors.ts";
import { FCS_OFFSET, FDS_OFFSET } from "../../runtime/register-slots.ts";
import { readU32, readU64, writeU16 } from "../little-endian.ts";
import type { OracleCase } from "../oracle/oracle-case.ts";
import type { OracleRegisters, OracleResult } from "../oracle/oracle-result.ts";
import { loadLegacy } from "../../runtime/write-registers.ts";

/** FSW.ES of a legacy region: an unmasked x87 exception is pending. */
export function exceptionPending(legacy: Uint8Array): boolean {
  return ((readU32(legacy, 0) >>> FSW_ES_BIT_IN_DWORD0) & 1) === 1;
}

/** Whether XRSTOR64 loaded x87 from the case's state image, so that the image tells FOP, FIP and FDP. */
export function pointersFromImage({ loader, state }: OracleCase): boolean {
  return loader !== "moves" && state !== undefined && (readU64(state, XSTATE_BV_OFFSET) & 1n) === 1n;
}

/**
 * Loads processor 0 with the registers before the instruction. FXSAVE64, which read x87, follows the CPU's pointer rule
 * itself: where it stores zeros, the live FOP, FIP and FDP come from the image that was loaded, so that a saver that
 * stored them would be found out.
 */
export function loadRegisters(processors: Processors, given: OracleCase, result: OracleResult): void {
  const { registersBefore, xinuse } = result;
  const image = registersBefore.legacy.slice();
  if (pointersFromImage(given) && given.state && processors.cpu.quirks.x87Pointers !== "saved")
    image.set(given.state.subarray(6, 24), 6);
  loadLegacy(processors, 0, image);
  for (const { index, size } of processors.cpu.components) {
    const bytes = registersBefore.component(index);
    if (bytes) processors.component(0, index).set(bytes.subarray(0, size));
  }
  loadSelectors(processors, registersBefore);
  processors.setXinuse(0, xinuse & processors.xcr0(0));
}

function loadSelectors(processors: Processors, registers: OracleRegisters): void {
  const { fcs, fds } = registers.environment;
  writeU16(processors.u8, FCS_OFFSET, fcs);
  writeU16(processors.u8, FDS_OFFSET, fds);
}
