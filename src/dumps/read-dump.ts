/** Text in, raw rows out, whatever the format. */

import { DumpHead, RECOGNITION_WINDOW } from "./dump-head.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";
import { DUMP_READERS } from "./registry.ts";
import { MAX_LINE_LENGTH, withoutByteOrderMark } from "./text-lines.ts";

function unknown(format: string, message: string): RawDump {
  return { format, cpus: [], problems: [{ rule: "unknown-format", severity: "error", line: 0, message }] };
}

/** The reader that is most certain about a text. */
function mostCertain(text: string): DumpReader | undefined {
  let best: DumpReader | undefined;
  let certainty = 0;
  const head = new DumpHead(text);
  for (const reader of DUMP_READERS) {
    const value = reader.recognises(head);
    if (value > certainty) [best, certainty] = [reader, value];
  }
  return best;
}

/** Characters of a text that are searched for a row: a log has its rows near the beginning, but not always within a reader's window. */
const SEARCHED = 2 ** 22;
/** Every row in a log has registers of eight digits. */
const EIGHT_DIGITS = /[0-9a-f]{8}/i;

/** The reader for a text, also where it begins with something else. Windows overlap by more than a line. */
function readerOf(text: string): DumpReader | undefined {
  const step = RECOGNITION_WINDOW - 2 * MAX_LINE_LENGTH;
  let reader = mostCertain(text);
  for (let start = step; !reader && start < Math.min(text.length, SEARCHED); start += step) {
    const window = text.slice(start, start + RECOGNITION_WINDOW);
    // From the first whole line on: what a line begins with is part of every format.
    if (EIGHT_DIGITS.test(window)) reader = mostCertain(window.slice(window.indexOf("\n") + 1));
  }
  return reader;
}

/** The text without the `> ` of a mail that quotes it; the same lines. */
const unquoted = (text: string): string => text.replace(/^[> ]{0,64}> ?/gm, "");

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
  const reader = readerOf(body);
  if (reader) return reader.read(body);
  const quoted = unquoted(body);
  const ofQuoted = quoted === body ? undefined : readerOf(quoted);
  if (ofQuoted) return ofQuoted.read(quoted);
  return unknown(
    "unknown",
    `${body.trim() === "" ? "the text is empty" : "not a CPUID dump in a known format"}; known are ${known}`,
  );
}
