/**
 * Which context a processor runs in: Linux's preempt_count, one word per processor.
 * Sources: include/linux/preempt.h (fields), include/linux/hardirq.h (__nmi_enter, __nmi_exit); read in mail
 * archives of both files.
 *
 * in_nmi() also holds in other NMI-like entries (machine check, kernel-mode #DB, int3, double fault): they come
 * through the same counter (kernel knowledge, not re-read), so `enterNmi` is theirs too. Nothing in the
 * counter tells them apart, hence there is no second pair of functions for them.
 */

/** preempt_disable() depth, bits 0-7. */
export const PREEMPT_MASK = 0x0000_00ff;
/** Softirqs, bits 8-15: bit 8 is "serving one", the rest counts local_bh_disable(). */
export const SOFTIRQ_MASK = 0x0000_ff00;
/** Hardirqs, bits 16-19. An NMI counts here as well. */
export const HARDIRQ_MASK = 0x000f_0000;
/** NMIs, bits 20-23: four bits, so they nest 15 deep. */
export const NMI_MASK = 0x00f0_0000;
/** Deepest nesting of NMIs; one more is the kernel's BUG_ON(in_nmi() == NMI_MASK). */
export const MAX_NMI_DEPTH = 15;

const PREEMPT_OFFSET = 0x0000_0001;
const SOFTIRQ_OFFSET = 0x0000_0100;
const SOFTIRQ_DISABLE_OFFSET = 2 * SOFTIRQ_OFFSET;
const SOFTIRQ_DISABLE_MASK = SOFTIRQ_MASK & ~SOFTIRQ_OFFSET;
const HARDIRQ_OFFSET = 0x0001_0000;
const NMI_OFFSET = 0x0010_0000;

/** The innermost context, in the words of the kernel. */
export type ContextName = "task" | "softirq" | "hardirq" | "NMI";

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
    // NMI_MASK as a literal: this is on every save's way, and an exported constant is a load with a check.
    return ((this.counts[processor] as number) & 0x00f0_0000) !== 0;
  }
  /** in_nmi() as a count: 0 outside, at most 15. */
  nmiDepth(processor: number): number {
    return (this.#count(processor) & NMI_MASK) / NMI_OFFSET;
  }
  /** Hardirqs without the one that every NMI counts. */
  hardirqDepth(processor: number): number {
    return (this.#count(processor) & HARDIRQ_MASK) / HARDIRQ_OFFSET - this.nmiDepth(processor);
  }
  /** True while a softirq is served; not while softirqs are merely disabled. */
  inSoftirq(processor: number): boolean {
    return (this.#count(processor) & SOFTIRQ_OFFSET) !== 0;
  }
  /** The innermost context, as interrupt_context_level() ranks them. */
  contextName(processor: number): ContextName {
    if (this.nmiDepth(processor) > 0) return "NMI";
    if (this.hardirqDepth(processor) > 0) return "hardirq";
    return this.inSoftirq(processor) ? "softirq" : "task";
  }

  /** preempt_disable(). Throws KernelContextError at depth 255. */
  disablePreemption(processor: number): void {
    this.#add(processor, PREEMPT_OFFSET, PREEMPT_MASK, "preempt_disable() nests at most 255 deep");
  }
  /** preempt_enable(). Throws KernelContextError if preemption is not disabled. */
  enablePreemption(processor: number): void {
    this.#subtract(processor, PREEMPT_OFFSET, PREEMPT_MASK, "preempt_enable() without preempt_disable()");
  }
  /** local_bh_disable(). Throws KernelContextError at depth 127. */
  disableSoftirqs(processor: number): void {
    this.#add(processor, SOFTIRQ_DISABLE_OFFSET, SOFTIRQ_DISABLE_MASK, "local_bh_disable() nests at most 127 deep");
  }
  /** local_bh_enable(). Throws KernelContextError if softirqs are not disabled. */
  enableSoftirqs(processor: number): void {
    this.#subtract(processor, SOFTIRQ_DISABLE_OFFSET, SOFTIRQ_DISABLE_MASK, "local_bh_enable() without local_bh_disable()");
  }
  /** Starts to serve softirqs. Throws KernelContextError if the processor does already: they do not nest. */
  enterSoftirq(processor: number): void {
    this.#add(processor, SOFTIRQ_OFFSET, SOFTIRQ_OFFSET, "a softirq is being served already; they do not nest");
  }
  /** Ends serving softirqs. Throws KernelContextError if none is being served. */
  leaveSoftirq(processor: number): void {
    this.#subtract(processor, SOFTIRQ_OFFSET, SOFTIRQ_OFFSET, "no softirq is being served");
  }
  /** irq_enter(). Throws KernelContextError if the field of four bits, which NMIs share, is full. */
  enterHardirq(processor: number): void {
    this.#add(processor, HARDIRQ_OFFSET, HARDIRQ_MASK, "hardirqs and NMIs together nest at most 15 deep");
  }
  /** irq_exit(). Throws KernelContextError if no hardirq was entered; an NMI's own count is not one. */
  leaveHardirq(processor: number): void {
    if (this.hardirqDepth(processor) === 0) throw new KernelContextError(`processor ${processor}: no hardirq to leave`);
    this.#subtract(processor, HARDIRQ_OFFSET, HARDIRQ_MASK, "no hardirq to leave");
  }
  /**
   * __nmi_enter(): counts an NMI and a hardirq. Throws KernelContextError at depth 15, and where the hardirq
   * field is full (the kernel does not check that one and would count a further NMI).
   */
  enterNmi(processor: number): void {
    if (this.nmiDepth(processor) === MAX_NMI_DEPTH) {
      throw new KernelContextError(`processor ${processor}: NMIs nest at most ${MAX_NMI_DEPTH} deep`);
    }
    this.#add(processor, NMI_OFFSET + HARDIRQ_OFFSET, HARDIRQ_MASK, "hardirqs and NMIs together nest at most 15 deep");
  }
  /** __nmi_exit(). Throws KernelContextError outside an NMI: the kernel's BUG_ON(!in_nmi()). */
  leaveNmi(processor: number): void {
    this.#subtract(processor, NMI_OFFSET + HARDIRQ_OFFSET, NMI_MASK, "no NMI to leave");
  }

  #count(processor: number): number {
    const count = this.counts[processor];
    if (count === undefined) throw new RangeError(`"processor" expected 0..${this.counts.length - 1}, got ${processor}`);
    return count;
  }

  /** `field` is full when all its bits are set; adding then would carry into the next one. */
  #add(processor: number, amount: number, field: number, why: string): void {
    const count = this.#count(processor);
    if ((count & field) === field) throw new KernelContextError(`processor ${processor}: ${why}`);
    this.counts[processor] = count + amount;
  }

  #subtract(processor: number, amount: number, field: number, why: string): void {
    const count = this.#count(processor);
    if ((count & field) === 0) throw new KernelContextError(`processor ${processor}: ${why}`);
    this.counts[processor] = count - amount;
  }
}
