/** `cpuid -r`: `   0x0000000d 0x02: eax=0x00000100 ebx=0x00000240 ecx=0x00000000 edx=0x00000000` under `CPU 0:` or `CPU:`. */

import { registersOfHex } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";
import { RECOGNITION_WINDOW, readByLine } from "./line-reader.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";

const FORMAT = "cpuid-r";

// The sub-leaf (ECX) is hexadecimal; its oldest versions print none.
const ROW =
  /^0x([0-9a-f]{8})(?:\s{1,8}0x([0-9a-f]{1,8}))?\s?:\s{1,8}eax=0x([0-9a-f]{8})\s{1,8}ebx=0x([0-9a-f]{8})\s{1,8}ecx=0x([0-9a-f]{8})\s{1,8}edx=0x([0-9a-f]{8})$/i;
const ROW_MEANT = /^0x[0-9a-f]{4}|\be[abcd]x=/i;
const ROW_ANYWHERE =
  /^[ \t]{0,16}0x[0-9a-f]{8}(?:[ \t]{1,8}0x[0-9a-f]{1,8})?[ \t]?:[ \t]{1,8}eax=0x[0-9a-f]{8}[ \t]{1,8}ebx=0x[0-9a-f]{8}[ \t]/im;
const HEADING = /^(CPU(?: \d{1,6})?)\s?:$/i;

function row(line: string): ParsedRow | "damaged" | undefined {
  const match = ROW.exec(line);
  if (!match) return ROW_MEANT.test(line) ? "damaged" : undefined;
  const [, leaf = "", subleaf, eax = "", ebx = "", ecx = "", edx = ""] = match;
  return {
    leaf: parseInt(leaf, 16),
    subleaf: subleaf === undefined ? undefined : parseInt(subleaf, 16),
    registers: registersOfHex(eax, ebx, ecx, edx),
  };
}

/** Reader of `cpuid -r` (and `cpuid -1 -r`). */
export const CPUID_R: DumpReader = {
  format: FORMAT,
  title: "cpuid -r",
  recognises(text: string): number {
    return ROW_ANYWHERE.test(text.slice(0, RECOGNITION_WINDOW)) ? 90 : 0;
  },
  read(text: string): RawDump {
    return readByLine(text, { format: FORMAT, cpuLabel: (line) => HEADING.exec(line)?.[1], row });
  },
};
