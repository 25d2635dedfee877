/**
 * CPUID of this machine through Linux's cpuid driver: `/dev/cpu/N/cpuid`, 16 bytes (EAX, EBX, ECX, EDX) at the
 * file position leaf | sub-leaf << 32, read on logical CPU N. Source: Linux, arch/x86/kernel/cpuid.c.
 */

import { closeSync, openSync, readSync, readdirSync } from "node:fs";
import { devCpuDump } from "../dumps/dev-cpu.ts";
import type { ProbedCpu } from "../dumps/dev-cpu.ts";
import type { ParsedRow } from "../dumps/dump-collector.ts";
import type { RawDump } from "../dumps/raw-dump.ts";
import { MAX_COMPONENT_INDEX } from "../isa/state-component.ts";

/** Where the driver's files are. */
export const DEV_CPU = "/dev/cpu";

const BYTES_PER_LEAF = 16;

/** Leaves with the number of their sub-leaves: identity, features, leaf 0DH, tile palettes. */
const BASIC: readonly (readonly [leaf: number, subleaves: number])[] = [
  [0x0, 1],
  [0x1, 1],
  [0x7, 2],
  [0xd, MAX_COMPONENT_INDEX + 1],
  [0x14, 2],
  [0x1d, 3],
];
const EXTENDED_FIRST = 0x8000_0000;
const EXTENDED_LAST = 0x8000_0008;

/** This machine's CPUID cannot be read. */
export class ProbeError extends Error {
  override readonly name = "ProbeError";
  /** `ENOENT`, `EACCES`, ...: errno's name; empty if there is none. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`cannot read ${path}${code === "" ? "" : ` (${code})`}: ${remedy(code)}`);
    this.code = code;
  }
}

function remedy(code: string): string {
  const dump = "import a dump instead: `cpuid -r | xsavekit import -`";
  if (code === "EACCES" || code === "EPERM") return `run as root, or ${dump}`;
  if (code === "ENOENT" || code === "ENXIO" || code === "ENODEV")
    return `load the driver with \`modprobe cpuid\` as root, or ${dump}`;
  return `load the driver with \`modprobe cpuid\` and run as root, or ${dump}`;
}

function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** The N for which there is a `/dev/cpu/N`, ascending; empty without the driver. */
export function probeableCpus(root: string = DEV_CPU): number[] {
  try {
    return readdirSync(root)
      .filter((name) => /^\d{1,6}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}

function probeCpu(number: number, root: string): ProbedCpu {
  const path = `${root}/${number}/cpuid`;
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new ProbeError(path, errnoOf(error));
  }
  try {
    const bytes = new DataView(new ArrayBuffer(BYTES_PER_LEAF));
    const read = (leaf: number, subleaf: number): ParsedRow => {
      const got = readSync(file, bytes, 0, BYTES_PER_LEAF, BigInt(leaf) | (BigInt(subleaf) << 32n));
      if (got !== BYTES_PER_LEAF) throw new ProbeError(path, "");
      const register = (index: number): number => bytes.getUint32(4 * index, true);
      return { leaf, subleaf, registers: [register(0), register(1), register(2), register(3)] };
    };
    // Beyond the highest leaf Intel's CPUs repeat another one, so those are not asked for.
    const highest = read(0, 0).registers[0];
    const rows = BASIC.filter(([leaf]) => leaf <= highest).flatMap(([leaf, count]) =>
      Array.from({ length: count }, (_, subleaf) => read(leaf, subleaf)),
    );
    const last = Math.min(read(EXTENDED_FIRST, 0).registers[0], EXTENDED_LAST);
    for (let leaf = EXTENDED_FIRST; leaf <= last; leaf++) rows.push(read(leaf, 0));
    return { number, rows };
  } catch (error) {
    throw error instanceof ProbeError ? error : new ProbeError(path, errnoOf(error));
  } finally {
    closeSync(file);
  }
}

/**
 * Reads this machine's CPUID, by default on every logical CPU, into a dump of format `dev-cpu`.
 * Throws ProbeError where the driver or the permission is missing.
 */
export function probeCpuid(cpus?: readonly number[], root: string = DEV_CPU): RawDump {
  const numbers = cpus ?? probeableCpus(root);
  // Without the driver: try the first one, for the reason.
  return devCpuDump((numbers.length === 0 ? [0] : numbers).map((number) => probeCpu(number, root)));
}
