/** What a dump says about XSAVE: leaf 0DH of each logical CPU by sub-leaf, and what is wrong with it. */

import { bitsOf, maskOf, maskWithNames } from "../isa/feature-mask.ts";
import { MAX_COMPONENT_INDEX, componentName } from "../isa/state-component.ts";
import { cpuIdentity } from "./cpu-identity.ts";
import { inferSubleaves, isZeroRow } from "./infer-subleaves.ts";
import type { CpuidRegisters, CpuidRow, DumpProblem, RawCpu, RawDump } from "./raw-dump.ts";

/** One row of leaf 0DH. */
export interface LeafDRow {
  readonly registers: CpuidRegisters;
  /** 1-based line in the dump; 0 where there are no lines. */
  readonly line: number;
}

/** Leaf 0DH of one logical CPU, policy or view, and whose it is. */
export interface LeafDCpu {
  /** As the dump names it. */
  readonly cpu: string;
  /** Leaf 0: exactly 12 characters; undefined without leaf 0. */
  readonly vendor: string | undefined;
  /** Display family, model and stepping; undefined without leaf 1. */
  readonly family: number | undefined;
  readonly model: number | undefined;
  readonly stepping: number | undefined;
  /** Trimmed; empty if there is none. */
  readonly brand: string;
  /** CPUID.80000008H:EBX, where printed: bit 2 says that x87 pointers are saved as zero unless FSW.ES is set. */
  readonly cpuid80000008Ebx?: number;
  /** CPUID.80000008H:EAX, where printed: bits 15:8 are the width of a linear address. */
  readonly cpuid80000008Eax?: number;
  /** CPUID.(7,0):EBX, where printed: bit 13 says that the 32-bit forms store FCS and FDS as 0. */
  readonly cpuid7Ebx?: number;
  /** By sub-leaf, ascending; as printed, only numbers inferred that are not printed. */
  readonly leafD: ReadonlyMap<number, LeafDRow>;
  readonly problems: readonly DumpProblem[];
}

const LEAF = 0x0d;

/** Rows of leaf 0DH looked at on one CPU: all 64 sub-leaves that can be, some twice. */
const MAX_LEAF_ROWS = 128;

const hex = (value: number): string => `${value.toString(16).toUpperCase()}H`;
const values = (registers: CpuidRegisters): string => registers.map((value) => value.toString(16)).join(" ");

/** Collects the problems of one CPU. */
type Report = (rule: string, severity: DumpProblem["severity"], line: number, message: string) => void;

/** Rows of which every one is called sub-leaf 0 and that differ have no number: converters put 0 where a dump prints none (RJCP's XML). */
function withoutZeroForAll(rows: readonly CpuidRow[]): readonly CpuidRow[] {
  const zeroForAll =
    rows.every(({ subleaf }) => subleaf === 0) && new Set(rows.map(({ registers }) => values(registers))).size > 1;
  return zeroForAll ? rows.map((row) => ({ ...row, subleaf: undefined })) : rows;
}

/** Rows by sub-leaf; the first of a number counts. */
function bySubleaf(rows: readonly CpuidRow[], report: Report): Map<number, LeafDRow> {
  const numbered = inferSubleaves(withoutZeroForAll(rows));
  const inferred = numbered.filter(({ row, subleaf }) => row.subleaf === undefined && subleaf !== undefined);
  if (inferred.length > 0) {
    const numbers = inferred.map(({ subleaf }) => subleaf).join(", ");
    report(
      "subleaf-inferred",
      "warning",
      inferred[0]?.row.line ?? 0,
      `no sub-leaf numbers printed for leaf 0DH: by order, masks and sizes the rows are sub-leaves ${numbers}`,
    );
  }
  const found = new Map<number, LeafDRow>();
  for (const { row, subleaf } of numbered) {
    const { registers, line } = row;
    if (subleaf === undefined) {
      if (!isZeroRow(registers)) {
        report("subleaf-unknown", "error", line, `no one sub-leaf of leaf 0DH fits this row, left out: ${values(registers)}`);
      }
      continue;
    }
    const before = found.get(subleaf);
    if (!before) found.set(subleaf, { registers, line });
    else if (values(before.registers) !== values(registers)) {
      report(
        "duplicate-row",
        "warning",
        line,
        `sub-leaf ${subleaf} again, other than on line ${before.line}: ${values(registers)} left out`,
      );
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** Compares the rows with the masks of sub-leaves 0 and 1. */
function checkRows(leafD: ReadonlyMap<number, LeafDRow>, report: Report): void {
  const row0 = leafD.get(0);
  const row1 = leafD.get(1);
  if (!row0) {
    report("no-subleaf-0", "error", leafD.values().next().value?.line ?? 0, "leaf 0DH without sub-leaf 0: no XCR0 mask, no size");
    return;
  }
  if (!row1) {
    report(
      "no-subleaf-1",
      "warning",
      row0.line,
      "leaf 0DH without sub-leaf 1: whether XSAVEC, XSAVES and supervisor components exist is not known",
    );
  }
  const xcr0 = maskOf(row0.registers[0], row0.registers[3]);
  const xss = row1 ? maskOf(row1.registers[2], row1.registers[3]) : 0n;
  const components = bitsOf(xcr0 | xss).filter((index) => index >= 2 && index <= MAX_COMPONENT_INDEX);
  const missing = components.filter((index) => (leafD.get(index)?.registers[0] ?? 0) === 0);
  const none = missing.length > 0 && components.every((index) => !leafD.has(index));
  if (none) {
    report("no-component-rows", "error", row0.line, `no row for any component of ${maskWithNames(xcr0 | xss)}`);
  } else {
    for (const index of missing) {
      const where = (xcr0 >> BigInt(index)) & 1n ? "XCR0" : "IA32_XSS";
      const printed = leafD.get(index);
      report(
        "component-row-missing",
        "error",
        printed?.line ?? row0.line,
        `${where} has bit ${index}, ${componentName(index)}, but its row is ${printed ? "zero" : "not printed"}`,
      );
    }
  }
  for (const [index, { registers, line }] of leafD) {
    if (index < 2 || isZeroRow(registers)) continue;
    if (index > MAX_COMPONENT_INDEX) {
      report("subleaf-out-of-range", "warning", line, `sub-leaf ${index}: components have numbers up to ${MAX_COMPONENT_INDEX}`);
    } else if (!components.includes(index)) {
      report(
        "component-not-in-masks",
        "warning",
        line,
        `row of component ${index} (size ${registers[0]}, offset ${registers[1]}), which is neither in XCR0 nor in IA32_XSS`,
      );
    }
  }
}

/** Leaf 0DH of one logical CPU. Never throws. */
export function leafDCpu(cpu: RawCpu): LeafDCpu {
  const { maxBasicLeaf, ...identity } = cpuIdentity(cpu);
  const problems: DumpProblem[] = [];
  const report: Report = (rule, severity, line, message) => problems.push({ rule, severity, line, message });
  const start = cpu.rows[0]?.line ?? 0;
  if (identity.vendor === undefined) report("no-leaf-0", "warning", start, "no leaf 0: no vendor");
  if (identity.family === undefined) report("no-leaf-1", "warning", start, "no leaf 1: no family, model and stepping");
  const all = cpu.rows.filter((row) => row.leaf === LEAF);
  const rows = all.slice(0, MAX_LEAF_ROWS);
  const row = rows[0];
  const beyondBound = all[MAX_LEAF_ROWS];
  if (beyondBound)
    report(
      "too-many-rows",
      "error",
      beyondBound.line,
      `more than ${MAX_LEAF_ROWS} rows of leaf 0DH on one CPU: the rest is left out`,
    );
  let leafD: ReadonlyMap<number, LeafDRow> = new Map();
  const beyond = maxBasicLeaf !== undefined && maxBasicLeaf < LEAF;
  if (!row || (beyond && rows.every(({ registers }) => isZeroRow(registers)))) {
    const why = beyond
      ? `the CPU's highest basic leaf is ${hex(maxBasicLeaf)}: it has no XSAVE`
      : "the dump has no row of leaf 0DH";
    report("no-leaf-0d", "error", start, why);
  } else if (beyond) {
    report(
      "leaf-0d-echoed",
      "error",
      row.line,
      `the CPU's highest basic leaf is ${hex(maxBasicLeaf)}: what is printed as leaf 0DH repeats another leaf (${values(row.registers)})`,
    );
  } else {
    leafD = bySubleaf(rows, report);
    if (rows.every((each) => isZeroRow(each.registers)))
      report("leaf-0d-zero", "error", row.line, "leaf 0DH is all zero: no XSAVE, or not passed on");
    else checkRows(leafD, report);
  }
  const extended8 = cpu.rows.find(({ leaf }) => leaf === 0x8000_0008)?.registers;
  const seven = cpu.rows.find(({ leaf, subleaf }) => leaf === 7 && (subleaf ?? 0) === 0)?.registers[1];
  return {
    cpu: cpu.label,
    ...identity,
    ...(seven === undefined ? {} : { cpuid7Ebx: seven }),
    ...(extended8 === undefined ? {} : { cpuid80000008Eax: extended8[0], cpuid80000008Ebx: extended8[1] }),
    leafD,
    problems,
  };
}

/** Leaf 0DH of every logical CPU in a dump, in the dump's order. */
export function leafDCpus(dump: RawDump): LeafDCpu[] {
  return dump.cpus.map(leafDCpu);
}
