/** A CPU as far as the XSAVE family is concerned: what `cpu-models/*.yaml` says, checked and typed. */

import type { Quirks } from "../isa/vendor-behaviour.ts";
import type { ComponentRow, LayoutSource } from "../layout/component-row.ts";
import type { FigureSource } from "./figure-sources.ts";

/** How a description came about. */
export const MODEL_KINDS = ["silicon", "guest", "emulator", "published"] as const;
/**
 * `silicon`: read on the CPU itself. `guest`: what a hypervisor shows. `emulator`: an emulator's definition.
 * `published`: from documents, no dump exists.
 */
export type ModelKind = (typeof MODEL_KINDS)[number];

/** CPUID.(0DH,1):EAX: which instructions exist. XSAVE and XRSTOR always do. */
export interface InstructionSupport {
  /** EAX[0] */
  readonly xsaveopt: boolean;
  /** EAX[1]: XSAVEC and the compacted form of XRSTOR */
  readonly xsavec: boolean;
  /** EAX[2]: XGETBV with ECX = 1 */
  readonly xgetbv1: boolean;
  /** EAX[3]: XSAVES, XRSTORS, IA32_XSS */
  readonly xsaves: boolean;
  /** EAX[4]: IA32_XFD */
  readonly xfd: boolean;
}

/** Family, model and stepping as decoded from CPUID.1:EAX (display values). Stepping absent: all. */
export interface Signature {
  readonly family: number;
  readonly model: number;
  readonly stepping?: number;
}

/** A description of one CPU. Masks are 64 bits; sizes and offsets bytes. */
export interface CpuModel extends LayoutSource {
  /** File name without `.yaml`: lower-case words joined by `-`. */
  readonly id: string;
  /** For people: `Intel Sapphire Rapids`. */
  readonly name: string;
  /** CPUID leaf 0: `GenuineIntel`, `AuthenticAMD`, `HygonGenuine`, `CentaurHauls`, `  Shanghai  `, ... */
  readonly vendor: string;
  readonly kind: ModelKind;
  readonly signatures: readonly Signature[];
  /** CPUID.(0DH,0) EDX:EAX: bits that XCR0 may have. What is enabled is never stored here. */
  readonly xcr0Supported: bigint;
  /** CPUID.(0DH,1) EDX:ECX: bits that IA32_XSS may have. */
  readonly xssSupported: bigint;
  readonly instructions: InstructionSupport;
  /** CPUID.(0DH,0).ECX: standard-format size for all of `xcr0Supported`. */
  readonly sizeMax: number;
  /** Rows of leaf 0DH by ascending sub-leaf. */
  readonly components: readonly ComponentRow[];
  readonly quirks: Quirks;
  /** Masks beyond `masks.yaml` that shall have savers, by name. */
  readonly masks: readonly { readonly name: string; readonly rfbm: bigint }[];
  /** Where the figures come from; `sourcesOf` gives those of one figure. */
  readonly sources: readonly FigureSource[];
  /** Remarks for people, one paragraph. */
  readonly notes?: string;
}
