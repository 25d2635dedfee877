/** `kcpuid -r`: `0x00000000: EAX=0x0000000d, ...`, or `0x0000000d: subleafs:` over `  2: EAX=0x00000100, ...`. */

import { type ParsedRow, registersOfHex } from "./dump-collector.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "kcpuid-r";
// The number of a sub-leaf is decimal (tools/arch/x86/kcpuid/kcpuid.c, leaf_print_raw()).
const ROW =
  /^(?:0x([0-9a-f]{8})|(\d{1,4})): EAX=0x([0-9a-f]{8}), EBX=0x([0-9a-f]{8}), ECX=0x([0-9a-f]{8}), EDX=0x([0-9a-f]{8})$/i;
const PARENT = /^0x([0-9a-f]{8}): subleafs:$/i;
const ROW_MEANT = /^0x[0-9a-f]{4}|\bEAX=/i;

/** Reader of kcpuid's raw rows. */
export const KCPUID_R: DumpReader = {
  format: FORMAT,
  title: "kcpuid -r",
  recognises: (head) => (head.hasLine((line) => ROW.test(line)) ? 90 : 0),
  read(text) {
    let parent: number | undefined;
    const row = (line: string): ParsedRow | "damaged" | undefined => {
      const heading = PARENT.exec(line)?.[1];
      if (heading !== undefined) {
        parent = parseInt(heading, 16);
        return undefined;
      }
      const match = ROW.exec(line);
      if (!match) return ROW_MEANT.test(line) ? "damaged" : undefined;
      const [, leaf, subleaf, eax = "", ebx = "", ecx = "", edx = ""] = match;
      const registers = registersOfHex(eax, ebx, ecx, edx);
      if (leaf !== undefined) return { leaf: parseInt(leaf, 16), subleaf: undefined, registers };
      return parent === undefined ? "damaged" : { leaf: parent, subleaf: Number(subleaf), registers };
    };
    return readByLine(text, { format: FORMAT, cpuLabel: () => undefined, row });
  },
};
