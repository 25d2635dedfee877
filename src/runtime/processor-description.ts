/** What the runtime needs to know of a CPU. A CpuModel is one, and so is a generated model module's `cpu`. */

import type { Quirks } from "../isa/vendor-behaviour.ts";
import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";

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
  readonly quirks: Quirks;
}
