/** The functions of the seam that generated savers call: the proof takes them as they are. */

import { expect, test } from "vitest";
import { move128, move64, mxcsrInUse } from "../../src/runtime/generated-v1.ts";

test.each([
  ["move64", move64, 8],
  ["move128", move128, 16],
] as const)("%s moves its elements and no other", (_, move, count) => {
  const from = BigUint64Array.from({ length: 40 }, (__, i) => BigInt(i) * 0x0101_0101_0101_0101n);
  const to = new BigUint64Array(40).fill(~0n);
  move(to, 5, from, 11);
  for (let i = 0; i < 40; i++) expect(to[i], `element ${i}`).toBe(i >= 5 && i < 5 + count ? from[i + 6] : 0xffff_ffff_ffff_ffffn);
});

test("MXCSR counts where it is not 1F80H, whichever bit differs", () => {
  expect(mxcsrInUse(0x1f80)).toBe(0);
  for (let bit = 0; bit < 32; bit++) expect(mxcsrInUse(0x1f80 ^ (1 << bit)), `bit ${bit}`).toBe(2);
  for (const value of [0, -1, 0x7fff_ffff, -0x8000_0000, 0x8000_1f80 | 0]) expect(mxcsrInUse(value)).toBe(2);
});
