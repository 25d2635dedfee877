/** XCR0, IA32_XSS and IA32_XFD of a processor, for those who take a refusal as an error: see `state-instructions.ts`. */

import { maskPair, maskWithNames } from "../isa/feature-mask.ts";
import { type ControlViolation, xcr0Violations, xfdViolations, xssViolations } from "./control-registers.ts";
import { type Processors, storeMask } from "./processors.ts";
import { XCR0_OFFSET, XFD_OFFSET, XSS_OFFSET } from "./register-slots.ts";

/** As XSETBV with ECX = 0. Throws RangeError with every reason where XSETBV would raise #GP (SDM vol. 1, 13.3). */
export function setXcr0(processors: Processors, processor: number, xcr0: bigint): void {
  set(processors, processor, "XCR0", XCR0_OFFSET, xcr0, xcr0Violations);
}

/** As WRMSR to IA32_XSS. Throws RangeError where it would raise #GP. */
export function setXss(processors: Processors, processor: number, xss: bigint): void {
  set(processors, processor, "IA32_XSS", XSS_OFFSET, xss, xssViolations);
}

/** As WRMSR to IA32_XFD. Throws RangeError where it would raise #GP. */
export function setXfd(processors: Processors, processor: number, xfd: bigint): void {
  set(processors, processor, "IA32_XFD", XFD_OFFSET, xfd, xfdViolations);
}

function set(
  processors: Processors,
  processor: number,
  register: string,
  offset: number,
  value: bigint,
  violationsOf: (cpu: Processors["cpu"], value: bigint) => readonly ControlViolation[],
): void {
  maskPair(value);
  const violations = violationsOf(processors.cpu, value);
  if (violations.length > 0)
    throw new RangeError(
      `${register} = ${maskWithNames(value)} is not allowed: ${violations.map(({ message }) => message).join("; ")}`,
    );
  storeMask(processors, processor, offset, value);
}
