/** Logical CPUs that say the same are one; those that differ stay apart. */

import type { LeafDCpu } from "./leaf-0d.ts";

/** CPUs that agree in vendor, signature, brand, 80000008H:EBX[2], (7,0):EBX[13] and leaf 0DH. */
export interface DistinctCpu {
  /** The first of them. */
  readonly cpu: LeafDCpu;
  /** All of them, in the dump's order. */
  readonly cpus: readonly LeafDCpu[];
}

/** Everything but label and lines. */
function content(cpu: LeafDCpu): string {
  const { vendor, family, model, stepping, brand, cpuid80000008Eax, cpuid80000008Ebx, cpuid7Ebx, leafD } = cpu;
  // Of 80000008H:EAX only bits 15:8 are about XSAVE, of EBX bit 2, of (7,0):EBX bit 13; others differ between the cores of Intel Arrow Lake H.
  const pointers = cpuid80000008Ebx === undefined ? undefined : cpuid80000008Ebx & 4;
  return JSON.stringify([
    vendor,
    family,
    model,
    stepping,
    brand,
    pointers,
    cpuid80000008Eax === undefined ? undefined : cpuid80000008Eax & 0xff00,
    cpuid7Ebx === undefined ? undefined : cpuid7Ebx & 0x2000,
    [...leafD].map(([subleaf, row]) => [subleaf, ...row.registers]),
  ]);
}

/** Groups equal CPUs, in order of first appearance. */
export function distinctCpus(cpus: readonly LeafDCpu[]): DistinctCpu[] {
  const groups = new Map<string, { cpu: LeafDCpu; cpus: LeafDCpu[] }>();
  for (const cpu of cpus) {
    const key = content(cpu);
    const group = groups.get(key);
    if (group) group.cpus.push(cpu);
    else groups.set(key, { cpu, cpus: [cpu] });
  }
  return [...groups.values()];
}
