/** `x86info -a`: `eax in: 0x0000000d, eax = 000002e7 ebx = 00000a88 ecx = 00000a88 edx = 00000000`, no sub-leaves. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of x86info's raw rows. */
export const X86INFO_A: DumpReader = lineFormat({
  format: "x86info-a",
  title: "x86info -a",
  row: /^eax in: 0x(?<leaf>[0-9a-f]{8}), eax = (?<eax>[0-9a-f]{8}) ebx = (?<ebx>[0-9a-f]{8}) ecx = (?<ecx>[0-9a-f]{8}) edx = (?<edx>[0-9a-f]{8})$/i,
  meant: /^eax in:/i,
});
