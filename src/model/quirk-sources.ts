/** What is known of vendor behaviour without the CPU at hand, and from where: by vendor and family, as data. */

import type { Quirks } from "../isa/vendor-behaviour.ts";
import type { FigureSource } from "./figure-sources.ts";

/** Quirks that rest on one source. */
interface SourcedQuirks {
  readonly source: string;
  readonly quirks: Partial<Quirks>;
}

const OF_MXCSR_ON_AMD: SourcedQuirks = {
  source: "measured on AMD family 19H model 1 and 1AH model 2; inferred for AMD and Hygon",
  quirks: { mxcsrMask: 0x2ffff },
};

const AS_DOCUMENTED: readonly SourcedQuirks[] = [
  { source: "Intel SDM vol. 1, 13.5.1; not measured", quirks: { x87Pointers: "saved" } },
  { source: "Intel SDM vol. 1, 10.2.3 and 11.6.6, for CPUs with DAZ; not measured", quirks: { mxcsrMask: 0xffff } },
];

/** Of Zhaoxin and whoever else makes x86 CPUs no document is at hand. */
const AS_INTEL: readonly SourcedQuirks[] = AS_DOCUMENTED.map(({ source, quirks }) => ({
  source: `inferred: as Intel documents it (${source})`,
  quirks,
}));

const BEFORE_ZEN: readonly SourcedQuirks[] = [
  {
    source: "FXSAVE_LEAK: CVE-2006-1056, Xen XSA-52, Linux arch/x86/kernel/cpu/amd.c; not measured",
    quirks: { x87Pointers: "kept-unless-es" },
  },
  OF_MXCSR_ON_AMD,
];

const ZEN: readonly SourcedQuirks[] = [
  {
    source: "measured on AMD family 19H model 1 and 1AH model 2; inferred from CPUID.80000008H:EBX[2] and the family",
    quirks: { x87Pointers: "zero-unless-es" },
  },
  OF_MXCSR_ON_AMD,
];

/** What was measured on one model of a family; that the rest of the family does the same is an inference, and said. */
const MEASURED_ON_AMD: Readonly<Record<number, SourcedQuirks>> = {
  0x19: {
    source: "measured on AMD family 19H model 1; inferred for the rest of the family",
    quirks: {
      pkruUpperBytes: "kept",
      modifiedOptimisation: "xsaveopt",
      pkruModified: "always",
      xinuseAfterRestore: "by-value",
      xinuseOfPointers: "ignored",
    },
  },
  0x1a: {
    source: "measured on AMD family 1AH model 2; inferred for the rest of the family",
    quirks: {
      modifiedOptimisation: "xsaveopt",
      xinuseAfterRestore: "by-value",
      xinuseOfPointers: "ignored",
      xinuseOutside64: "all-registers",
    },
  },
};

/** On both CPUs measured FIP and FDP are as wide as a linear address, CPUID.80000008H:EAX[15:8]. */
const POINTER_WIDTHS: Readonly<Record<number, Partial<Quirks>>> = {
  48: { x87PointerWidth: "48-bit" },
  57: { x87PointerWidth: "57-bit" },
};
const OF_POINTER_WIDTH =
  "the width of a linear address, as measured on AMD family 19H model 1 and 1AH model 2; else inferred from CPUID.80000008H:EAX[15:8]";

/** What CPUID says of a CPU that its quirks are derived from. */
export interface QuirkEvidence {
  readonly vendor: string | undefined;
  readonly family: number | undefined;
  /** CPUID.80000008H:EAX; bits 15:8 are the width of a linear address. */
  readonly cpuid80000008Eax?: number;
  /** CPUID.80000008H:EBX; bit 2 says that FOP, FIP and FDP are saved as zero unless FSW.ES is set. */
  readonly cpuid80000008Ebx?: number;
  /** CPUID.(7,0):EBX; bit 13 says that the 32-bit forms store FCS and FDS as 0. */
  readonly cpuid7Ebx?: number;
}

function sourcedQuirks({
  vendor,
  family = 0,
  cpuid80000008Ebx = 0,
  cpuid80000008Eax = 0,
}: QuirkEvidence): readonly SourcedQuirks[] {
  if (vendor === "GenuineIntel") return AS_DOCUMENTED;
  if (vendor !== "AuthenticAMD" && vendor !== "HygonGenuine") return AS_INTEL;
  const zeroes = (cpuid80000008Ebx & 4) !== 0 || family >= 0x17;
  const measured = MEASURED_ON_AMD[family];
  if (measured === undefined) return zeroes ? ZEN : BEFORE_ZEN;
  const width = POINTER_WIDTHS[(cpuid80000008Eax >>> 8) & 0xff];
  return [...ZEN, ...(width === undefined ? [] : [{ source: OF_POINTER_WIDTH, quirks: width }]), measured];
}

/** Vendor behaviour of a CPU, and the sources of all of it that CPUID itself does not say. */
export function quirksOf(cpu: QuirkEvidence): { readonly quirks: Quirks; readonly sources: readonly FigureSource[] } {
  const known = sourcedQuirks(cpu);
  const selectors = ((cpu.cpuid7Ebx ?? 0) & 0x2000) === 0 ? {} : { x87Selectors: "zero" as const };
  const quirks = Object.assign({ ...selectors }, ...known.map((each) => each.quirks)) as Quirks;
  const sources = known.map(({ source, quirks: named }) => ({
    source,
    figures: Object.keys(named).map((name) => `quirks.${name}`),
  }));
  return { quirks, sources };
}
