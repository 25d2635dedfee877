/** Intel SDE's CPUID definitions: `0000000d 00000002 => 00000100 00000240 00000000 00000000`, asterisks for any ECX. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of Intel SDE's *.def files. */
export const INTEL_SDE_DEF: DumpReader = lineFormat({
  format: "intel-sde-def",
  title: "Intel SDE CPUID definition",
  row: /^(?<leaf>[0-9a-f]{8})\s{1,8}(?:(?<subleaf>[0-9a-f]{8})|\*{8})\s{1,8}=>\s{1,8}(?<eax>[0-9a-f]{8})\s{1,8}(?<ebx>[0-9a-f]{8})\s{1,8}(?<ecx>[0-9a-f]{8})\s{1,8}(?<edx>[0-9a-f]{8})(?:\s{0,32}#.*)?$/i,
  meant: /^[0-9a-f]{4,8}\b|=>\s{0,8}[0-9a-f]{8}/i,
});
