/** What `import --json` and `probe --json` print. */

import type { ReadDumpModels } from "../host/load-models.ts";
import type { CpuidRegisters } from "../dumps/index.ts";

interface FindingData {
  readonly rule: string;
  readonly severity: "error" | "warning";
  readonly line: number;
  readonly message: string;
}

/** A dump as data; `leafD` as printed, only sub-leaf numbers inferred where the dump prints none. */
export interface DumpData {
  readonly file: string;
  readonly format: string;
  readonly cpus: readonly {
    readonly cpu: string;
    readonly vendor: string | null;
    readonly family: number | null;
    readonly model: number | null;
    readonly stepping: number | null;
    readonly brand: string;
    readonly leafD: Readonly<Record<string, CpuidRegisters>>;
    readonly diagnostics: readonly FindingData[];
  }[];
  /** About the dump as a whole. */
  readonly diagnostics: readonly FindingData[];
}

const finding = ({ rule, severity, line, message }: FindingData): FindingData => ({ rule, severity, line, message });

/** A dump that was read, as data. */
export function dumpData(file: string, { format, cpus, diagnostics }: ReadDumpModels): DumpData {
  return {
    file,
    format,
    cpus: cpus.map((cpu) => ({
      cpu: cpu.cpu,
      vendor: cpu.vendor ?? null,
      family: cpu.family ?? null,
      model: cpu.model ?? null,
      stepping: cpu.stepping ?? null,
      brand: cpu.brand,
      leafD: Object.fromEntries([...cpu.leafD].map(([subleaf, { registers }]) => [String(subleaf), registers])),
      diagnostics: cpu.diagnostics.map(finding),
    })),
    diagnostics: diagnostics.map(finding),
  };
}
