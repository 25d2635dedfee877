/**
 * libcpuid's raw dumps and *.test files: either its own arrays (`basic_cpuid[13]=00000007 ...`) or rows in
 * AIDA64's form, and in a *.test what the library is expected to say after a line of dashes.
 */

import { AIDA_ROW_ANYWHERE, aidaCpuLabel, aidaRow } from "./aida-row.ts";
import { registersOfHex } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";

const FORMAT = "libcpuid-test";

const ARRAY_ROW =
  /^(?:(basic|ext)_cpuid|(?:intel|amd)_fn([0-9a-f]{1,8}?)(h?))\[(\d{1,5})\]=([0-9a-f]{8})\s{1,8}([0-9a-f]{8})\s{1,8}([0-9a-f]{8})\s{1,8}([0-9a-f]{8})$/i;
const ARRAY_ROW_MEANT = /^(?:basic_cpuid|ext_cpuid|intel_fn|amd_fn)|=[0-9a-f]{8} [0-9a-f]{8} /i;
const ARRAY_ROW_ANYWHERE = /^[ \t]{0,8}basic_cpuid\[\d{1,5}\]=[0-9a-f]{8}[ \t]/im;
const OWN_HEADING_ANYWHERE = /^_{8,64} Logical CPU #\d/im;
const TRAILER = /^-{60,}$/;
const TRAILER_ANYWHERE = /^-{60,200}[ \t]{0,8}$/m;

/** `basic_cpuid[n]` is leaf n, `ext_cpuid[n]` 80000000H + n; both hold one sub-leaf and name none. */
function arrayRow(line: string): ParsedRow | "damaged" | undefined {
  const match = ARRAY_ROW.exec(line);
  if (!match) return ARRAY_ROW_MEANT.test(line) ? "damaged" : undefined;
  const [, kind, fn = "", hex, index = "", eax = "", ebx = "", ecx = "", edx = ""] = match;
  const n = Number(index);
  const registers = registersOfHex(eax, ebx, ecx, edx);
  if (kind !== undefined) return { leaf: kind.toLowerCase() === "ext" ? 0x8000_0000 + n : n, subleaf: undefined, registers };
  // intel_fn4 and intel_fn11 are decimal, intel_fn14h and amd_fn8000001dh hexadecimal.
  const leaf = parseInt(fn, hex === "" ? 10 : 16);
  return Number.isNaN(leaf) ? "damaged" : { leaf, subleaf: n, registers };
}

function row(line: string): ParsedRow | "damaged" | undefined {
  const found = aidaRow(line);
  return found === undefined ? arrayRow(line) : found;
}

/** Reader of libcpuid's raw dumps and tests. */
export const LIBCPUID_TEST: DumpReader = {
  format: FORMAT,
  title: "libcpuid raw dump or *.test",
  recognises({ start, end }): number {
    if (ARRAY_ROW_ANYWHERE.test(start) || OWN_HEADING_ANYWHERE.test(start)) return 95;
    // Rows alone are InstLatx64's as well; the expected answers after them are not.
    if (!AIDA_ROW_ANYWHERE.test(start)) return 0;
    return TRAILER_ANYWHERE.test(start) || TRAILER_ANYWHERE.test(end) ? 80 : 0;
  },
  read(text: string): RawDump {
    return readByLine(text, { format: FORMAT, cpuLabel: aidaCpuLabel, row, ends: (line) => TRAILER.test(line) });
  },
};
