/** Register files: the emulated registers of a set of logical processors of one CPU, in one buffer. */

import { maskOf, maskPair, maskWithNames } from "../isa/feature-mask.ts";
import { componentName, initialBytes } from "../isa/state-component.ts";
import {
  INITIAL_MXCSR,
  LEGACY_UNWRITTEN_OFFSET,
  MXCSR_MASK_OFFSET,
  MXCSR_OFFSET,
  ST_OFFSET,
  XMM_OFFSET,
} from "../isa/xsave-area.ts";
import { x87PointerBits } from "../isa/vendor-behaviour.ts";
import { type ControlViolation, acceptedXcr0, xcr0Violations, xfdViolations, xssViolations } from "./control-registers.ts";
import { ModifiedOptimisation } from "./modified-optimisation.ts";
import type { ProcessorDescription } from "./processor-description.ts";
import {
  FCS_OFFSET,
  registerSlots,
  type RegisterSlots,
  XCR0_OFFSET,
  XFD_OFFSET,
  XINUSE_OFFSET,
  XSS_OFFSET,
} from "./register-slots.ts";

/** Upper halves of FIP and FDP. */
const X87_FIP_HIGH = 12;
const X87_FDP_HIGH = 20;

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
   * True: XSAVEOPT and XSAVES leave out what was not modified since a matching restore. Whoever writes registers through
   * a view then has to say so with `wrote`. False if absent: no save leaves anything out for that reason, which is legal
   * everywhere (the model's `modifiedOptimisation` tells where it was seen).
   */
  readonly modifiedOptimisation?: boolean;
}

/**
 * Register files of `count` logical processors.
 *
 * What the views show is the register state, so it must be one that registers can hold: the six pad bytes of
 * each ST slot and byte 5 of the x87 control part are 0 (`loadLegacy` sees to it), and XINUSE[i] = 1 for every
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
    this.modifiedOptimisation = options.modifiedOptimisation === true ? new ModifiedOptimisation(count, cpu.quirks) : undefined;
    const xcr0 = options.xcr0 ?? acceptedXcr0(cpu.xcr0Supported);
    const xss = options.xss ?? cpu.xssSupported;
    for (let block = 0; block <= count; block++) this.#writeInitial(block, ~0n);
    for (let processor = 0; processor < count; processor++) {
      this.setXcr0(processor, xcr0);
      this.setXss(processor, xss);
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
    this.setXinuse(processor, this.xinuse(processor) | mask);
    this.modifiedOptimisation?.wrote(processor, mask);
  }
  xcr0(processor: number): bigint {
    return this.#mask(processor, XCR0_OFFSET);
  }
  /** As XSETBV with ECX = 0. Throws RangeError with every reason where XSETBV would raise #GP (SDM vol. 1, 13.3). */
  setXcr0(processor: number, xcr0: bigint): void {
    refuse("XCR0", xcr0, xcr0Violations(this.cpu, xcr0));
    this.#setMask(processor, XCR0_OFFSET, xcr0, this.cpu.xcr0Supported, "XCR0");
  }
  xss(processor: number): bigint {
    return this.#mask(processor, XSS_OFFSET);
  }
  /** As WRMSR to IA32_XSS. Throws RangeError where it would raise #GP. */
  setXss(processor: number, xss: bigint): void {
    refuse("IA32_XSS", xss, xssViolations(this.cpu, xss));
    this.#setMask(processor, XSS_OFFSET, xss, this.cpu.xssSupported, "IA32_XSS");
  }
  xfd(processor: number): bigint {
    return this.#mask(processor, XFD_OFFSET);
  }
  /** IA32_XFD: a component disabled here is saved as if it were in its initial configuration (SDM vol. 1, 13.14). */
  setXfd(processor: number, xfd: bigint): void {
    refuse("IA32_XFD", xfd, xfdViolations(this.cpu, xfd));
    this.#setMask(processor, XFD_OFFSET, xfd, this.cpu.xcr0Supported, "IA32_XFD");
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

  /** Loads x87, MXCSR, MXCSR_MASK and XMM from an FXSAVE64 image, clearing the bytes and pointer bits that no register has. */
  loadLegacy(processor: number, fxsave: Uint8Array): void {
    if (fxsave.length < LEGACY_UNWRITTEN_OFFSET) {
      throw new RangeError(`"fxsave" expected at least ${LEGACY_UNWRITTEN_OFFSET} bytes, got ${fxsave.length}`);
    }
    const base = this.base(processor);
    this.u8.set(fxsave.subarray(0, LEGACY_UNWRITTEN_OFFSET), base);
    this.u8[base + 5] = 0;
    for (let st = 0; st < 8; st++) {
      const pad = base + ST_OFFSET + 16 * st + 10;
      this.u8.fill(0, pad, pad + 6);
    }
    const unused = 64 - x87PointerBits(this.cpu.quirks);
    for (const high of [X87_FIP_HIGH, X87_FDP_HIGH]) {
      const word = (base + high) >> 2;
      this.i32[word] = ((this.i32[word] ?? 0) << unused) >> unused;
    }
  }

  /**
   * Puts the components of a mask into their initial configuration and clears their XINUSE bits. Bit 1
   * covers XMM only: MXCSR has no initial state of its own (SDM vol. 1, 13.6).
   */
  initialise(processor: number, mask: bigint): void {
    this.base(processor);
    this.#writeInitial(processor, mask, false);
    const word = (processor * this.blockSize + XINUSE_OFFSET) >> 2;
    const [low, high] = maskPair(this.xinuse(processor) & ~mask);
    this.i32[word] = low;
    this.i32[word + 1] = high;
    this.modifiedOptimisation?.wrote(processor, mask);
  }

  #writeInitial(block: number, mask: bigint, withMxcsr = true): void {
    const base = block * this.blockSize;
    if (mask & 1n) {
      this.u8.fill(0, base, base + MXCSR_OFFSET);
      this.u8.fill(0, base + ST_OFFSET, base + XMM_OFFSET);
      this.i32[(base + FCS_OFFSET) >> 2] = 0;
    }
    if (mask & 2n) this.u8.fill(0, base + XMM_OFFSET, base + LEGACY_UNWRITTEN_OFFSET);
    if (withMxcsr) {
      this.i32[(base + MXCSR_OFFSET) >> 2] = INITIAL_MXCSR;
      this.i32[(base + MXCSR_MASK_OFFSET) >> 2] = this.cpu.quirks.mxcsrMask;
    }
    for (const [index, slot] of this.slots.slots) {
      if ((mask >> BigInt(index)) & 1n) this.u8.fill(0, base + slot.offset, base + slot.offset + slot.width);
    }
    for (const index of [0, ...this.slots.slots.keys()]) {
      if (!((mask >> BigInt(index)) & 1n)) continue;
      const start = base + (this.slots.slots.get(index)?.offset ?? 0);
      for (const part of initialBytes(index)) this.u8.set(part.bytes, start + part.offset);
    }
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
    const word = (this.base(processor) + offset) >> 2;
    const [low, high] = maskPair(mask);
    if (mask & ~allowed) {
      throw new RangeError(
        `${name}: ${this.cpu.id} has no ${maskWithNames(mask & ~allowed)}; allowed is ${maskWithNames(allowed)}`,
      );
    }
    this.i32[word] = low;
    this.i32[word + 1] = high;
  }
}

function refuse(register: string, value: bigint, violations: readonly ControlViolation[]): void {
  if (violations.length > 0)
    throw new RangeError(
      `${register} = ${maskWithNames(value)} is not allowed: ${violations.map(({ message }) => message).join("; ")}`,
    );
}
