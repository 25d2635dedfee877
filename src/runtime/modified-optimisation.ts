/**
 * The modified optimisation: XRSTOR_INFO and XMODIFIED of each processor, for XSAVEOPT and XSAVES.
 * Source: Intel SDM vol. 1, 13.6, 13.8.3, 13.9, 13.11 and 13.12; that XSAVEOPT skips exactly so was measured on Zen 5.
 *
 * A processor is free to skip or not; this model skips whatever the manual lets it skip. It compares places, not
 * contents: bytes that software changed in the area after the restore stay, as on silicon. The model cannot see stores
 * into a register view, so whoever writes registers says so with `wrote`; a restore says so by itself.
 */

import type { Quirks } from "../isa/vendor-behaviour.ts";
import type { ExecutionContext } from "./instruction-faults.ts";

const COMPACTED = 1n << 63n;
const PKRU = 1n << 9n;

/** The 4-tuple XRSTOR_INFO; the linear address is a buffer and a byte offset in it. */
interface XrstorInfo {
  readonly cpl: number;
  readonly vmxNonRoot: boolean;
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
  readonly xcompBv: bigint;
}

/** A place of an area and the setting in which an instruction uses it. */
export interface AreaUse {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
  readonly context: ExecutionContext;
}

/** Tracks one set of processors. `Processors` has one if made with it as `modifiedOptimisation`. */
export class ModifiedOptimisation {
  readonly #info: (XrstorInfo | undefined)[];
  readonly #modified: bigint[];
  /** Components that count as modified whatever happens. */
  readonly #always: bigint;

  constructor(count: number, { pkruModified }: Quirks) {
    this.#always = pkruModified === "always" ? PKRU : 0n;
    this.#info = Array.from({ length: count }, () => undefined);
    this.#modified = Array.from({ length: count }, () => ~0n);
  }

  /** XMODIFIED: bit i is 1 if component i may differ from what the last restore loaded. All ones before any restore. */
  xmodified(processor: number): bigint {
    return BigInt.asUintN(64, this.#modified[processor] ?? ~0n);
  }

  /** States that registers of the components in `mask` were written. Bit 1 means XMM; MXCSR is not tracked by it. */
  wrote(processor: number, mask: bigint): void {
    this.#modified[processor] = this.xmodified(processor) | mask;
  }

  /** A restore of `rfbm` from an area with this XCOMP_BV succeeded. */
  restored(processor: number, rfbm: bigint, xcompBv: bigint, { buffer, offset, context }: AreaUse): void {
    this.#modified[processor] = ~rfbm | this.#always;
    this.#info[processor] = { cpl: context.cpl ?? 0, vmxNonRoot: context.vmxNonRoot ?? false, buffer, offset, xcompBv };
  }

  /** Forgets the last restore, as a processor may at any time. */
  forget(processor: number): void {
    this.#modified[processor] = ~0n;
    this.#info[processor] = undefined;
  }

  /**
   * Components of RFBM that a save leaves out because they are unmodified: none unless CPL, VMX non-root operation,
   * address and XCOMP_BV are those of the last restore. XSAVEOPT wants an XCOMP_BV of 0, XSAVES its own.
   */
  skipped(processor: number, format: "standard" | "compacted", rfbm: bigint, use: AreaUse): bigint {
    const info = this.#info[processor];
    if (
      info === undefined ||
      info.buffer !== use.buffer ||
      info.offset !== use.offset ||
      info.cpl !== (use.context.cpl ?? 0) ||
      info.vmxNonRoot !== (use.context.vmxNonRoot ?? false) ||
      info.xcompBv !== (format === "standard" ? 0n : rfbm | COMPACTED)
    )
      return 0n;
    return rfbm & ~this.xmodified(processor);
  }
}
