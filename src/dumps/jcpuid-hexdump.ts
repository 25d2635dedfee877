/** Java CPUID's hex dump: AIDA64's rows without sub-leaves, logical CPUs headed `# 0` or `CPUID Registers (CPU #0):`. */

import { AIDA_ROW_ANYWHERE, aidaCpuLabel, aidaRow } from "./aida-row.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "jcpuid-hexdump";
/** Its title, or its list of options. */
const SIGN = /^(?:Java CPUID v\d|Get affinized CPUID dump\s{1,16}=)/m;

/** Reader of Java CPUID's hex dumps. */
export const JCPUID_HEXDUMP: DumpReader = {
  format: FORMAT,
  title: "Java CPUID hex dump",
  recognises: ({ start }) => (SIGN.test(start) && AIDA_ROW_ANYWHERE.test(start) ? 90 : 0),
  read: (text) =>
    readByLine(text, { format: FORMAT, cpuLabel: (line) => /^# (\d{1,6})$/.exec(line)?.[1] ?? aidaCpuLabel(line), row: aidaRow }),
};
