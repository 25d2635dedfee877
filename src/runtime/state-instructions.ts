/** XSETBV, XGETBV and WRMSR to IA32_XSS and IA32_XFD: what they refuse, and what they do. Source: Intel SDM vol. 1, 13.3, 13.6, 13.14. */

import { INITIAL_MXCSR, MXCSR_OFFSET } from "../isa/xsave-area.ts";
import { type ControlRule, type ControlViolation, xcr0Violations, xfdViolations, xssViolations } from "./control-registers.ts";
import { type ExecutionContext, instructionFaults, type InstructionFault, type InstructionRule } from "./instruction-faults.ts";
import type { Processors } from "./processors.ts";
import { setXcr0, setXfd, setXss } from "./set-control-registers.ts";

/** Why one of these instructions raises an exception. `value` holds the offending bits, or ECX. */
export type StateFault = InstructionFault<InstructionRule | ControlRule | "no-such-xcr">;

const gp = ({ rule, bits, message }: ControlViolation): StateFault => ({
  vector: 13,
  rule,
  offset: undefined,
  value: bits,
  message,
});

const noSuchXcr = (instruction: string, ecx: number): StateFault => ({
  vector: 13,
  rule: "no-such-xcr",
  offset: undefined,
  value: BigInt(ecx),
  message: `${instruction} knows no register ${ecx}`,
});

/** XSETBV: writes XCR0 if nothing is returned, else changes nothing. `ecx` is an unsigned 32-bit number. */
export function xsetbv(
  processors: Processors,
  processor: number,
  ecx: number,
  value: bigint,
  context: ExecutionContext = {},
): StateFault[] {
  const faults: StateFault[] = instructionFaults(processors.cpu, "XSETBV", undefined, context);
  if (ecx !== 0) faults.push(noSuchXcr("XSETBV", ecx));
  else faults.push(...xcr0Violations(processors.cpu, value).map(gp));
  if (faults.length === 0) setXcr0(processors, processor, value);
  return faults;
}

/**
 * XGETBV. With ECX = 0 XCR0; with ECX = 1, where the CPU has it, XCR0 & XINUSE, and bit 1 also where XCR0[1] is set and
 * MXCSR is not 1F80H: it then says nothing about XMM. Supervisor components are never in it.
 */
export function xgetbv(
  processors: Processors,
  processor: number,
  ecx: number,
  context: ExecutionContext = {},
): { readonly value: bigint | undefined; readonly faults: readonly StateFault[] } {
  const faults: StateFault[] = instructionFaults(processors.cpu, "XGETBV", undefined, context);
  const inUse = ecx === 1 && processors.cpu.instructions.xgetbv1;
  if (ecx !== 0 && !inUse) faults.push(noSuchXcr("XGETBV", ecx));
  if (faults.length > 0) return { value: undefined, faults };
  const xcr0 = processors.xcr0(processor);
  if (!inUse) return { value: xcr0, faults };
  const { buffer, byteOffset } = processors.component(processor, 1);
  const mxcsr = new DataView(buffer, byteOffset).getUint32(MXCSR_OFFSET, true);
  const sse = mxcsr === INITIAL_MXCSR ? 0n : 2n;
  return { value: xcr0 & (processors.xinuse(processor) | sse), faults };
}

function writeMsr(context: ExecutionContext, violations: readonly ControlViolation[], write: () => void): StateFault[] {
  const faults = violations.map(gp);
  const cpl = context.cpl ?? 0;
  if (cpl > 0)
    faults.unshift({
      vector: 13,
      rule: "privilege",
      offset: undefined,
      value: BigInt(cpl),
      message: `WRMSR needs CPL 0, CPL is ${cpl}`,
    });
  if (faults.length === 0) write();
  return faults;
}

/** WRMSR to IA32_XSS: writes it if nothing is returned, else changes nothing. */
export function writeXss(processors: Processors, processor: number, value: bigint, context: ExecutionContext = {}): StateFault[] {
  return writeMsr(context, xssViolations(processors.cpu, value), () => setXss(processors, processor, value));
}

/** WRMSR to IA32_XFD: writes it if nothing is returned, else changes nothing. */
export function writeXfd(processors: Processors, processor: number, value: bigint, context: ExecutionContext = {}): StateFault[] {
  return writeMsr(context, xfdViolations(processors.cpu, value), () => setXfd(processors, processor, value));
}
