/** The outcome of replaying records, and its counting. */

import { quoteText } from "../model/diagnostic.ts";
import type { Difference } from "./area-difference.ts";
import { unknownDeviation } from "./deviations.ts";
import type { RestoreInstruction, SaveInstruction, VectorRecord } from "./vector-record.ts";

/** Which implementation ran. */
export type SaverKind = "generated" | "general";

/**
 * The first byte of a component that is not as recorded. Saves: byte offsets in the area, and `outside` the area and
 * `UINTR_MISC after the save` occur too. Restores: byte offsets in the component's registers (x87, MXCSR and SSE: as
 * FXSAVE64 stores them), and `fault`, `XINUSE` and `register file after a refused restore` occur too. Both: `deviation`
 * (one is named, and the record comes out without it), and `record` (no CPU can have given it).
 */
export interface VectorFailure extends Difference {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly instruction: SaveInstruction | RestoreInstruction;
  readonly saver: SaverKind;
  /** Name of the generated saver or restore, or `general`. */
  readonly form: string;
}

/**
 * Outcome; a record passes if every path agrees with it. Deviating records pass only with their deviation: without it they
 * must differ. One that names a deviation which is not known is executed all the same, and skipped where it agrees.
 */
export interface VerifyResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Records by deviation, of those that were executed: named in the record, or found (LOADED_BEFORE_FAULT). */
  readonly deviating: Readonly<Record<string, number>>;
  /** Records that each implementation reproduced. */
  readonly bySaver: Readonly<Record<SaverKind, number>>;
  /** Records that passed, by instruction. */
  readonly byInstruction: Readonly<Record<string, number>>;
  /** Skipped records by reason. */
  readonly skippedBy: Readonly<Record<string, number>>;
  /** Of those that passed, records executed inside an NMI handler. */
  readonly inNmi: number;
  /** Generated savers and restores that ran at least once, told apart by name and size of the area. */
  readonly saversRun: number;
  readonly failures: readonly VectorFailure[];
}

/** Counts while files are read. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  inNmi = 0;
  readonly forms: Set<string> = new Set();
  readonly deviating: Record<string, number> = {};
  readonly bySaver: Record<SaverKind, number> = { generated: 0, general: 0 };
  readonly byInstruction: Record<string, number> = {};
  readonly skippedBy: Record<string, number> = {};
  readonly failures: VectorFailure[] = [];

  skip(reason: string): void {
    this.skipped++;
    this.skippedBy[reason] = (this.skippedBy[reason] ?? 0) + 1;
  }

  /** `found`: deviations that the record shows beyond those that it names. */
  count(
    record: VectorRecord,
    ran: ReadonlySet<SaverKind>,
    failures: readonly VectorFailure[],
    found: readonly string[] = [],
  ): void {
    const unknown = unknownDeviation(record);
    if (unknown !== undefined && failures.length === 0)
      return this.skip(`agrees, but names a deviation that is not known: ${quoteText(unknown)}`);
    for (const reason of new Set([...record.deviations, ...found])) this.deviating[reason] = (this.deviating[reason] ?? 0) + 1;
    for (const saver of ran) if (!failures.some((each) => each.saver === saver)) this.bySaver[saver]++;
    if (failures.length > 0) {
      this.failed++;
      this.failures.push(...failures);
      return;
    }
    this.passed++;
    if (record.kind === "save" && record.nmi) this.inNmi++;
    this.byInstruction[record.instruction] = (this.byInstruction[record.instruction] ?? 0) + 1;
  }

  result(): VerifyResult {
    const { forms, ...rest } = this;
    return { ...rest, saversRun: forms.size };
  }
}
