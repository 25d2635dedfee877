/** Leaf 0DH of a dump -> CpuModel. Nothing is guessed: a row that the dump lacks is an error, unless a model is named to fill it from. */

import type { CpuidRegisters } from "../isa/cpuid-registers.ts";
import { bitsOf, hasBit, maskOf } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { type ComponentRow, componentRow } from "../layout/component-row.ts";
import { componentKey, keyIndex } from "./component-key.ts";
import type { CpuModel, ModelKind } from "./cpu-model.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { idOfName, nameOfCpu } from "./dump-names.ts";
import type { FigureSource } from "./figure-sources.ts";
import { type LeafDFinding, lintLeafD } from "./lint-leaf-0d.ts";
import { lintModel, standardSizeOf } from "./lint-model.ts";
import { type QuirkEvidence, quirksOf } from "./quirk-sources.ts";

/** A sub-leaf and where the dump prints it. */
export interface LeafDEntry {
  readonly registers: CpuidRegisters;
  /** 1-based; 0 where there are no lines. */
  readonly line: number;
}

/** One CPU of a dump, as far as a model needs it. */
export interface DumpedCpu extends QuirkEvidence {
  readonly model: number | undefined;
  readonly stepping: number | undefined;
  readonly brand: string;
  readonly leafD: ReadonlyMap<number, LeafDEntry>;
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
  const { model, findings } = examineLeafD(cpu, options);
  const diagnostics = findingsAt(cpu, findings, options.file);
  return model ? { model, diagnostics } : { diagnostics };
}

/** Findings at the lines that a CPU of the same content has in its dump; at sub-leaf 0's where a sub-leaf is not printed. */
export function findingsAt({ leafD }: Pick<DumpedCpu, "leafD">, findings: readonly LeafDFinding[], file: string): Diagnostic[] {
  return findings.map(({ rule, severity, subleaf, message, remedy }) => {
    const line = leafD.get(subleaf)?.line ?? leafD.get(0)?.line ?? 0;
    return { rule, severity, file, line, column: line === 0 ? 0 : 1, message, remedy };
  });
}

/** A model, or none if a finding is an error; the same for every CPU of the same content. Never throws. */
export function examineLeafD(
  cpu: DumpedCpu,
  options: ModelFromLeafDOptions,
): { readonly model?: CpuModel; readonly findings: readonly LeafDFinding[] } {
  const { leafD } = cpu;
  const findings: LeafDFinding[] = [];
  const report: Report = (rule, severity, subleaf, message, remedy) =>
    void findings.push({ rule, severity, subleaf, message, remedy });
  const leaf0 = leafD.get(0)?.registers;
  if (leaf0 === undefined || (leaf0[0] | leaf0[3]) === 0) {
    report(
      "no-leaf-0d",
      "error",
      0,
      "no XCR0 mask: sub-leaf 0 of leaf 0DH is missing or zero",
      "use a dump of a CPU with XSAVE that prints leaf 0DH",
    );
    return { findings };
  }
  findings.push(...lintLeafD(new Map([...leafD].map(([subleaf, { registers }]) => [subleaf, registers]))));
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
  const { quirks, sources } = quirksOf(cpu);
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
    quirks,
    masks: [],
    sources: [{ source: options.source ?? options.file }, ...filledFrom(leafD, components, options.fillFrom), ...sources],
  };
  for (const { rule, severity, path, message, remedy } of lintModel(model)) {
    const [section, key] = path;
    const subleaf =
      section === "components" ? (keyIndex(String(key)) ?? 0) : section === "xssSupported" || section === "instructions" ? 1 : 0;
    report(rule, severity, subleaf, message, rule === "row-missing" ? `${remedy}; or name a model to take the row from` : remedy);
  }
  return findings.some(({ severity }) => severity === "error") ? { findings } : { model, findings };
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
        "check that the two are one design; the model's sources say it",
      );
    }
  }
  return rows.toSorted((a, b) => a.index - b.index);
}

/** The source of the rows that the dump lacks. */
function filledFrom(
  leafD: DumpedCpu["leafD"],
  components: readonly ComponentRow[],
  fillFrom: CpuModel | undefined,
): FigureSource[] {
  const figures = components.filter(({ index }) => !leafD.has(index)).map(({ index }) => componentKey(index));
  return fillFrom === undefined || figures.length === 0 ? [] : [{ source: `rows of ${fillFrom.id}`, figures }];
}
