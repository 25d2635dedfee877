/**
 * Processors that run register-writing code while NMIs arrive: where incoherent snapshots come from.
 * An NMI is taken between two instructions, never inside one. A single register is therefore whole in every
 * snapshot, and a set of registers that takes several instructions to write need not be.
 */

import { hasBit, maskPair } from "../isa/feature-mask.ts";
import type { KernelContexts } from "../runtime/kernel-context.ts";
import type { Processors } from "../runtime/processors.ts";
import { XINUSE_OFFSET } from "../runtime/register-slots.ts";
import { initialise } from "../runtime/write-registers.ts";

/** One instruction: all of its effect, at once. */
export type Instruction = (processor: number) => void;

/** Says, before each instruction, which processor goes on and whether an NMI hits it first. */
export interface Schedule {
  /** Index of the next processor, one of `running` (not empty). */
  next(running: readonly number[]): number;
  /** True if an NMI hits the processor before its instruction number `retired`. */
  nmi(processor: number, retired: number): boolean;
}

/** Runs a program on each processor to its end; `onNmi` runs in NMI context of its processor. */
export function runInterleaved(
  programs: readonly (readonly Instruction[])[],
  contexts: KernelContexts,
  schedule: Schedule,
  onNmi: (processor: number, retired: number) => void,
): void {
  const retired = programs.map(() => 0);
  const running = programs.map((_, processor) => processor).filter((processor) => programs[processor]!.length > 0);
  while (running.length > 0) {
    const processor = schedule.next(running);
    const program = programs[processor];
    const at = retired[processor];
    if (!program || at === undefined || !running.includes(processor)) {
      throw new RangeError(`the schedule chose processor ${processor}, which has nothing to run`);
    }
    if (schedule.nmi(processor, at)) {
      contexts.enterNmi(processor);
      try {
        onNmi(processor, at);
      } finally {
        contexts.leaveNmi(processor);
      }
    }
    program[at]!(processor);
    retired[processor] = at + 1;
    if (at + 1 === program.length) running.splice(running.indexOf(processor), 1);
  }
}

/** Writes registers as instructions do, XINUSE included (tracking by write: what is written is in use until initialised). */
export class RegisterWriter {
  readonly #processors: Processors;
  readonly #xcr0: bigint;

  constructor(processors: Processors) {
    this.#processors = processors;
    this.#xcr0 = processors.cpu.xcr0Supported;
  }

  /**
   * A full-width vector move: `value` into every quadword of vector `index` (0-31) at `qwords` (2, 4 or 8). A VEX or
   * EVEX write clears the register above its width, as these do; the upper halves' XINUSE bits then stay as they are.
   */
  vector(processor: number, index: number, qwords: 2 | 4 | 8, value: bigint): void {
    if (index < 0 || index > 31 || (index > 15 && !hasBit(this.#xcr0, 7))) {
      throw new RangeError(`"index": ${this.#processors.cpu.id} has no vector register ${index}`);
    }
    if (index > 15) {
      this.#fill(processor, 7, 64 * (index - 16), 8, (quadword) => (quadword < qwords ? value : 0n));
      return this.#use(processor, 1n << 7n);
    }
    this.#fill(processor, 1, 160 + 16 * index, 2, () => value);
    let used = 2n;
    if (hasBit(this.#xcr0, 2)) {
      this.#fill(processor, 2, 16 * index, 2, () => (qwords >= 4 ? value : 0n));
      if (qwords >= 4) used |= 4n;
    }
    if (hasBit(this.#xcr0, 6)) {
      this.#fill(processor, 6, 32 * index, 4, () => (qwords >= 8 ? value : 0n));
      if (qwords >= 8) used |= 1n << 6n;
    }
    this.#use(processor, used);
  }

  /** KMOVQ into k0-k7. */
  predicate(processor: number, index: number, value: bigint): void {
    this.#fill(processor, 5, 8 * index, 1, () => value);
    this.#use(processor, 1n << 5n);
  }

  /** A move into r16-r31. */
  extendedGeneral(processor: number, index: number, value: bigint): void {
    if (index < 16 || index > 31) throw new RangeError(`"index" expected 16..31, got ${index}`);
    this.#fill(processor, 19, 8 * (index - 16), 1, () => value);
    this.#use(processor, 1n << 19n);
  }

  /** SSP, as RSTORSSP or a call sets it. */
  shadowStackPointer(processor: number, value: bigint): void {
    this.#fill(processor, 11, 8, 1, () => value);
    this.#use(processor, 1n << 11n);
  }

  /** VZEROUPPER: AVX and ZMM_Hi256 to their initial configuration (CPUs differ in XINUSE; this one notices). */
  zeroUpper(processor: number): void {
    initialise(this.#processors, processor, (1n << 2n) | (1n << 6n));
  }

  #fill(processor: number, component: number, offset: number, quadwords: number, value: (quadword: number) => bigint): void {
    const bytes = this.#processors.component(processor, component);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < quadwords; i++) view.setBigUint64(offset + 8 * i, value(i), true);
  }

  #use(processor: number, components: bigint): void {
    const [low, high] = maskPair(components);
    const word = (processor * this.#processors.blockSize + XINUSE_OFFSET) >> 2;
    this.#processors.i32[word]! |= low;
    this.#processors.i32[word + 1]! |= high;
  }
}
