/** Who a logical CPU says it is: leaves 0, 1 and 80000002H-80000004H. Source: Intel SDM vol. 2A, CPUID. */

import type { CpuidRegisters, CpuidRow, RawCpu } from "./raw-dump.ts";

/** Vendor, signature and name; undefined where the dump lacks the leaf. */
export interface CpuIdentity {
  /** Leaf 0, EBX EDX ECX: exactly 12 characters, `GenuineIntel` or `  Shanghai  `. */
  readonly vendor: string | undefined;
  /** Display family: with the extended family added where the base is 15. */
  readonly family: number | undefined;
  /** Display model: with the extended model in bits 7:4 from family 6 on. */
  readonly model: number | undefined;
  readonly stepping: number | undefined;
  /** Processor brand string without blanks at its ends; empty if there is none. */
  readonly brand: string;
  /** Leaf 0, EAX: highest basic leaf. */
  readonly maxBasicLeaf: number | undefined;
}

const first = (rows: readonly CpuidRow[], leaf: number): CpuidRegisters | undefined =>
  rows.find((row) => row.leaf === leaf && (row.subleaf ?? 0) === 0)?.registers;

/** The characters of registers, lowest byte first. */
function characters(registers: readonly number[]): string {
  return String.fromCharCode(...registers.flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff)));
}

/** Family, model and stepping as displayed, from CPUID.1:EAX. */
export function decodeSignature(eax: number): { family: number; model: number; stepping: number } {
  const base = (eax >>> 8) & 0xf;
  const family = base === 0xf ? base + ((eax >>> 20) & 0xff) : base;
  // Intel documents the extended model for families 6 and 15, Zhaoxin uses it with 7.
  const model = ((eax >>> 4) & 0xf) | (base >= 6 ? ((eax >>> 16) & 0xf) << 4 : 0);
  return { family, model, stepping: eax & 0xf };
}

/** Reads the identity of a logical CPU. */
export function cpuIdentity(cpu: RawCpu): CpuIdentity {
  const leaf0 = first(cpu.rows, 0);
  const leaf1 = first(cpu.rows, 1);
  const signature = leaf1 && decodeSignature(leaf1[0]);
  const brand = [0x8000_0002, 0x8000_0003, 0x8000_0004].map((leaf) => characters(first(cpu.rows, leaf) ?? []));
  return {
    vendor: leaf0 && characters([leaf0[1], leaf0[3], leaf0[2]]),
    family: signature?.family,
    model: signature?.model,
    stepping: signature?.stepping,
    brand: brand
      .join("")
      .replace(/\0[^]*$/, "")
      .trim(),
    maxBasicLeaf: leaf0?.[0],
  };
}
