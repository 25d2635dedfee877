/** Java CPUID's report: a table of function, subfunction, pass and registers; every function is then explained under its rows again. */

import { rowIn } from "./line-format.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "jcpuid-report";
const FORM = {
  row: /^(?<leaf>[0-9a-f]{8})\s{1,8}(?<subleaf>[0-9a-f]{8})\s{1,8}[0-9a-f]{8}\s{1,8}(?<eax>[0-9a-f]{8})\s{1,8}(?<ebx>[0-9a-f]{8})\s{1,8}(?<ecx>[0-9a-f]{8})\s{1,8}(?<edx>[0-9a-f]{8})$/i,
  meant: /^[0-9a-f]{8}\s{1,8}[0-9a-f]{4}/i,
};
const HEAD = /^Function\s{1,8}Subfunction\s{1,8}Pass\s/i;

/** Reader of Java CPUID's reports. */
export const JCPUID_REPORT: DumpReader = {
  format: FORMAT,
  title: "Java CPUID report",
  recognises: (head) => (head.hasLine((line) => HEAD.test(line)) ? 90 : 0),
  read(text) {
    // The first table has every row.
    let tables = 0;
    const ends = (line: string): boolean => HEAD.test(line) && ++tables > 1;
    return readByLine(text, { format: FORMAT, cpuLabel: () => undefined, row: (line) => rowIn(FORM, line), ends });
  },
};
