/** The oracle's first record: the machine that it runs on. */

import { type ComponentRow, componentRow } from "../../layout/component-row.ts";

/** The machine, by the CPUID instruction and XGETBV(0). */
export interface OracleHello {
  readonly vendor: string;
  readonly brand: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly xcr0: bigint;
  /** XCR0 less components that the system did not permit this process to use (TILEDATA). */
  readonly permitted: bigint;
  /** CPUID.(0DH,1):EAX bits. */
  readonly xsaveopt: boolean;
  readonly xsavec: boolean;
  readonly xgetbv1: boolean;
  readonly xsaves: boolean;
  readonly xfd: boolean;
  /** CPUID 80000008H EBX bit 2 (AMD). */
  readonly xsaveerptr: boolean;
  /** CPUID.(7,0):EBX[6] and [13]. */
  readonly fdpExceptionOnly: boolean;
  readonly fcsFdsDeprecated: boolean;
  /** Leaf 0DH, sub-leaves 0..63: EAX, EBX, ECX, EDX. */
  readonly leafD: readonly (readonly [number, number, number, number])[];
  /** EAX, EBX, ECX, EDX of leaves 1, (7,0), (7,1), 80000008H. */
  readonly leaves: Readonly<Record<"1" | "7.0" | "7.1" | "80000008", readonly [number, number, number, number]>>;
  /** Rows of leaf 0DH for all components in XCR0 or enumerated as supervisor. */
  readonly components: readonly ComponentRow[];
  /** Length of every area and image: 4,096 or what the largest area needs. */
  readonly areaBytes: number;
  /** Length of a register block in replies, and where components lie in it. */
  readonly registerBytes: number;
  readonly registerOffsets: ReadonlyMap<number, number>;
}

const HELLO_MAGIC = 0x484b5358;
/** Length of the record: `struct hello` in this-cpu.h. */
export const HELLO_BYTES: number = 184 + 64 * 4 + 64 * 16;

/** Reads the record. Throws Error if it is not one of this version. */
export function parseHello(bytes: Uint8Array): OracleHello {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  if (bytes.byteLength < HELLO_BYTES || u32(0) !== HELLO_MAGIC || u32(4) !== 1 || u32(8) !== HELLO_BYTES) {
    throw new Error("oracle: unexpected hello record");
  }
  const text = (offset: number, length: number): string =>
    new TextDecoder("latin1")
      .decode(bytes.subarray(offset, offset + length))
      .replace(/\0.*$/s, "")
      .trim();
  const four = (offset: number): readonly [number, number, number, number] => [
    u32(offset),
    u32(offset + 4),
    u32(offset + 8),
    u32(offset + 12),
  ];
  const leafD = Array.from({ length: 64 }, (_, i) => four(440 + 16 * i));
  const row = (i: number): readonly [number, number, number, number] => leafD[i] ?? [0, 0, 0, 0];
  const features = u32(48);
  const leaf7 = four(72);
  const leaf80000008 = four(104);
  const xcr0 = view.getBigUint64(32, true);
  const supervisors = (BigInt(row(1)[3]) << 32n) | BigInt(row(1)[2]);
  const components: ComponentRow[] = [];
  const registerOffsets = new Map<number, number>();
  for (let index = 0; index < 63; index++) {
    const offset = view.getInt32(184 + 4 * index, true);
    if (offset >= 0) registerOffsets.set(index, offset);
    if (index < 2 || (((xcr0 | supervisors) >> BigInt(index)) & 1n) === 0n) continue;
    const [size, standardOffset, flags] = row(index);
    components.push(componentRow(index, size, standardOffset, flags));
  }
  return {
    vendor: text(120, 16),
    brand: text(136, 48),
    family: u32(20),
    model: u32(24),
    stepping: u32(28),
    xcr0,
    permitted: view.getBigUint64(40, true),
    xsaveopt: (features & 1) !== 0,
    xsavec: (features & 2) !== 0,
    xgetbv1: (features & 4) !== 0,
    xsaves: (features & 8) !== 0,
    xfd: (features & 16) !== 0,
    xsaveerptr: (leaf80000008[1] & 4) !== 0,
    fdpExceptionOnly: (leaf7[1] & (1 << 6)) !== 0,
    fcsFdsDeprecated: (leaf7[1] & (1 << 13)) !== 0,
    leafD,
    leaves: { "1": four(56), "7.0": leaf7, "7.1": four(88), "80000008": leaf80000008 },
    components,
    areaBytes: u32(12),
    registerBytes: u32(16),
    registerOffsets,
  };
}
