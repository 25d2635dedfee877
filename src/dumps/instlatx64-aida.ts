/** InstLatx64's dumps and AIDA64's CPUID reports, with whatever stands around the rows. */

import { AIDA_ROW_ANYWHERE, aidaCpuLabel, aidaRow } from "./aida-row.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";

const FORMAT = "instlatx64-aida";

/** Reader of InstLatx64 and AIDA64 text. */
export const INSTLATX64_AIDA: DumpReader = {
  format: FORMAT,
  title: "InstLatx64 / AIDA64 text",
  recognises: (head) => (AIDA_ROW_ANYWHERE.test(head.start) ? 50 : 0),
  read(text: string): RawDump {
    return readByLine(text, { format: FORMAT, cpuLabel: aidaCpuLabel, row: aidaRow });
  },
};
