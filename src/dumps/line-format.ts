/** A reader of a format in which a row is one line with leaf, sub-leaf and registers in hexadecimal. */

import { registersOfHex } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";
import { readByLine } from "./line-reader.ts";
import type { DumpReader } from "./raw-dump.ts";

/** What sets one such format apart. Expressions see trimmed lines and must be linear in their length. */
export interface LineFormat {
  readonly format: string;
  readonly title: string;
  /** A whole row: groups `leaf`, `eax`, `ebx`, `ecx`, `edx` and, where the dump prints one, `subleaf`. */
  readonly row: RegExp;
  /** A line in which a row was meant, whole or not. */
  readonly meant: RegExp;
  /** Heads a logical CPU; its first group is the label. */
  readonly heading?: RegExp;
  /** Has to be in the text as well; for rows that several tools print alike. */
  readonly sign?: RegExp;
}

/** How certain a reader is that has found a whole row of its own. */
const CERTAINTY = 90;

/** The row in a trimmed line, by the format's expressions. */
export function rowIn({ row, meant }: Pick<LineFormat, "row" | "meant">, line: string): ParsedRow | "damaged" | undefined {
  const groups = row.exec(line)?.groups;
  if (!groups) return meant.test(line) ? "damaged" : undefined;
  const { leaf = "", subleaf, eax = "", ebx = "", ecx = "", edx = "" } = groups;
  return {
    leaf: parseInt(leaf, 16),
    subleaf: subleaf === undefined ? undefined : parseInt(subleaf, 16),
    registers: registersOfHex(eax, ebx, ecx, edx),
  };
}

/** Makes the reader. */
export function lineFormat(form: LineFormat): DumpReader {
  const { format, title, row, heading, sign } = form;
  return {
    format,
    title,
    recognises: (head) => (sign?.test(head.start) !== false && head.hasLine((line) => row.test(line)) ? CERTAINTY : 0),
    read: (text) => readByLine(text, { format, cpuLabel: (line) => heading?.exec(line)?.[1], row: (line) => rowIn(form, line) }),
  };
}
