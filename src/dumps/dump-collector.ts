/** Gathers what a reader finds, within bounds that no real dump reaches and no hostile one passes. */

import type { CpuidRegisters, CpuidRow, DumpProblem, RawCpu, RawDump } from "./raw-dump.ts";

/** Rows kept of one dump: 2048 logical CPUs with 128 rows each. */
export const MAX_ROWS = 262_144;
/** Logical CPUs kept of one dump. */
export const MAX_CPUS = 8_192;
/** Problems kept of one dump; one more says that there were others. */
export const MAX_PROBLEMS = 256;

/** Characters of a bad row that are shown. */
const SHOWN = 80;

/** A row as a grammar finds it in a line. */
export interface ParsedRow {
  readonly leaf: number;
  readonly subleaf: number | undefined;
  readonly registers: CpuidRegisters;
}

/** The registers of four groups of hexadecimal digits. */
export function registersOfHex(eax: string, ebx: string, ecx: string, edx: string): CpuidRegisters {
  return [parseInt(eax, 16), parseInt(ebx, 16), parseInt(ecx, 16), parseInt(edx, 16)];
}

/** Collects rows by logical CPU. */
export class DumpCollector {
  readonly #cpus: { label: string; rows: CpuidRow[] }[] = [];
  readonly #problems: DumpProblem[] = [];
  #problemsLeftOut = 0;
  #rows = 0;
  #hasLeaf0 = false;

  /** Opens a logical CPU. One that gets no rows (a section of MSRs) is dropped at the end. */
  startCpu(label: string): void {
    if (this.#cpus.at(-1)?.rows.length === 0) this.#cpus.pop();
    this.#cpus.push({ label, rows: [] });
    this.#hasLeaf0 = false;
  }

  /**
   * Adds a row to the open CPU. Where CPUs follow each other without a heading, a second
   * leaf 0 opens the next. Returns false when a bound is reached and reading should stop.
   */
  addRow(row: ParsedRow, line: number): boolean {
    const isLeaf0 = row.leaf === 0 && (row.subleaf ?? 0) === 0;
    if (this.#cpus.length === 0 || (isLeaf0 && this.#hasLeaf0)) this.startCpu(`CPU ${this.#cpus.length}`);
    const open = this.#cpus.at(-1);
    if (!open) return false;
    if (this.#rows >= MAX_ROWS || this.#cpus.length > MAX_CPUS) {
      this.#cpus.splice(MAX_CPUS);
      this.addProblem({
        rule: "too-many-rows",
        severity: "error",
        line,
        message: `more than ${MAX_ROWS} rows or ${MAX_CPUS} logical CPUs: the rest is not read`,
      });
      return false;
    }
    if (isLeaf0) this.#hasLeaf0 = true;
    this.#rows++;
    open.rows.push({ ...row, line });
    return true;
  }

  /** Notes a problem, or counts it once there are too many. */
  addProblem(problem: DumpProblem): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(problem);
    else this.#problemsLeftOut++;
  }

  /** Notes a line that was meant to be a row and is not a whole one. */
  addBadRow(line: number, text: string): void {
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
    this.addProblem({ rule: "bad-row", severity: "error", line, message: `not a whole CPUID row, left out: ${shown}` });
  }

  /** Gives the problem noted last another rule and message, if it is of rule `from` and line `line`. */
  renameLastProblem(from: string, line: number, rule: string, message: string): void {
    const last = this.#problems.at(-1);
    if (last?.rule === from && last.line === line) this.#problems.splice(-1, 1, { ...last, rule, message });
  }

  /** The dump. */
  finish(format: string): RawDump {
    const cpus: RawCpu[] = this.#cpus.filter((cpu) => cpu.rows.length > 0);
    const problems = [...this.#problems];
    if (this.#problemsLeftOut > 0) {
      problems.push({
        rule: "too-many-problems",
        severity: "warning",
        line: 0,
        message: `${this.#problemsLeftOut} more problems are not listed`,
      });
    }
    if (cpus.length === 0) {
      problems.push({ rule: "no-rows", severity: "error", line: 0, message: `no CPUID row of format ${format} in this text` });
    }
    return { format, cpus, problems };
  }
}
