/**
 * One row of CPUID leaf 0DH (sub-leaf i >= 2), under the names used everywhere in this project.
 * Source: Intel SDM vol. 1, 13.2.
 */
export interface ComponentRow {
  /** Sub-leaf, 2..62. */
  readonly index: number;
  /** EAX: bytes. */
  readonly size: number;
  /** EBX: byte offset in the standard format; undefined for a supervisor component, which has none. */
  readonly standardOffset: number | undefined;
  /** ECX[0]: managed through IA32_XSS. */
  readonly supervisor: boolean;
  /** ECX[1]: starts at a multiple of 64 in the compacted format. */
  readonly align64: boolean;
  /** ECX[2]: can be disabled through IA32_XFD. */
  readonly xfd: boolean;
}

/** The row of a sub-leaf, 2..62, out of CPUID's registers: EAX, EBX and ECX as unsigned 32-bit values. */
export function componentRow(index: number, eax: number, ebx: number, ecx: number): ComponentRow {
  const supervisor = (ecx & 1) !== 0;
  const standardOffset = supervisor ? undefined : ebx;
  return { index, size: eax, standardOffset, supervisor, align64: (ecx & 2) !== 0, xfd: (ecx & 4) !== 0 };
}

/** What a layout needs of a CPU: its rows. Every model is one. */
export interface LayoutSource {
  readonly components: readonly ComponentRow[];
}
