/**
 * Runs of 8-byte elements that generated savers move. As short as they are, V8 inlines them, and then they are the moves
 * themselves at the caller's constant views; written out in each of a model's savers they would be a fourth of its code.
 */

/** Moves 64 bytes; `to` and `from` count elements. */
export function move64(d: BigUint64Array, to: number, s: BigUint64Array, from: number): void {
  d[to] = s[from]!;
  d[to + 1] = s[from + 1]!;
  d[to + 2] = s[from + 2]!;
  d[to + 3] = s[from + 3]!;
  d[to + 4] = s[from + 4]!;
  d[to + 5] = s[from + 5]!;
  d[to + 6] = s[from + 6]!;
  d[to + 7] = s[from + 7]!;
}

/** Moves 128 bytes. */
export function move128(d: BigUint64Array, to: number, s: BigUint64Array, from: number): void {
  d[to] = s[from]!;
  d[to + 1] = s[from + 1]!;
  d[to + 2] = s[from + 2]!;
  d[to + 3] = s[from + 3]!;
  d[to + 4] = s[from + 4]!;
  d[to + 5] = s[from + 5]!;
  d[to + 6] = s[from + 6]!;
  d[to + 7] = s[from + 7]!;
  d[to + 8] = s[from + 8]!;
  d[to + 9] = s[from + 9]!;
  d[to + 10] = s[from + 10]!;
  d[to + 11] = s[from + 11]!;
  d[to + 12] = s[from + 12]!;
  d[to + 13] = s[from + 13]!;
  d[to + 14] = s[from + 14]!;
  d[to + 15] = s[from + 15]!;
}
