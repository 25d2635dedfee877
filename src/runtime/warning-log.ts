/** WARN_ON and WARN_ON_ONCE of a gate, counted without allocating. */

/** Places that can warn, by index. */
export const WARNING_SITES = ["no XSAVES", "mask", "save fault", "restore fault", "alignment"] as const;
export const WARN_NO_XSAVES = 0;
export const WARN_MASK = 1;
export const WARN_SAVE_FAULT = 2;
export const WARN_RESTORE_FAULT = 3;
export const WARN_ALIGNMENT = 4;
const SITE_COUNT = 5;

/** One place's record. */
export interface WarningRecord {
  readonly name: (typeof WARNING_SITES)[number];
  /** How often the condition held. */
  readonly count: number;
  /** How often a message was printed: for WARN_ON_ONCE at most once. */
  readonly messages: number;
}

/**
 * Counters of a gate's warnings. "ONCE" limits the message, never the rejection. The kernel keeps one flag for
 * each inlined copy of a WARN_ON_ONCE; here xsaves() and xrstors() share that of their validation.
 */
export class WarningLog {
  /** By site: how often the condition held, and how often a message was printed. */
  readonly counts: Float64Array = new Float64Array(SITE_COUNT);
  readonly messages: Float64Array = new Float64Array(SITE_COUNT);

  /** WARN_ON_ONCE: returns true on the first occurrence, the one with a message. */
  warnOnce(site: number): boolean {
    const count = (this.counts[site] as number) + 1;
    this.counts[site] = count;
    if (this.messages[site] !== 0) return false;
    this.messages[site] = 1;
    return true;
  }
  /** WARN_ON: a message each time. */
  warn(site: number): void {
    this.counts[site] = (this.counts[site] as number) + 1;
    this.messages[site] = (this.messages[site] as number) + 1;
  }
  /** As writing to clear_warn_once: the next occurrence has a message again. */
  clearOnce(): void {
    this.messages.fill(0);
  }
}

/** The places of a log that warned. A function, so that a program that never asks does not carry their names. */
export function warningRecords({ counts, messages }: WarningLog): WarningRecord[] {
  return WARNING_SITES.map((name, site) => ({ name, count: counts[site] ?? 0, messages: messages[site] ?? 0 })).filter(
    ({ count }) => count > 0,
  );
}
