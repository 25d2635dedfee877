/**
 * Which context a processor runs in: Linux's preempt_count, one word per processor.
 * Sources: include/linux/preempt.h (fields), include/linux/hardirq.h (__nmi_enter, __nmi_exit); read in mail
 * archives of both files.
 *
 * in_nmi() also holds in other NMI-like entries (machine check, kernel-mode #DB, int3, double fault): they come
 * through the same counter (kernel knowledge, not re-read), so `enterNmi` is theirs too. Nothing in the
 * counter tells them apart, hence there is no second pair of functions for them.
 */

/** What a processor enters, in one or two fields of the counter, and how deep it nests. */
export interface NestedContext {
  /** In the words of the kernel. */
  readonly name: string;
  /** What entering adds to the counter. */
  readonly amount: number;
  /** The bits that are all set where one more would carry into the next field. */
  readonly full: number;
  /** How often it was entered, out of a counter. */
  readonly depth: (count: number) => number;
}

/** preempt_disable(): bits 0-7, at most 255 deep. */
export const PREEMPT_DISABLED: NestedContext = {
  name: "preempt_disable()",
  amount: 0x0000_0001,
  full: 0x0000_00ff,
  depth: (count) => count & 0xff,
};
/** local_bh_disable(): bits 9-15, at most 127 deep. */
export const SOFTIRQS_DISABLED: NestedContext = {
  name: "local_bh_disable()",
  amount: 0x0000_0200,
  full: 0x0000_fe00,
  depth: (count) => (count >>> 9) & 0x7f,
};
/** Serving softirqs: bit 8, as they do not nest. */
export const SOFTIRQ: NestedContext = {
  name: "softirq",
  amount: 0x0000_0100,
  full: 0x0000_0100,
  depth: (count) => (count >>> 8) & 1,
};
/** irq_enter(): bits 16-19, at most 15 deep. An NMI counts here as well, and is no hardirq that could be left. */
export const HARDIRQ: NestedContext = {
  name: "hardirq",
  amount: 0x0001_0000,
  full: 0x000f_0000,
  depth: (count) => ((count >>> 16) & 15) - NMI.depth(count),
};
/**
 * __nmi_enter(): bits 20-23, so NMIs nest 15 deep, and one more is the kernel's BUG_ON(in_nmi() == NMI_MASK). It counts a
 * hardirq too: where that field is full an NMI is refused (the kernel does not check it and would count a further NMI).
 */
export const NMI: NestedContext = {
  name: "NMI",
  amount: 0x0011_0000,
  full: 0x000f_0000,
  depth: (count) => (count >>> 20) & 15,
};

/** A context was entered too often or left without having been entered. The counter is unchanged. */
export class KernelContextError extends Error {
  override readonly name = "KernelContextError";
}

/** The counters of a set of processors. */
export class KernelContexts {
  /** One preempt_count per processor. */
  declare readonly counts: Int32Array;

  /**
   * Makes counters for a number of processors, all in task context, or takes a view that holds them already
   * (which may lie in a SharedArrayBuffer; a word has one writer, its processor).
   * Throws RangeError for a number that is not a positive integer.
   */
  constructor(processors: number | Int32Array) {
    if (typeof processors !== "number") {
      this.counts = processors;
      return;
    }
    if (!Number.isInteger(processors) || processors < 1) {
      throw new RangeError(`"processors" expected a positive integer, got ${processors}`);
    }
    this.counts = new Int32Array(processors);
  }

  /** in_nmi() as a condition; false for a processor that does not exist, so a gate stays shut. */
  inNmi(processor: number): boolean {
    // The bits of `NMI` as a literal: this is on every save's way, and an exported constant is a load with a check.
    return ((this.counts[processor] as number) & 0x00f0_0000) !== 0;
  }
  /** How often the processor is in a context: `depth(0, NMI)` is in_nmi() as a count, 0 outside. */
  depth(processor: number, context: NestedContext): number {
    return context.depth(this.#count(processor));
  }
  /** Throws KernelContextError where the context cannot nest deeper. */
  enter(processor: number, { name, amount, full }: NestedContext): void {
    const count = this.#count(processor);
    if ((count & full) === full)
      throw new KernelContextError(`processor ${processor}: ${name} nests at most ${full / (full & -full)} deep`);
    this.counts[processor] = count + amount;
  }
  /** Throws KernelContextError where the processor is not in the context. */
  leave(processor: number, { name, amount, depth }: NestedContext): void {
    const count = this.#count(processor);
    if (depth(count) === 0) throw new KernelContextError(`processor ${processor}: no ${name} to leave`);
    this.counts[processor] = count - amount;
  }
  /** `enter(processor, NMI)` */
  enterNmi(processor: number): void {
    this.enter(processor, NMI);
  }
  /** `leave(processor, NMI)`; outside an NMI it is the kernel's BUG_ON(!in_nmi()). */
  leaveNmi(processor: number): void {
    this.leave(processor, NMI);
  }

  #count(processor: number): number {
    const count = this.counts[processor];
    if (count === undefined) throw new RangeError(`"processor" expected 0..${this.counts.length - 1}, got ${processor}`);
    return count;
  }
}

/** The innermost context, as interrupt_context_level() ranks them; disabling preemption or softirqs is none. */
export function innermostContext(contexts: KernelContexts, processor: number): NestedContext | undefined {
  return [NMI, HARDIRQ, SOFTIRQ].find((context) => contexts.depth(processor, context) > 0);
}
