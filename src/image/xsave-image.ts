/** An XSAVE area in memory: its bytes, the form they have and the leaf 0DH rows that say where everything lies. */

import type { ComponentRow } from "../layout/component-row.ts";

/**
 * `standard`: XCOMP_BV = 0, extended components at CPUID's offsets. `compacted`: XCOMP_BV[63] = 1, offsets follow
 * XCOMP_BV[62:0]. `compacted-without-legacy`: Windows' XSTATE context, a compacted area that begins with the
 * XSAVE header (byte 0 here is byte 512 of an area); x87 and SSE are in the CONTEXT beside it.
 */
export const IMAGE_FORMS = ["standard", "compacted", "compacted-without-legacy"] as const;
/** One of them. */
export type ImageForm = (typeof IMAGE_FORMS)[number];

/** An area as a file or a program holds it. It may be longer than its layout (KVM's 4 KiB), or cut short. */
export interface XsaveImage {
  readonly bytes: Uint8Array;
  readonly form: ImageForm;
  /** Rows of leaf 0DH by ascending sub-leaf; `standardOffset` counts in the standard form only. */
  readonly rows: readonly ComponentRow[];
  /** `compacted-without-legacy` only: 512 bytes as FXSAVE64 stores them (CONTEXT.FltSave), where there are any. */
  readonly legacy?: Uint8Array;
}
