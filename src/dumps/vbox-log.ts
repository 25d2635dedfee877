/**
 * VirtualBox's log: the guest's row and under it the host's of the same leaf, which names the leaf only where the guest
 * has none: `Gst: 0000000d/0002  00000100 00000240 00000000 00000000`, `Hst:                00000100 ...`.
 */

import { DumpCollector, registersOfHex } from "./dump-collector.ts";
import type { DumpReader, RawDump } from "./raw-dump.ts";
import { forEachLine } from "./text-lines.ts";

const FORMAT = "vbox-log";
const ROW =
  /\b(Gst|Hst): {1,2}(?:([0-9a-f]{8})\/([0-9a-f]{4})| {13,15})\s{1,3}([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})$/i;
const ROW_MEANT = /\b(Gst|Hst): .*[0-9a-f]{8}/i;

/** The rows of one side, in a walk of their own: the two sides alternate. */
function readSide(text: string, side: string, collector: DumpCollector): void {
  let leaf: number | undefined;
  let subleaf = 0;
  collector.startCpu(side);
  forEachLine(text, (line, number) => {
    const trimmed = line.trim();
    const match = ROW.exec(trimmed);
    if (!match) {
      const meant = ROW_MEANT.exec(trimmed)?.[1];
      if (meant === side) collector.addBadRow(number, trimmed);
      // A row that cannot be read names no leaf for the one below it.
      if (meant !== undefined) leaf = undefined;
      return true;
    }
    const [, found, leafText, subleafText, eax = "", ebx = "", ecx = "", edx = ""] = match;
    if (leafText !== undefined) {
      leaf = parseInt(leafText, 16);
      subleaf = parseInt(subleafText ?? "0", 16);
    }
    if (found !== side || leaf === undefined) return true;
    return collector.addRow({ leaf, subleaf, registers: registersOfHex(eax, ebx, ecx, edx) }, number);
  });
}

/** Reader of VBox.log: guest and host as two CPUs. */
export const VBOX_LOG: DumpReader = {
  format: FORMAT,
  title: "VirtualBox log",
  recognises: (head) => (head.hasLine((line) => ROW.test(line)) ? 90 : 0),
  read(text): RawDump {
    const collector = new DumpCollector();
    for (const side of ["Gst", "Hst"]) readSide(text, side, collector);
    return collector.finish(FORMAT);
  },
};
