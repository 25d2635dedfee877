/** What Linux logs where a CPU's XSAVE layout is not consistent: `CPUID[0d, 02]: eax=00000100 ebx=00000240 ...`, leaf 0DH only. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of a kernel log with an "XSAVE consistency problem" (arch/x86/kernel/fpu/xstate.c, __xstate_dump_leaves()). */
export const LINUX_BOOT_LOG: DumpReader = lineFormat({
  format: "linux-boot-log",
  title: "Linux boot log with an XSAVE consistency problem",
  row: /\bCPUID\[(?<leaf>[0-9a-f]{2}), (?<subleaf>[0-9a-f]{2})\]: eax=(?<eax>[0-9a-f]{8}) ebx=(?<ebx>[0-9a-f]{8}) ecx=(?<ecx>[0-9a-f]{8}) edx=(?<edx>[0-9a-f]{8})$/i,
  meant: /\bCPUID\[/,
});
