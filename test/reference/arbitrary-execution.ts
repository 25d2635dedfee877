/**
 * Arbitrary executions of save instructions that shrink: a failing case comes down to the fewest components, bits and
 * departures that still fail. The CPUs need not exist: APX beside AMX, component 20, unknown ones with any flag.
 */

import fc from "fast-check";

import type { Quirks } from "../../src/isa/vendor-behaviour.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";

interface Part {
  /** Component index, size; flags as leaf 0DH has them. */
  readonly rows: readonly (readonly [index: number, size: number, align64?: boolean, xfd?: boolean])[];
  readonly supervisor?: boolean;
}

const AVX512: Part = {
  rows: [
    [5, 64],
    [6, 512],
    [7, 1024],
  ],
};
const MPX: Part = {
  rows: [
    [3, 64],
    [4, 64],
  ],
};
const AMX: Part = {
  rows: [
    [17, 64, true],
    [18, 8192, true, true],
  ],
};
const APX: Part = { rows: [[19, 128]] };
const AVX: Part = { rows: [[2, 256]] };
const pkru = (size: number): Part => ({ rows: [[9, size]] });
const supervisor = (index: number, size: number): Part => ({ rows: [[index, size]], supervisor: true });
const SUPERVISORS = [
  supervisor(8, 128),
  supervisor(10, 8),
  supervisor(11, 16),
  supervisor(12, 24),
  supervisor(13, 8),
  supervisor(14, 48),
  supervisor(15, 808),
  supervisor(16, 8),
];

const unknown: fc.Arbitrary<Part> = fc
  .record({ index: fc.integer({ min: 21, max: 61 }), size: fc.integer({ min: 1, max: 300 }), supervisor: fc.boolean() })
  .chain(({ index, size, supervisor: isSupervisor }) =>
    fc.tuple(fc.boolean(), fc.boolean()).map(([align64, xfd]) => ({
      rows: [[index, size, align64, xfd && !isSupervisor]] as const,
      supervisor: isSupervisor,
    })),
  );

const userPart: fc.Arbitrary<Part> = fc.oneof(
  fc.constantFrom(AVX, AVX512, MPX, AMX, APX, pkru(8), pkru(64), { rows: [[62, 128]] } as Part),
  fc.tuple(fc.boolean(), fc.boolean()).map(([align64, xfd]) => ({ rows: [[20, 128, align64, xfd]] as const })),
  unknown,
);

const indexOf = ({ rows }: Part): number => rows[0]![0];
const maskOf = (parts: readonly Part[]): bigint =>
  parts.flatMap(({ rows }) => rows).reduce((mask, [index]) => mask | (1n << BigInt(index)), 0n);

/** What XSETBV accepts of parts, by construction: AVX-512 leans on AVX, and APX lies over MPX. */
function enabledXcr0(parts: readonly Part[], enabled: readonly boolean[], sse: boolean): bigint {
  const user = parts.filter((part, i) => part.supervisor !== true && enabled[i] !== false);
  const has = (part: number): boolean => user.some((each) => indexOf(each) === part);
  const kept = user.filter((part) => {
    const index = indexOf(part);
    if (index === 2) return sse;
    if (index === 5) return sse && has(2);
    return !(index === 3 && has(19));
  });
  return 1n | (sse ? 2n : 0n) | maskOf(kept);
}

const quirks: fc.Arbitrary<Quirks> = fc.record(
  {
    x87Pointers: fc.constantFrom("saved" as const, "zero-unless-es" as const, "kept-unless-es" as const),
    mxcsrMask: fc.constantFrom(0xffff, 0x2ffff),
    pkruUpperBytes: fc.constant("kept" as const),
    x87Selectors: fc.constant("zero" as const),
    pkruModified: fc.constant("always" as const),
    xinuseOfPointers: fc.constant("ignored" as const),
    xinuseOutside64: fc.constant("all-registers" as const),
    xinuseOfMxcsr: fc.constant("counted" as const),
  },
  { requiredKeys: ["x87Pointers", "mxcsrMask"] },
);

/** A CPU with an XCR0 and IA32_XSS that it accepts. */
export interface ArbitraryCpu {
  readonly cpu: ProcessorDescription;
  readonly xcr0: bigint;
  readonly xss: bigint;
}

/** CPUs of up to eight parts, in an order of standard offsets that has nothing to do with their indices. */
export const arbitraryCpu: fc.Arbitrary<ArbitraryCpu> = fc
  .record({
    parts: fc.uniqueArray(
      fc.oneof({ weight: 3, arbitrary: userPart }, { weight: 2, arbitrary: fc.constantFrom(...SUPERVISORS) }),
      {
        maxLength: 8,
        selector: indexOf,
      },
    ),
    enabled: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    gaps: fc.array(fc.constantFrom(0, 0, 8, 64, 3), { minLength: 8, maxLength: 8 }),
    sse: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    quirks,
  })
  .map(({ parts, enabled, gaps, sse, quirks: words }) => {
    const components: ComponentRow[] = [];
    let end = 576;
    parts.forEach((part, i) => {
      for (const [index, size, align64 = false, xfd = false] of part.rows) {
        const isSupervisor = part.supervisor === true;
        if (!isSupervisor) end += gaps[i]!;
        const standardOffset = isSupervisor ? undefined : end;
        components.push({ index, size, standardOffset, supervisor: isSupervisor, align64, xfd });
        if (!isSupervisor) end += size;
      }
    });
    const users = parts.filter((part) => part.supervisor !== true);
    const supervisors = parts.filter((part) => part.supervisor === true);
    const { pkruUpperBytes, ...rest } = words;
    const shortPkru = components.some(({ index, size }) => index === 9 && size === 8);
    return {
      cpu: {
        id: "arbitrary",
        xcr0Supported: 3n | maskOf(users),
        xssSupported: maskOf(supervisors),
        instructions: { xsaveopt: true, xsavec: true, xgetbv1: true, xsaves: true, xfd: components.some((row) => row.xfd) },
        components: components.toSorted((a, b) => a.index - b.index),
        quirks: shortPkru && pkruUpperBytes !== undefined ? { ...rest, pkruUpperBytes } : rest,
      },
      xcr0: enabledXcr0(parts, enabled, sse),
      xss: maskOf(supervisors.filter((_, i) => enabled[7 - i] !== false)),
    };
  });

/** A save and the state it meets. */
export interface ArbitrarySave {
  readonly instruction: "XSAVE" | "XSAVEOPT" | "XSAVEC" | "XSAVES";
  readonly mode: { readonly operandSize: 32 | 64; readonly mode64: boolean };
  readonly mask: bigint;
  readonly xinuse: bigint;
  readonly xfd: bigint;
  readonly mxcsr: number;
  /** Multiples of 64. */
  readonly place: number;
  /** Makes register contents and the area's old bytes. */
  readonly seed: number;
  /** A restore that came before it, for the modified optimisation; undefined: none. */
  readonly restored:
    | {
        readonly rfbm: bigint;
        readonly samePlace: boolean;
        readonly sameLevel: boolean;
        readonly sameVmx: boolean;
        readonly xcompBv: "own" | "zero" | "other";
        readonly wrote: bigint;
      }
    | undefined;
}

const anyMask = fc.oneof(
  fc.constant(0xffff_ffff_ffff_ffffn),
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.uniqueArray(fc.integer({ min: 0, max: 63 })).map((bits) => bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n)),
);

export const arbitrarySave: fc.Arbitrary<ArbitrarySave> = fc.record({
  instruction: fc.constantFrom("XSAVE" as const, "XSAVEOPT" as const, "XSAVEC" as const, "XSAVES" as const),
  mode: fc.constantFrom(
    { operandSize: 64, mode64: true } as const,
    { operandSize: 32, mode64: true } as const,
    { operandSize: 32, mode64: false } as const,
  ),
  mask: anyMask,
  xinuse: anyMask,
  xfd: fc.oneof(fc.constant(0n), anyMask),
  mxcsr: fc.constantFrom(0x1f80, 0x1fa0, 0x9fc0),
  place: fc.nat(20),
  seed: fc.integer(),
  restored: fc.option(
    fc.record({
      rfbm: anyMask,
      samePlace: fc.constantFrom(true, true, true, false),
      sameLevel: fc.constantFrom(true, true, true, false),
      sameVmx: fc.constantFrom(true, true, true, false),
      xcompBv: fc.constantFrom("own" as const, "own" as const, "zero" as const, "other" as const),
      wrote: anyMask,
    }),
    { nil: undefined },
  ),
});
