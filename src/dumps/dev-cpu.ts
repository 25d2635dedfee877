/** What a probe of `/dev/cpu/N/cpuid` found, as a dump. There is no text: the rows come from memory. */

import { DumpCollector } from "./dump-collector.ts";
import type { ParsedRow } from "./dump-collector.ts";
import type { RawDump } from "./raw-dump.ts";

/** Format of a probe's result. */
export const DEV_CPU_FORMAT = "dev-cpu";

/** The rows read on one logical CPU. */
export interface ProbedCpu {
  /** N of `/dev/cpu/N`. */
  readonly number: number;
  readonly rows: readonly ParsedRow[];
}

/** Puts probed rows into a dump; every row has line 0. */
export function devCpuDump(cpus: readonly ProbedCpu[]): RawDump {
  const collector = new DumpCollector();
  for (const cpu of cpus) {
    collector.startCpu(`CPU ${cpu.number}`);
    for (const row of cpu.rows) {
      if (!collector.addRow(row, 0)) return collector.finish(DEV_CPU_FORMAT);
    }
  }
  return collector.finish(DEV_CPU_FORMAT);
}
