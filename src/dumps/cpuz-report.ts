/** CPU-Z's text report: under `CPU Thread 0` rows of five numbers, leaf and registers, without sub-leaves. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of CPU-Z's report. */
export const CPUZ_REPORT: DumpReader = lineFormat({
  format: "cpuz-report",
  title: "CPU-Z text report",
  row: /^0x(?<leaf>[0-9a-f]{8})\s{1,8}0x(?<eax>[0-9a-f]{8})\s{1,8}0x(?<ebx>[0-9a-f]{8})\s{1,8}0x(?<ecx>[0-9a-f]{8})\s{1,8}0x(?<edx>[0-9a-f]{8})$/i,
  meant: /^0x[0-9a-f]{8}\s{1,8}0x/i,
  heading: /^(CPU Thread \d{1,6})$/i,
  sign: /^CPU-Z\b/m,
});
