/** `cpuid -r`: `   0x0000000d 0x02: eax=0x00000100 ebx=0x00000240 ecx=0x00000000 edx=0x00000000` under `CPU 0:` or `CPU:`. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of `cpuid -r` (and `cpuid -1 -r`). The sub-leaf (ECX) is hexadecimal; its oldest versions print none. */
export const CPUID_R: DumpReader = lineFormat({
  format: "cpuid-r",
  title: "cpuid -r",
  row: /^0x(?<leaf>[0-9a-f]{8})(?:\s{1,8}0x(?<subleaf>[0-9a-f]{1,8}))?\s?:\s{1,8}eax=0x(?<eax>[0-9a-f]{8})\s{1,8}ebx=0x(?<ebx>[0-9a-f]{8})\s{1,8}ecx=0x(?<ecx>[0-9a-f]{8})\s{1,8}edx=0x(?<edx>[0-9a-f]{8})$/i,
  meant: /^0x[0-9a-f]{4}|\be[abcd]x=/i,
  heading: /^(CPU(?: \d{1,6})?)\s?:$/i,
});
