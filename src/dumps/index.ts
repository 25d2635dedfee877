/** CPUID dumps: text in, raw rows and leaf 0DH per logical CPU out. */

export type { CpuidRegisters, CpuidRow, DumpProblem, DumpReader, RawCpu, RawDump } from "./raw-dump.ts";
export { DUMP_READERS } from "./registry.ts";
export { readDump } from "./read-dump.ts";
export type { ParsedRow } from "./dump-collector.ts";
export { DEV_CPU_FORMAT, devCpuDump } from "./dev-cpu.ts";
export type { ProbedCpu } from "./dev-cpu.ts";
export { cpuIdentity, decodeSignature } from "./cpu-identity.ts";
export type { CpuIdentity } from "./cpu-identity.ts";
export { leafDCpu, leafDCpus } from "./leaf-0d.ts";
export type { LeafDCpu, LeafDRow } from "./leaf-0d.ts";
export { distinctCpus } from "./distinct-cpus.ts";
export type { DistinctCpu } from "./distinct-cpus.ts";
