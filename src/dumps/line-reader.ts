/** Reads any dump in which a row is one line: a format is a grammar of single lines. */

import { DumpCollector } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";
import type { RawDump } from "./raw-dump.ts";
import { forEachLine } from "./text-lines.ts";

/** What the lines of a format mean. Expressions in it must be linear in the line's length. */
export interface LineGrammar {
  readonly format: string;
  /** Label of the logical CPU that this line heads, if it does. */
  cpuLabel(line: string): string | undefined;
  /** The row in this line; `damaged` where one was meant; undefined for anything else. */
  row(line: string): ParsedRow | "damaged" | undefined;
  /** True where what follows is no part of the dump. */
  ends?(line: string): boolean;
}

const SHOWN = 80;

/** Reads a text by a grammar. Never throws; bounded in rows and problems, linear in time. */
export function readByLine(text: string, grammar: LineGrammar): RawDump {
  const collector = new DumpCollector();
  let damaged: { line: number; text: string } | undefined;
  forEachLine(text, (line, number) => {
    const trimmed = line.trim();
    if (trimmed === "") return true;
    damaged = undefined;
    if (grammar.ends?.(trimmed)) return false;
    const label = grammar.cpuLabel(trimmed);
    if (label !== undefined) {
      collector.startCpu(label);
      return true;
    }
    const row = grammar.row(trimmed);
    if (row === undefined) return true;
    if (row !== "damaged") return collector.addRow(row, number);
    damaged = { line: number, text: trimmed.length > SHOWN ? `${trimmed.slice(0, SHOWN)}...` : trimmed };
    collector.addBadRow(number, trimmed);
    return true;
  });
  if (damaged) collector.renameLastProblem("bad-row", damaged.line, "truncated", `the dump ends inside a row: ${damaged.text}`);
  return collector.finish(grammar.format);
}
