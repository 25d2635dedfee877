/**
 * Numbers for rows of leaf 0DH that a dump prints without: old tools print them in ascending order and leave
 * some out, so sizes and offsets decide which. Where they leave a choice, a row stays without a number.
 */

import { bitsOf, hasBit, maskOf } from "../isa/feature-mask.ts";
import { stateComponent } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { CpuidRegisters, CpuidRow } from "./raw-dump.ts";

/** A row and its sub-leaf: undefined where nothing or more than one thing fits. */
export interface NumberedRow {
  readonly row: CpuidRow;
  readonly subleaf: number | undefined;
}

/** PKRU takes 64 bytes on AMD Zen 2, 8 everywhere else. */
const OTHER_SIZES: ReadonlyMap<number, number> = new Map([[9, 64]]);

/** Standard-format offsets by component in the five offset maps that real CPUs are known to have. */
const KNOWN_OFFSETS: ReadonlyMap<number, readonly number[]> = new Map([
  [2, [576]],
  [3, [960]],
  [4, [1024]],
  [5, [1088, 832]],
  [6, [1152, 896]],
  [7, [1664, 1408]],
  [9, [2688, 2432, 832]],
  [17, [2752]],
  [18, [2816]],
  [19, [960]],
  [62, [832, 896]],
]);

/** True if all four registers are 0. */
export function isZeroRow(registers: CpuidRegisters): boolean {
  return registers.every((value) => value === 0);
}

/** Bits 0 and 1 always set, ECX a size of at least legacy region and header. */
const fitsSubleaf0 = ([eax, , ecx]: CpuidRegisters): boolean => eax % 4 === 3 && ecx >= EXTENDED_REGION_OFFSET;

/** EAX has five defined bits, and XSAVES comes with XSAVEC. All zero before any of them existed. */
function fitsSubleaf1([eax, ebx]: CpuidRegisters): boolean {
  return eax <= 0x1f && (eax < 8 || (eax & 0b1010) !== 0b1000) && (ebx === 0 || ebx >= EXTENDED_REGION_OFFSET);
}

function fitsComponent([size, offset, flags]: CpuidRegisters, index: number, xcr0: bigint, xss: bigint): boolean {
  const supervisor = (flags & 1) === 1;
  if (!hasBit(supervisor ? xss : xcr0, index)) return false;
  if (supervisor ? offset !== 0 : offset < EXTENDED_REGION_OFFSET) return false;
  const known = stateComponent(index);
  if (known && size !== known.size && size !== OTHER_SIZES.get(index)) return false;
  return size > 0;
}

type Fits = (registers: CpuidRegisters, index: number) => boolean;

/** Matches rows with ascending indices, each to the first that fits and is still ahead. */
function matchAscending(rows: readonly CpuidRow[], indices: readonly number[], fits: Fits): (number | undefined)[] {
  let from = 0;
  return rows.map((row) => {
    const at = indices.findIndex((index, position) => position >= from && fits(row.registers, index));
    if (at < 0) return undefined;
    from = at + 1;
    return indices[at];
  });
}

/** The same from the end: equal answers from both sides mean that there is only one. */
function matchUnique(rows: readonly CpuidRow[], indices: readonly number[], fits: Fits): (number | undefined)[] {
  const forward = matchAscending(rows, indices, fits);
  const backward = matchAscending(rows.toReversed(), indices.toReversed(), fits).toReversed();
  return forward.map((index, i) => (index === backward[i] ? index : undefined));
}

/** Numbers the rows of leaf 0DH, in the dump's order; printed numbers stay as they are. */
export function inferSubleaves(rows: readonly CpuidRow[]): NumberedRow[] {
  const printed = new Map(rows.flatMap((row) => (row.subleaf === undefined ? [] : [[row.subleaf, row.registers] as const])));
  const rest = rows.filter((row) => row.subleaf === undefined);
  const numbers = new Map<CpuidRow, number | undefined>();
  const take = (index: number, fits: (registers: CpuidRegisters) => boolean): CpuidRegisters | undefined => {
    const row = rest[0];
    if (printed.has(index) || !row || !fits(row.registers)) return printed.get(index);
    numbers.set(row, index);
    rest.shift();
    return row.registers;
  };
  const leaf0 = take(0, fitsSubleaf0);
  if (leaf0) {
    const leaf1 = take(1, fitsSubleaf1);
    const xcr0 = maskOf(leaf0[0], leaf0[3]);
    const xss = leaf1 ? maskOf(leaf1[2], leaf1[3]) : 0n;
    const left = rest.filter((row) => !isZeroRow(row.registers));
    const indices = bitsOf(xcr0 | xss).filter((index) => index >= 2 && index < 63 && !printed.has(index));
    const bySize: Fits = (registers, index) => fitsComponent(registers, index, xcr0, xss);
    const byOffset: Fits = (registers, index) =>
      bySize(registers, index) && ((registers[2] & 1) === 1 || (KNOWN_OFFSETS.get(index)?.includes(registers[1]) ?? true));
    const exact = matchUnique(left, indices, byOffset);
    // An offset that no map has is no reason to refuse when sizes and order suffice.
    const found = exact.includes(undefined) ? matchUnique(left, indices, bySize) : exact;
    const better = found.includes(undefined) ? exact : found;
    left.forEach((row, i) => numbers.set(row, better[i]));
  } else if (rows.every((row) => isZeroRow(row.registers))) {
    rest.forEach((row, i) => numbers.set(row, i));
  }
  return rows.map((row) => ({ row, subleaf: row.subleaf ?? numbers.get(row) }));
}
