/** What a file says, or lets one guess, about the layout of the XSAVE areas in it. */

import type { ImageForm } from "./xsave-image.ts";

/** A component's place as a file states it (NT_X86_XSAVE_LAYOUT, a minidump's feature table). */
export interface DeclaredRow {
  readonly index: number;
  /** Bytes. */
  readonly size: number;
  /** Byte offset in the standard format. */
  readonly standardOffset: number;
  /** As the file has them; Linux always writes 0. */
  readonly flags?: number;
}

/** Everything a file tells about a layout. */
export interface LayoutEvidence {
  /** Rows that the file itself holds, and what they are called there: `NT_X86_XSAVE_LAYOUT`. */
  readonly declared?: { readonly source: string; readonly rows: readonly DeclaredRow[] };
  /** User components of the system that wrote the area, and where that stands: `byte 464`. */
  readonly userFeatures?: { readonly mask: bigint; readonly where: string };
  /** Bytes of the area in the file. */
  readonly size: number;
  /** True where the size was chosen by the carrier and tells nothing (KVM's 4096 bytes); absent: false. */
  readonly sizePadded?: boolean;
  /** XCOMP_BV of the area, where it was read. */
  readonly xcompBv?: bigint;
  readonly form?: ImageForm;
  /** CPUID leaf 0 (`AuthenticAMD`) of the machine, where the file tells. */
  readonly vendorHint?: string;
  /**
   * An area of the file. Linux fills the gaps of an area for user space with zeros, so bytes in the gap of a
   * map speak against that map.
   */
  readonly bytes?: Uint8Array;
}
