/** Leaf 0DH of a dump -> CpuModel. Nothing is guessed: a row that the dump lacks is an error, unless a model is named to fill it from. */

import type { CpuidRegisters } from "../isa/cpuid-registers.ts";
import { bitsOf, hasBit, maskOf } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { Quirks } from "../isa/vendor-behaviour.ts";
import { type ComponentRow, componentRow } from "../layout/component-row.ts";
import { keyIndex } from "./component-key.ts";
import type { CpuModel, ModelKind } from "./cpu-model.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { hasErrors } from "./diagnostic.ts";
import { idOfName, nameOfCpu } from "./dump-names.ts";
import { lintLeafD } from "./lint-leaf-0d.ts";
import { lintModel, standardSizeOf } from "./lint-model.ts";

/** A sub-leaf and where the dump prints it. */
export interface LeafDEntry {
  readonly registers: CpuidRegisters;
  /** 1-based; 0 where there are no lines. */
  readonly line: number;
}

/** One CPU of a dump, as far as a model needs it. */
export interface DumpedCpu {
  readonly vendor: string | undefined;
  readonly family: number | undefined;
  readonly model: number | undefined;
  readonly stepping: number | undefined;
  readonly brand: string;
  readonly leafD: ReadonlyMap<number, LeafDEntry>;
  /** CPUID.80000008H:EBX; bit 2 says that FOP, FIP and FDP are saved as zero unless FSW.ES is set. */
  readonly cpuid80000008Ebx?: number;
  /** CPUID.80000008H:EAX; bits 15:8 are the width of a linear address. */
  readonly cpuid80000008Eax?: number;
  /** CPUID.(7,0):EBX; bit 13 says that the 32-bit forms store FCS and FDS as 0. */
  readonly cpuid7Ebx?: number;
}

/** How to make a model of it. */
export interface ModelFromLeafDOptions {
  /** Names the dump in diagnostics, and as source. */
  readonly file: string;
  /** What `sources` shall say; `file` if absent. */
  readonly source?: string;
  /** Absent: from brand or signature. */
  readonly id?: string;
  readonly name?: string;
  /** Absent: `silicon`. */
  readonly kind?: ModelKind;
  /** Take rows that the dump lacks from this model, if all rows that both have agree. */
  readonly fillFrom?: CpuModel;
}

/** A model, or why there is none. */
export interface ModelFromLeafDResult {
  readonly model?: CpuModel;
  readonly diagnostics: readonly Diagnostic[];
}

type Report = (rule: string, severity: "error" | "warning", subleaf: number, message: string, remedy: string) => void;

/** Makes a model of one CPU of a dump and lints both. Never throws. */
export function modelFromLeafD(cpu: DumpedCpu, options: ModelFromLeafDOptions): ModelFromLeafDResult {
  const { leafD } = cpu;
  const diagnostics: Diagnostic[] = [];
  const report: Report = (rule, severity, subleaf, message, remedy) => {
    const line = leafD.get(subleaf)?.line ?? leafD.get(0)?.line ?? 0;
    diagnostics.push({ rule, severity, file: options.file, line, column: line === 0 ? 0 : 1, message, remedy });
  };
  const leaf0 = leafD.get(0)?.registers;
  if (leaf0 === undefined || (leaf0[0] | leaf0[3]) === 0) {
    report(
      "no-leaf-0d",
      "error",
      0,
      "no XCR0 mask: sub-leaf 0 of leaf 0DH is missing or zero",
      "use a dump of a CPU with XSAVE that prints leaf 0DH",
    );
    return { diagnostics };
  }
  for (const finding of lintLeafD(new Map([...leafD].map(([subleaf, { registers }]) => [subleaf, registers])))) {
    report(finding.rule, finding.severity, finding.subleaf, finding.message, finding.remedy);
  }
  if (!leafD.has(1))
    report(
      "subleaf-1-missing",
      "warning",
      0,
      "sub-leaf 1 is not printed: instructions and IA32_XSS are taken as none",
      "use a dump that prints it if the CPU has XSAVEOPT",
    );
  const leaf1 = leafD.get(1)?.registers ?? [0, 0, 0, 0];
  const xcr0Supported = maskOf(leaf0[0], leaf0[3]);
  const xssSupported = maskOf(leaf1[2], leaf1[3]);
  const components = componentRows(cpu, xcr0Supported | xssSupported, options.fillFrom, report);
  const complete = bitsOf(xcr0Supported | xssSupported).every((bit) => bit < 2 || components.some((row) => row.index === bit));
  const computed = standardSizeOf(components);
  // VMware shows the host's size beside a guest's rows: what the rows give is what a layout needs.
  if (complete && computed !== leaf0[2])
    report(
      "size-max",
      "warning",
      0,
      `ECX is ${leaf0[2]}, the rows end at ${computed}; the rows count`,
      "usual under hypervisors; otherwise look for a wrong row",
    );
  const model: CpuModel = {
    ...identity(cpu, options),
    xcr0Supported,
    xssSupported,
    instructions: {
      xsaveopt: (leaf1[0] & 1) !== 0,
      xsavec: (leaf1[0] & 2) !== 0,
      xgetbv1: (leaf1[0] & 4) !== 0,
      xsaves: (leaf1[0] & 8) !== 0,
      xfd: (leaf1[0] & 16) !== 0,
    },
    sizeMax: computed,
    components,
    quirks: quirksOf(cpu),
    masks: [],
    sources: [options.source ?? options.file],
  };
  for (const { rule, severity, path, message, remedy } of lintModel(model)) {
    const [section, key] = path;
    const subleaf =
      section === "components" ? (keyIndex(String(key)) ?? 0) : section === "xssSupported" || section === "instructions" ? 1 : 0;
    report(rule, severity, subleaf, message, rule === "row-missing" ? `${remedy}; or name a model to take the row from` : remedy);
  }
  return hasErrors(diagnostics) ? { diagnostics } : { model, diagnostics };
}

function identity(
  cpu: DumpedCpu,
  options: ModelFromLeafDOptions,
): Pick<CpuModel, "id" | "name" | "vendor" | "kind" | "signatures"> {
  const vendor = cpu.vendor ?? "unknown";
  const { family, model, stepping } = cpu;
  const name = options.name ?? nameOfCpu(vendor, cpu.brand, family ?? 0, model ?? 0);
  const signature =
    family === undefined || model === undefined ? [] : [{ family, model, ...(stepping === undefined ? {} : { stepping }) }];
  return { id: options.id ?? idOfName(name), name, vendor, kind: options.kind ?? "silicon", signatures: signature };
}

function componentRows({ leafD }: DumpedCpu, supported: bigint, fillFrom: CpuModel | undefined, report: Report): ComponentRow[] {
  const rows: ComponentRow[] = [];
  for (const [index, { registers }] of leafD) {
    const [size, offset, flags] = registers;
    if (index < 2 || index > 62 || (size | offset | flags) === 0) continue;
    if (!hasBit(supported, index)) {
      report(
        "row-without-bit",
        "warning",
        index,
        `row of ${componentName(index)}, whose bit is in neither mask, is left out`,
        "check the row's sub-leaf number",
      );
      continue;
    }
    rows.push(componentRow(index, size, offset, flags));
  }
  if (fillFrom) {
    const same = (a: ComponentRow, b: ComponentRow): boolean => a.size === b.size && a.standardOffset === b.standardOffset;
    const other = rows.find((row) => fillFrom.components.some((filler) => filler.index === row.index && !same(filler, row)));
    if (other)
      report(
        "fill-disagrees",
        "error",
        other.index,
        `${componentName(other.index)} differs in ${fillFrom.id}, which was to fill missing rows`,
        "name a model of the same layout",
      );
    for (const filler of fillFrom.components) {
      if (other || !hasBit(supported, filler.index) || rows.some((row) => row.index === filler.index)) continue;
      rows.push(filler);
      report(
        "row-filled",
        "warning",
        0,
        `the row of ${componentName(filler.index)} is taken from ${fillFrom.id}`,
        "say so in the model's notes",
      );
    }
  }
  return rows.toSorted((a, b) => a.index - b.index);
}

/** By family; measured on 19H model 1 and 1AH model 2: that the rest of each family does the same is an inference. */
const MEASURED_ON_AMD: Readonly<Record<number, Partial<Quirks>>> = {
  0x19: {
    pkruUpperBytes: "kept",
    modifiedOptimisation: "xsaveopt",
    pkruModified: "always",
    xinuseAfterRestore: "by-value",
    xinuseOfPointers: "ignored",
  },
  0x1a: {
    modifiedOptimisation: "xsaveopt",
    xinuseAfterRestore: "by-value",
    xinuseOfPointers: "ignored",
    xinuseOutside64: "all-registers",
  },
};

/** On both CPUs measured FIP and FDP are as wide as a linear address, CPUID.80000008H:EAX[15:8]. */
function pointerWidth({ family, cpuid80000008Eax }: DumpedCpu): Pick<Quirks, "x87PointerWidth"> {
  if (MEASURED_ON_AMD[family ?? 0] === undefined || cpuid80000008Eax === undefined) return {};
  const width = (cpuid80000008Eax >>> 8) & 0xff;
  return width === 48 ? { x87PointerWidth: "48-bit" } : width === 57 ? { x87PointerWidth: "57-bit" } : {};
}

/** Vendor behaviour (Linux `FXSAVE_LEAK`, measurements on Zen 3 and 5); MXCSR_MASK as FXSAVE stores it. */
function quirksOf(cpu: DumpedCpu): Quirks {
  const { vendor, family, cpuid80000008Ebx, cpuid7Ebx } = cpu;
  const selectors = ((cpuid7Ebx ?? 0) & 0x2000) === 0 ? {} : { x87Selectors: "zero" as const };
  if (vendor !== "AuthenticAMD" && vendor !== "HygonGenuine") return { x87Pointers: "saved", mxcsrMask: 0xffff, ...selectors };
  const zeroes = ((cpuid80000008Ebx ?? 0) & 4) !== 0 || (family ?? 0) >= 0x17;
  return {
    x87Pointers: zeroes ? "zero-unless-es" : "kept-unless-es",
    mxcsrMask: 0x2ffff,
    ...selectors,
    ...pointerWidth(cpu),
    ...MEASURED_ON_AMD[family ?? 0],
  };
}
