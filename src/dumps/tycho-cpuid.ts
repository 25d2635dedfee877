/** Tycho's cpuid: `CPUID 0000000d:02 = 00000100 00000240 00000000 00000000 | ....@...........`, under `CPU 0:`. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/**
 * Reader of Tycho's cpuid. The sub-leaf is printed, in hexadecimal, and kept: old versions count the rows of leaf 0DH
 * instead, so that LWP stands at 3; the rules about components name it.
 */
export const TYCHO_CPUID: DumpReader = lineFormat({
  format: "tycho-cpuid",
  title: "Tycho's cpuid",
  row: /^CPUID (?<leaf>[0-9a-f]{8}):(?<subleaf>[0-9a-f]{2,8}) = (?<eax>[0-9a-f]{8}) (?<ebx>[0-9a-f]{8}) (?<ecx>[0-9a-f]{8}) (?<edx>[0-9a-f]{8})(?:\s{1,8}\|.*)?$/i,
  meant: /^CPUID [0-9a-f]{4}/i,
  heading: /^(CPU \d{1,6})\s?:$/i,
});
