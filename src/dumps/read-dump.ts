/** Text in, raw rows out, whatever the format. */

import type { DumpReader, RawDump } from "./raw-dump.ts";
import { DUMP_READERS } from "./registry.ts";
import { withoutByteOrderMark } from "./text-lines.ts";

function unknown(format: string, message: string): RawDump {
  return { format, cpus: [], problems: [{ rule: "unknown-format", severity: "error", line: 0, message }] };
}

/**
 * Reads a dump with the reader that is most certain about it, or with the one named.
 * Never throws: a text that no reader knows gives a dump without CPUs and the problem `unknown-format`.
 */
export function readDump(text: string, format?: string): RawDump {
  const known = DUMP_READERS.map((reader) => reader.format).join(", ");
  if (format !== undefined) {
    const named = DUMP_READERS.find((reader) => reader.format === format);
    return named ? named.read(text) : unknown(format, `no reader for format "${format}"; there are ${known}`);
  }
  const body = withoutByteOrderMark(text);
  let best: DumpReader | undefined;
  let certainty = 0;
  for (const reader of DUMP_READERS) {
    const value = reader.recognises(body);
    if (value > certainty) [best, certainty] = [reader, value];
  }
  if (best) return best.read(body);
  return unknown(
    "unknown",
    `${body.trim() === "" ? "the text is empty" : "not a CPUID dump in a known format"}; known are ${known}`,
  );
}
