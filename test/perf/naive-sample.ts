/**
 * The register part of a sample, written slowly and obviously from the tables of the record format: register names in,
 * bytes out. It shares nothing with `src/perf`.
 */

/** A register file by names: general registers, "xmm0".."zmm31" as 64 bytes by number, k, r16-r31, ssp. */
export interface NamedRegisters {
  readonly general: Readonly<Record<string, bigint>>;
  /** 64 bytes each. */
  readonly zmm: readonly Uint8Array[];
  readonly k: readonly bigint[];
}

const ORDER = "ax bx cx dx si di bp sp ip flags cs ss ds es fs gs r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

const u64 = (value: bigint): number[] => Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
const u16 = (value: number): number[] => [value & 255, value >> 8];

export interface NaiveRequest {
  readonly regs: bigint;
  readonly simd?: { readonly vectors: bigint; readonly qwords: number; readonly predicates: bigint };
}

/** The bytes of one set. */
export function naiveSample(registers: NamedRegisters, request: NaiveRequest): Uint8Array {
  const out: number[] = [...u64(request.simd ? 6n : 2n)];
  for (let bit = 0; bit < 64; bit++) {
    if (((request.regs >> BigInt(bit)) & 1n) === 0n) continue;
    if (bit < 24) out.push(...u64(registers.general[ORDER[bit]!] ?? 0n));
    else if (request.simd) out.push(...u64(registers.general[bit === 40 ? "ssp" : `r${bit - 8}`] ?? 0n));
    else {
      const vector = Math.floor((bit - 32) / 2);
      const half = (bit - 32) % 2;
      out.push(...registers.zmm[vector]!.subarray(8 * half, 8 * half + 8));
    }
  }
  if (request.simd) {
    const { vectors, qwords, predicates } = request.simd;
    const ones = (mask: bigint): number => [...mask.toString(2)].filter((digit) => digit === "1").length;
    out.push(...u16(ones(vectors)), ...u16(qwords), ...u16(ones(predicates)), ...u16(1));
    for (let n = 0; n < 32; n++) if ((vectors >> BigInt(n)) & 1n) out.push(...registers.zmm[n]!.subarray(0, 8 * qwords));
    for (let n = 0; n < 8; n++) if ((predicates >> BigInt(n)) & 1n) out.push(...u64(registers.k[n]!));
  }
  return Uint8Array.from(out);
}
