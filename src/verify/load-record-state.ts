/** Puts the registers of a record into a register file, XINUSE included. */

import { xinuseByValue } from "../runtime/derive-xinuse.ts";
import type { Processors } from "../runtime/processors.ts";
import type { RecordedExecution } from "./vector-record.ts";
import { setXcr0, setXfd, setXss } from "../runtime/set-control-registers.ts";
import { initialise, loadLegacy } from "../runtime/write-registers.ts";

/** Bit 1 of XINUSE. */
const SSE = 2n;

/**
 * Loads state, XCR0, IA32_XSS, IA32_XFD and XINUSE into a processor. XGETBV is XINUSE's source where there is one: a
 * processor may hold a component in use whose bytes are all initial. It does not tell of XMM alone (its bit 1 is set by
 * MXCSR too) nor of supervisor components; for these, and without XGETBV, XINUSE is by value.
 */
export function loadRecordState(processors: Processors, processor: number, record: RecordedExecution): void {
  initialise(processors, processor, ~0n);
  setXcr0(processors, processor, record.xcr0);
  setXss(processors, processor, record.xss);
  setXfd(processors, processor, record.xfd);
  loadLegacy(processors, processor, record.state.legacy);
  for (const [index, bytes] of record.state.components) {
    const registers = processors.component(processor, index);
    if (bytes.length !== registers.length) {
      throw new RangeError(`${record.id}: component ${index} has ${bytes.length} bytes, the CPU's row says ${registers.length}`);
    }
    registers.set(bytes);
  }
  const { xcr0, xinuse, xmmInUse } = record;
  const byValue = xinuseByValue(processors, processor);
  const user = xinuse === undefined ? byValue & xcr0 : xinuse;
  const sse = xmmInUse === undefined ? byValue & SSE : xmmInUse ? SSE : 0n;
  processors.setXinuse(processor, (user & ~SSE) | sse | (byValue & ~xcr0));
}
