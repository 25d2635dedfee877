/**
 * Does a printed leaf 0DH add up? Rules about the fields that no model keeps: both EBX values of the
 * moment, and the reserved parts of rows. Whether rows and masks agree is the model's lint (`lint-model.ts`).
 * "SDM" is Intel SDM volume 1, 13.2.
 */

import type { CpuidRegisters } from "../isa/cpuid-registers.ts";
import { bitsOf, maskOf } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";

/** Leaf 0DH of one CPU by sub-leaf. */
export type LeafD = ReadonlyMap<number, CpuidRegisters>;

/** What does not add up, and in which sub-leaf. */
export interface LeafDFinding {
  readonly rule: string;
  readonly severity: "error" | "warning";
  readonly subleaf: number;
  readonly message: string;
  readonly remedy: string;
}

type Rule = (leafD: LeafD) => Iterable<LeafDFinding>;

const NONE: CpuidRegisters = [0, 0, 0, 0];
const at = (leafD: LeafD, subleaf: number): CpuidRegisters => leafD.get(subleaf) ?? NONE;
const warn = (rule: string, subleaf: number, message: string, remedy: string): LeafDFinding => ({
  rule,
  severity: "warning",
  subleaf,
  message,
  remedy,
});

const SNAPSHOT = "only a snapshot field: the model does not depend on it";

/** Compacted size over all rows: an upper bound for any XCR0 and IA32_XSS, unknown if a row is missing. */
function largestCompacted(leafD: LeafD): number | undefined {
  const [low, , , high] = at(leafD, 0);
  const [, , xssLow, xssHigh] = at(leafD, 1);
  let end = EXTENDED_REGION_OFFSET;
  for (const index of bitsOf(maskOf(low, high) | maskOf(xssLow, xssHigh))) {
    if (index < 2) continue;
    const [size, , flags] = at(leafD, index);
    if (size === 0) return undefined;
    end = (flags & 2 ? Math.ceil(end / 64) * 64 : end) + size;
  }
  return end;
}

const RULES: readonly Rule[] = [
  function* sizeNow(leafD) {
    const [, now, max] = at(leafD, 0);
    if (now > max)
      yield warn("size-now-above-max", 0, `EBX (size for XCR0 now) is ${now}, above ECX (size for all) ${max}`, SNAPSHOT);
    // Xen blanks it, Firecracker stores the value of a guest that never ran: 0 is the only value that is no size.
    else if (now < EXTENDED_REGION_OFFSET && max !== 0)
      yield warn("size-now-below-576", 0, `EBX (size for XCR0 now) is ${now}; no area is below 576`, SNAPSHOT);
  },
  function* compactedNow(leafD) {
    if (!leafD.has(1)) return;
    const [flags, now] = at(leafD, 1);
    const compacts = (flags & 0b1010) !== 0;
    if (!compacts) {
      if (now !== 0)
        yield warn(
          "size-compacted-without-xsavec",
          1,
          `EBX is ${now} though neither XSAVEC nor XSAVES is reported; it must be 0`,
          SNAPSHOT,
        );
      return;
    }
    const most = largestCompacted(leafD);
    if (now < EXTENDED_REGION_OFFSET)
      yield warn("size-compacted-now", 1, `EBX (compacted size now) is ${now}; no area is below 576`, SNAPSHOT);
    else if (most !== undefined && now > most)
      yield warn("size-compacted-now", 1, `EBX (compacted size now) is ${now}; all rows together end at ${most}`, SNAPSHOT);
  },
  function* supervisorOffset(leafD) {
    for (const [subleaf, [, offset, flags]] of leafD) {
      if (subleaf >= 2 && flags & 1 && offset !== 0)
        yield warn(
          "supervisor-with-offset",
          subleaf,
          `EBX is ${offset}; supervisor components have no offset`,
          "the offset is ignored",
        );
    }
  },
  function* reserved(leafD) {
    for (const [subleaf, [, , flags, edx]] of leafD) {
      if (subleaf < 2) continue;
      if (flags & ~7)
        yield warn(
          "reserved-bits",
          subleaf,
          `ECX is ${hex(flags)}; only bits 0-2 are defined`,
          "check that the row is what the CPU returned",
        );
      else if (edx !== 0)
        yield warn(
          "reserved-bits",
          subleaf,
          `EDX is ${hex(edx)}; it is reserved as 0`,
          "parts without more leaves echo another leaf: check the row",
        );
    }
  },
];

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** All snapshot-field findings of a leaf 0DH. */
export function lintLeafD(leafD: LeafD): LeafDFinding[] {
  return RULES.flatMap((rule) => [...rule(leafD)]);
}
