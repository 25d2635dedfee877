/**
 * umio's dumps: `0x0000000D 0x2:  0x00000100 0x00000240 0x00000000 0x00000000  [YMMHI save size: 256B]`, or in binary,
 * EAX and EBX after the leaf and ECX and EDX on the next line: `0x0000000D 0x2:  00000000_00000000_00000001_00000000  ...`.
 * First versions: `0000000Dh_x2: eax=00000100h ebx=00000240h ecx=00000000h edx=00000000h [XSTATE: size(256)]`.
 */

import { DumpCollector } from "./dump-collector.ts";
import { rowIn } from "./line-format.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";
import { forEachLine } from "./text-lines.ts";

const FORMAT = "umio-dump";
const HEADING =
  /^(?:\[(?<now>Pkg: \d{1,6}, Core: \d{1,6}, SMT: \d{1,6}, x2APIC: \d{1,6}, Thread: \d{1,6})\]|(?<first>Core ID: \d{1,6}\s{0,8}\/ Thread: \d{1,6}))$/i;
const FORM = {
  row: /^0x(?<leaf>[0-9a-f]{8}) 0x(?<subleaf>[0-9a-f]{1,8}):\s{1,8}0x(?<eax>[0-9a-f]{8}) 0x(?<ebx>[0-9a-f]{8}) 0x(?<ecx>[0-9a-f]{8}) 0x(?<edx>[0-9a-f]{8})(?:\s{1,16}\[.*)?$/i,
  meant: /^0x[0-9a-f]{4}|^[01]{8}_/i,
};
const FIRST_FORM = {
  row: /^(?<leaf>[0-9a-f]{8})h_x(?<subleaf>[0-9a-f]{1,8}): eax=(?<eax>[0-9a-f]{8})h ebx=(?<ebx>[0-9a-f]{8})h ecx=(?<ecx>[0-9a-f]{8})h edx=(?<edx>[0-9a-f]{8})h(?:\s{1,16}\[.*)?$/i,
  meant: /^[0-9a-f]{8}h_x|\be[abcd]x=[0-9a-f]{1,8}h\b/i,
};
const FIRST_HALF = /^0x([0-9a-f]{8}) 0x([0-9a-f]{1,8}):\s{1,8}([01_]{35})\s{1,8}([01_]{35})$/i;
const SECOND_HALF = /^([01_]{35})\s{1,8}([01_]{35})$/;

const hexRow = (line: string): ReturnType<typeof rowIn> => rowIn(FORM, line) ?? rowIn(FIRST_FORM, line);
const ofBits = (text: string): number => parseInt(text.replaceAll("_", ""), 2);

/** Reader of umio's text, decoded features at the right or not, hexadecimal or binary. */
export const UMIO_DUMP: DumpReader = {
  format: FORMAT,
  title: "umio CPUID dump",
  recognises: (head) => (head.hasLine((line) => typeof hexRow(line) === "object" || FIRST_HALF.test(line)) ? 90 : 0),
  read(text): RawDump {
    const collector = new DumpCollector();
    let half: { readonly line: number; readonly text: string; readonly match: RegExpExecArray } | undefined;
    forEachLine(text, (line, number) => {
      const trimmed = line.trim();
      const second = half && SECOND_HALF.exec(trimmed);
      if (half && second) {
        const [, leaf = "", subleaf = "", eax = "", ebx = ""] = half.match;
        const [, ecx = "", edx = ""] = second;
        const at = half.line;
        half = undefined;
        return collector.addRow(
          {
            leaf: parseInt(leaf, 16),
            subleaf: parseInt(subleaf, 16),
            registers: [ofBits(eax), ofBits(ebx), ofBits(ecx), ofBits(edx)],
          },
          at,
        );
      }
      if (half) collector.addBadRow(half.line, half.text);
      const first = FIRST_HALF.exec(trimmed);
      half = first ? { line: number, text: trimmed, match: first } : undefined;
      if (first) return true;
      const heading = HEADING.exec(trimmed)?.groups;
      const label = heading?.["now"] ?? heading?.["first"];
      if (label !== undefined) collector.startCpu(label);
      const row = hexRow(trimmed);
      if (row === "damaged") collector.addBadRow(number, trimmed);
      return row === undefined || row === "damaged" || collector.addRow(row, number);
    });
    if (half) collector.addBadRow(half.line, half.text);
    return collector.finish(FORMAT);
  },
};
