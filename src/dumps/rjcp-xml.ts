/** RJCP's XML: `<register eax="0000000D" ecx="00000002">00000100,00000240,00000000,00000000</register>` in a `<processor>`. */

import { rowIn } from "./line-format.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "rjcp-xml";
const FORM = {
  row: /^<register eax="(?<leaf>[0-9a-f]{8})" ecx="(?<subleaf>[0-9a-f]{8})">(?<eax>[0-9a-f]{8}),(?<ebx>[0-9a-f]{8}),(?<ecx>[0-9a-f]{8}),(?<edx>[0-9a-f]{8})<\/register>$/i,
  meant: /^<register\b/i,
};

/** Reader of RJCP's XML. Processors have no name there: they are counted. */
export const RJCP_XML: DumpReader = {
  format: FORMAT,
  title: "RJCP CPUID XML",
  recognises: (head) => (head.hasLine((line) => FORM.row.test(line)) ? 90 : 0),
  read(text) {
    let processors = 0;
    const cpuLabel = (line: string): string | undefined =>
      /^<processor\b/i.test(line) ? `processor ${processors++}` : undefined;
    return readByLine(text, { format: FORMAT, cpuLabel, row: (line) => rowIn(FORM, line) });
  },
};
