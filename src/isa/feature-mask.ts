/**
 * State-component bitmaps (XCR0, IA32_XSS, RFBM, XSTATE_BV, XCOMP_BV, XINUSE): 64-bit masks,
 * `bigint` at the edge of the library and pairs of unsigned 32-bit words inside.
 */

import { componentName } from "./state-component.ts";

/** A 64-bit mask as `[low, high]`, two unsigned 32-bit words. */
export type MaskPair = readonly [low: number, high: number];

const MASK64 = 0xffff_ffff_ffff_ffffn;

/** XCOMP_BV bit 63: set in the header of an area in the compacted format (SDM vol. 1, 13.4.3). */
export const XCOMP_BV_COMPACTED: bigint = 1n << 63n;

/** Splits a mask into its `[low, high]` words. Throws RangeError outside 0 .. 2^64-1, TypeError for a number. */
export function maskPair(mask: bigint): MaskPair {
  if (typeof mask !== "bigint") throw new TypeError(`"mask" expected a bigint such as 0xe7n, got ${String(mask)}`);
  if (BigInt.asUintN(64, mask) !== mask) throw new RangeError(`"mask" expected 0 .. 0xffffffffffffffff, got ${mask}`);
  return [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
}

/** Joins two 32-bit words (signed or unsigned) into a mask. */
export function maskOf(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The mask with just the given bits set. */
export function maskOfBits(bits: Iterable<number>): bigint {
  let mask = 0n;
  for (const bit of bits) mask |= 1n << BigInt(bit);
  return mask;
}

/** The set bits of a mask, ascending. */
export function bitsOf(mask: bigint): number[] {
  const bits: number[] = [];
  for (let bit = 0, rest = mask & MASK64; rest !== 0n; bit++, rest >>= 1n) {
    if (rest & 1n) bits.push(bit);
  }
  return bits;
}

/** True if `mask` has bit `bit`. */
export function hasBit(mask: bigint, bit: number): boolean {
  return ((mask >> BigInt(bit)) & 1n) === 1n;
}

/** `0x2e7`: a mask in lower-case hexadecimal without leading zeros. */
export function maskHex(mask: bigint): string {
  return `0x${mask.toString(16)}`;
}

/** `0x7 (x87, SSE, AVX)`: hexadecimal and component names, for messages. */
export function maskWithNames(mask: bigint): string {
  const names = bitsOf(mask).map(componentName);
  return names.length === 0 ? maskHex(mask) : `${maskHex(mask)} (${names.join(", ")})`;
}

/**
 * Reads a mask as people write it: `0x2e7`, `2e7h`, or decimal.
 * Returns undefined for anything else or above 64 bits.
 */
export function parseMask(text: string): bigint | undefined {
  const hex = /^(?:0x([0-9a-f_]{1,32})|([0-9][0-9a-f_]{0,31})h)$/i.exec(text.trim());
  const digits = hex ? (hex[1] ?? hex[2] ?? "").replaceAll("_", "") : undefined;
  if (digits === "" || (digits === undefined && !/^[0-9]{1,20}$/.test(text.trim()))) return undefined;
  const mask = digits === undefined ? BigInt(text.trim()) : BigInt(`0x${digits}`);
  return mask <= MASK64 ? mask : undefined;
}
