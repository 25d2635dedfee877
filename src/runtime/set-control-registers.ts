/** XCR0, IA32_XSS and IA32_XFD of a processor, for those who take a refusal as an error: see `state-instructions.ts`. */

import { maskWithNames } from "../isa/feature-mask.ts";
import { type ControlViolation, xcr0Violations, xfdViolations, xssViolations } from "./control-registers.ts";
import { type Processors, storeMask } from "./processors.ts";
import { XCR0_OFFSET, XFD_OFFSET, XSS_OFFSET } from "./register-slots.ts";

/** As XSETBV with ECX = 0. Throws RangeError with every reason where XSETBV would raise #GP (SDM vol. 1, 13.3). */
export function setXcr0(processors: Processors, processor: number, xcr0: bigint): void {
  refuse("XCR0", xcr0, xcr0Violations(processors.cpu, xcr0));
  storeMask(processors, processor, XCR0_OFFSET, xcr0);
}

/** As WRMSR to IA32_XSS. Throws RangeError where it would raise #GP. */
export function setXss(processors: Processors, processor: number, xss: bigint): void {
  refuse("IA32_XSS", xss, xssViolations(processors.cpu, xss));
  storeMask(processors, processor, XSS_OFFSET, xss);
}

/** As WRMSR to IA32_XFD. Throws RangeError where it would raise #GP. */
export function setXfd(processors: Processors, processor: number, xfd: bigint): void {
  refuse("IA32_XFD", xfd, xfdViolations(processors.cpu, xfd));
  storeMask(processors, processor, XFD_OFFSET, xfd);
}

function refuse(register: string, value: bigint, violations: readonly ControlViolation[]): void {
  if (violations.length > 0)
    throw new RangeError(
      `${register} = ${maskWithNames(value)} is not allowed: ${violations.map(({ message }) => message).join("; ")}`,
    );
}
