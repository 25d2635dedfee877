/**
 * The row and the headings that InstLatx64 dumps, AIDA64 reports and libcpuid's tests share:
 * `CPUID 0000000D: 00000100-00000240-00000000-00000000 [SL 02] [AVX]`.
 */

import { registersOfHex } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";

// Old AIDA reports have blanks and a tab in place of the colon, the oldest of InstLatx64 blanks between the registers.
const ROW =
  /^CPUID\s{1,8}([0-9a-f]{8})(?:\s{0,8}:\s{0,8}|\s{1,8})([0-9a-f]{8})[- ]([0-9a-f]{8})[- ]([0-9a-f]{8})[- ]([0-9a-f]{8})(?![0-9a-z-])(.*)$/i;
/** The sub-leaf number is hexadecimal: `[SL 3E]` is LWP, `[SL 10]` HWP. Old dumps print none. */
const SUBLEAF = /^\s{0,8}\[SL ([0-9a-f]{1,8})\]/i;
const SUBLEAF_MEANT = /\[\s?SL\b/i;
const CUT_BEFORE_SUBLEAF = /\[S?$/i;
/** `CPUID` and a number, or two neighbouring registers. */
const ROW_MEANT = /^CPUID\s{1,8}[0-9a-f]{4}|[0-9a-f]{8}-[0-9a-f]{8}-/i;

/** Finds a row somewhere in a piece of text; for recognition. */
export const AIDA_ROW_ANYWHERE: RegExp =
  /^[ \t]{0,8}CPUID[ \t]{1,8}[0-9a-f]{8}(?:[ \t]{0,8}:[ \t]{0,8}|[ \t]{1,8})[0-9a-f]{8}(?:[- ][0-9a-f]{8}){3}/im;

/** Reads one trimmed line. */
export function aidaRow(line: string): ParsedRow | "damaged" | undefined {
  const match = ROW.exec(line);
  if (!match) return ROW_MEANT.test(line) ? "damaged" : undefined;
  const [, leaf = "", eax = "", ebx = "", ecx = "", edx = "", tail = ""] = match;
  const subleaf = SUBLEAF.exec(tail)?.[1];
  if (subleaf === undefined && SUBLEAF_MEANT.test(tail)) return "damaged";
  // The line was cut where a sub-leaf number may begin. Other brackets can stay open: a brand string that ends in it with a NUL.
  if (CUT_BEFORE_SUBLEAF.test(tail)) return "damaged";
  return {
    leaf: parseInt(leaf, 16),
    subleaf: subleaf === undefined ? undefined : parseInt(subleaf, 16),
    registers: registersOfHex(eax, ebx, ecx, edx),
  };
}

/** Headings, newest first; each one's label is in the groups. */
const HEADINGS: readonly RegExp[] = [
  /^-{2,64}\[ (?:CPUID Registers \/ )?(Logical CPU #\d{1,6}) \]-/i,
  /^_{2,64} (Logical CPU #\d{1,6}) _/i,
  /^(CPU#\d{1,6})\s{1,8}AffMask\b/i,
  /^(Group: 0x[0-9a-f]{1,16} Affinity mask: 0x[0-9a-f]{1,16})/i,
  /^CPUID Registers \((CPU #\d{1,6}(?: Virtual)?)\)/i,
  /^(CPU \d{1,6})\s?:$/i,
];

/** The label of a logical CPU as the dump prints it, if this trimmed line is such a heading. */
export function aidaCpuLabel(line: string): string | undefined {
  for (const heading of HEADINGS) {
    const label = heading.exec(line)?.[1];
    if (label !== undefined) return label;
  }
  return undefined;
}
