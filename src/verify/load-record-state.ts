/** Puts the registers of a record into a register file, XINUSE included. */

import { INITIAL_FCW, LEGACY_UNWRITTEN_OFFSET, MXCSR_OFFSET, ST_OFFSET, XMM_OFFSET } from "../isa/xsave-area.ts";
import type { Processors } from "../runtime/processors.ts";
import type { RecordedState, SaveRecord } from "./vector-record.ts";

/** Bit 1 of XINUSE. */
const SSE = 2n;

/** Loads state, XCR0, IA32_XSS and XINUSE into a processor; `sseInUse` overrides XINUSE[1]. */
export function loadRecordState(processors: Processors, processor: number, record: SaveRecord, sseInUse?: boolean): void {
  processors.initialise(processor, ~0n);
  processors.setXcr0(processor, record.xcr0);
  processors.setXss(processor, record.xss);
  processors.setXfd(processor, record.xfd);
  processors.loadLegacy(processor, record.state.legacy);
  for (const [index, bytes] of record.state.components) {
    const registers = processors.component(processor, index);
    if (bytes.length !== registers.length) {
      throw new RangeError(`${record.id}: component ${index} has ${bytes.length} bytes, the CPU's row says ${registers.length}`);
    }
    registers.set(bytes);
  }
  const xinuse = xinuseOf(record);
  processors.setXinuse(processor, sseInUse === undefined ? xinuse : sseInUse ? xinuse | SSE : xinuse & ~SSE);
}

/**
 * XINUSE when the instruction ran. XGETBV is the source where there is one: a processor may hold a component in use
 * whose bytes are all initial. It does not tell of XMM alone (its bit 1 is set by MXCSR too) nor of supervisor
 * components; for these, and without XGETBV, a component is in use if its bytes are not initial.
 */
export function xinuseOf({ xcr0, xinuse, xmmInUse, state }: SaveRecord): bigint {
  const byValue = inUseByValue(state);
  const user = xinuse === undefined ? byValue & xcr0 : xinuse & ~SSE;
  const sse = xmmInUse === undefined ? byValue & SSE : xmmInUse ? SSE : 0n;
  return (user & ~SSE) | sse | (byValue & ~xcr0);
}

/** Components whose bytes differ from the initial configuration. */
function inUseByValue({ legacy, components }: RecordedState): bigint {
  let mask = 0n;
  const control = legacy.subarray(2, MXCSR_OFFSET);
  const fcw = (legacy[0] ?? 0) | ((legacy[1] ?? 0) << 8);
  if (fcw !== INITIAL_FCW || nonZero(control) || nonZero(legacy.subarray(ST_OFFSET, XMM_OFFSET))) mask |= 1n;
  if (nonZero(legacy.subarray(XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET))) mask |= SSE;
  for (const [index, bytes] of components) if (nonZero(bytes)) mask |= 1n << BigInt(index);
  return mask;
}

function nonZero(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}
