/** What the runtime needs to know of a CPU. A CpuModel is one, and so is a generated model module's `cpu`. */

import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";

/** How FOP, FIP and FDP are saved; see `X87PointerRule` of the model. */
export type X87Pointers = "saved" | "zero-unless-es" | "kept-unless-es";

/** A CPU as the runtime sees it. */
export interface ProcessorDescription extends LayoutSource {
  readonly id: string;
  readonly xcr0Supported: bigint;
  readonly xssSupported: bigint;
  readonly instructions: {
    readonly xsaveopt: boolean;
    readonly xsavec: boolean;
    readonly xgetbv1: boolean;
    readonly xsaves: boolean;
    readonly xfd: boolean;
  };
  readonly components: readonly ComponentRow[];
  readonly quirks: {
    readonly x87Pointers: X87Pointers;
    readonly mxcsrMask: number;
    /** Bytes 4-7 of PKRU are left as they are (measured on Zen 3); absent: written as zeros. */
    readonly pkruUpperBytes?: "kept" | undefined;
  };
}
