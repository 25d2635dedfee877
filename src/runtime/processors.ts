/** Register files: the emulated registers of a set of logical processors of one CPU, in one buffer. */

import { maskOf, maskPair, maskWithNames } from "../isa/feature-mask.ts";
import { componentName, initialBytes } from "../isa/state-component.ts";
import { INITIAL_MXCSR, MXCSR_MASK_OFFSET, MXCSR_OFFSET } from "../isa/xsave-area.ts";
import { acceptedXcr0 } from "./control-registers.ts";
import type { ModifiedOptimisation } from "./modified-optimisation.ts";
import type { ProcessorDescription } from "./processor-description.ts";
import { registerSlots, type RegisterSlots, XCR0_OFFSET, XFD_OFFSET, XINUSE_OFFSET, XSS_OFFSET } from "./register-slots.ts";

/** Most logical processors in one set. */
export const MAX_PROCESSORS = 4096;

/** Settings of a set of processors. */
export interface ProcessorsOptions {
  /** Number of logical processors, 1 .. 4096; 1 if absent. */
  readonly count?: number;
  /** XCR0 of each; everything supported that may be set together if absent. */
  readonly xcr0?: bigint;
  /** IA32_XSS of each; everything supported if absent. */
  readonly xss?: bigint;
  /**
   * `ModifiedOptimisation`: XSAVEOPT and XSAVES leave out what was not modified since a matching restore. Whoever writes
   * registers through a view then has to say so with `wrote`. If absent, no save leaves anything out for that reason, which is
   * legal everywhere (the model's `modifiedOptimisation` tells where it was seen).
   */
  readonly modifiedOptimisation?: typeof ModifiedOptimisation;
}

/**
 * Register files of `count` logical processors.
 *
 * What the views show is the register state, so it must be one that registers can hold: the six pad bytes of
 * each ST slot and byte 5 of the x87 control part are 0 (`loadLegacy` of `write-registers.ts` sees to it), and XINUSE[i] = 1 for every
 * component that is not in its initial configuration. XINUSE is the caller's statement: clearing a bit
 * declares the component initial, and every save then behaves as if it were, whatever its bytes hold.
 */
export class Processors {
  readonly cpu: ProcessorDescription;
  readonly count: number;
  readonly slots: RegisterSlots;
  /** Bytes of one processor's block. */
  readonly blockSize: number;
  /** Blocks 0 .. count-1 are processors; block `count` holds the initial configuration and is never changed. */
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly b64: BigUint64Array<ArrayBuffer>;
  /** XRSTOR_INFO and XMODIFIED, if the set was made with `modifiedOptimisation`. */
  readonly modifiedOptimisation: ModifiedOptimisation | undefined;

  /** Throws RangeError for a count or masks that the CPU does not allow. */
  constructor(cpu: ProcessorDescription, options: ProcessorsOptions = {}) {
    const count = options.count ?? 1;
    if (!Number.isInteger(count) || count < 1 || count > MAX_PROCESSORS) {
      throw new RangeError(`"count" expected an integer 1..${MAX_PROCESSORS}, got ${count}`);
    }
    this.cpu = cpu;
    this.count = count;
    this.slots = registerSlots(cpu);
    this.blockSize = this.slots.blockSize;
    const buffer = new ArrayBuffer(this.blockSize * (count + 1));
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.b64 = new BigUint64Array(buffer);
    this.modifiedOptimisation = options.modifiedOptimisation && new options.modifiedOptimisation(count, cpu.quirks);
    const xcr0 = options.xcr0 ?? acceptedXcr0(cpu.xcr0Supported);
    const accepted = acceptedXcr0(xcr0);
    if (xcr0 !== accepted)
      throw new RangeError(
        `"xcr0": XSETBV refuses ${maskWithNames(xcr0)}, of which it takes ${maskWithNames(accepted)}; xcr0Violations() says why`,
      );
    const initial = count * this.blockSize;
    this.i32[(initial + MXCSR_OFFSET) >> 2] = INITIAL_MXCSR;
    this.i32[(initial + MXCSR_MASK_OFFSET) >> 2] = cpu.quirks.mxcsrMask;
    for (const index of [0, ...this.slots.slots.keys()]) {
      const start = initial + (this.slots.slots.get(index)?.offset ?? 0);
      for (const { bytes, offset } of initialBytes(index)) this.u8.set(bytes, start + offset);
    }
    for (let processor = 0; processor < count; processor++) {
      this.u8.copyWithin(processor * this.blockSize, initial);
      this.#setMask(processor, XCR0_OFFSET, xcr0, cpu.xcr0Supported, "XCR0");
      this.#setMask(processor, XSS_OFFSET, options.xss ?? cpu.xssSupported, cpu.xssSupported, "IA32_XSS");
    }
  }

  /** XINUSE: components not in their initial configuration. Bit 1 is about XMM alone, not MXCSR. */
  xinuse(processor: number): bigint {
    return this.#mask(processor, XINUSE_OFFSET);
  }
  /** States which components are in use. Throws RangeError for a bit that the CPU lacks. */
  setXinuse(processor: number, xinuse: bigint): void {
    this.#setMask(processor, XINUSE_OFFSET, xinuse, this.cpu.xcr0Supported | this.cpu.xssSupported, "XINUSE");
  }
  /**
   * States that registers of the components in `mask` were written: they are in use and modified from now on. Bit 1
   * stands for XMM, and for MXCSR where XSAVES is used with the modified optimisation.
   */
  wrote(processor: number, mask: bigint): void {
    maskPair(mask);
    this.setXinuse(processor, this.xinuse(processor) | mask);
    this.modifiedOptimisation?.wrote(processor, mask);
  }
  /** XCR0: what XSETBV enabled; bits are a part of `cpu.xcr0Supported`. Throws RangeError for a processor that is not there. */
  xcr0(processor: number): bigint {
    return this.#mask(processor, XCR0_OFFSET);
  }
  /** IA32_XSS: supervisor components that XSAVES and XRSTORS manage; a part of `cpu.xssSupported`. Throws as `xcr0` does. */
  xss(processor: number): bigint {
    return this.#mask(processor, XSS_OFFSET);
  }
  /** IA32_XFD: a component disabled here is saved as if it were in its initial configuration (SDM vol. 1, 13.14). */
  xfd(processor: number): bigint {
    return this.#mask(processor, XFD_OFFSET);
  }

  /**
   * A view of one component's registers, in the component's own layout; for 0 and 1 the whole legacy
   * region (512 bytes as FXSAVE64 stores it). Make it once and keep it; it never moves.
   */
  component(processor: number, index: number): Uint8Array<ArrayBuffer> {
    const base = this.base(processor);
    if (index === 0 || index === 1) return this.u8.subarray(base, base + 512);
    const row = this.cpu.components.find((each) => each.index === index);
    const slot = this.slots.slots.get(index);
    if (!row || !slot) throw new RangeError(`"index": ${this.cpu.id} has no ${componentName(index)}`);
    return this.u8.subarray(base + slot.offset, base + slot.offset + row.size);
  }

  /** Byte offset of a processor's block. Throws RangeError for a processor that does not exist. */
  base(processor: number): number {
    if (!Number.isInteger(processor) || processor < 0 || processor >= this.count) {
      throw new RangeError(`"processor" expected 0..${this.count - 1}, got ${processor}`);
    }
    return processor * this.blockSize;
  }

  #mask(processor: number, offset: number): bigint {
    const word = (this.base(processor) + offset) >> 2;
    return maskOf(this.i32[word] ?? 0, this.i32[word + 1] ?? 0);
  }

  #setMask(processor: number, offset: number, mask: bigint, allowed: bigint, name: string): void {
    maskPair(mask);
    if (mask & ~allowed)
      throw new RangeError(
        `${name}: ${this.cpu.id} has no ${maskWithNames(mask & ~allowed)}; allowed is ${maskWithNames(allowed)}`,
      );
    storeMask(this, processor, offset, mask);
  }
}

/** Stores a mask at an offset of a processor's side state, whatever it is. Throws RangeError for a processor that does not exist. */
export function storeMask(processors: Processors, processor: number, offset: number, mask: bigint): void {
  const word = (processors.base(processor) + offset) >> 2;
  [processors.i32[word], processors.i32[word + 1]] = maskPair(mask);
}
