/** `xen-cpuid -p`: one policy after another, `  0000000d:00000002 -> 00000100:00000240:00000000:00000000`, ffffffff for no sub-leaf. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of Xen's policies. Xen blanks both sizes of what is enabled. */
export const XEN_CPUID_P: DumpReader = lineFormat({
  format: "xen-cpuid-p",
  title: "xen-cpuid -p",
  row: /^(?<leaf>[0-9a-f]{8}):(?:ffffffff|(?<subleaf>[0-9a-f]{8})) -> (?<eax>[0-9a-f]{8}):(?<ebx>[0-9a-f]{8}):(?<ecx>[0-9a-f]{8}):(?<edx>[0-9a-f]{8})$/i,
  meant: /^[0-9a-f]{8}:[0-9a-f]{4}/i,
  heading: /^([\w ]{1,64} policy)\b.{0,8}:? \d{1,6} leaves\b/i,
});
