/** What every dump reader returns: CPUID rows as printed, grouped by logical CPU, and what is wrong with them. */

import type { CpuidRegisters } from "../isa/cpuid-registers.ts";
import type { DumpHead } from "./dump-head.ts";

export type { CpuidRegisters } from "../isa/cpuid-registers.ts";

/** One row of a dump. */
export interface CpuidRow {
  readonly leaf: number;
  /** Sub-leaf (ECX); undefined where the dump prints none. */
  readonly subleaf: number | undefined;
  readonly registers: CpuidRegisters;
  /** 1-based line in the dump; 0 where there are no lines. */
  readonly line: number;
}

/** The rows of one logical CPU, policy or view in a dump. */
export interface RawCpu {
  /** As the dump names it: `CPU#000`, `CPU 0`, `Host policy`. */
  readonly label: string;
  readonly rows: readonly CpuidRow[];
}

/** Something wrong with a dump, found while reading. */
export interface DumpProblem {
  /** Stable id, kebab-case: `bad-row`, `truncated`, `no-leaf-0d`. */
  readonly rule: string;
  readonly severity: "error" | "warning";
  /** 1-based line; 0 for the dump as a whole. */
  readonly line: number;
  readonly message: string;
}

/** A dump, read. */
export interface RawDump {
  /** Reader's id: `instlatx64-aida`, `cpuid-r`, ... */
  readonly format: string;
  readonly cpus: readonly RawCpu[];
  readonly problems: readonly DumpProblem[];
}

/** One format: recognises it and reads it. Never throws on bad content. */
export interface DumpReader {
  readonly format: string;
  /** For people, in lists: `InstLatx64 / AIDA64 text`. */
  readonly title: string;
  /** 0: not this format; larger: more certain. */
  recognises(head: DumpHead): number;
  read(text: string): RawDump;
}
