import fc from "fast-check";
import { expect, test } from "vitest";
import { bitsOf, maskOfBits } from "../../src/isa/feature-mask.ts";
import { LayoutError, areaLayout, offsetOf } from "../../src/layout/area-layout.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import { loadModel } from "../model/model-files.ts";

/** `5@832 17@3264 | 11520`, as CPUID dumps and manuals give it. */
function compacted(id: string, mask: bigint): string {
  const layout = areaLayout(loadModel(id), mask, "compacted");
  return `${layout.components.map(({ row, offset }) => `${row.index}@${offset}`).join(" ")} | ${layout.size}`;
}

test.each([
  // EBX of sub-leaf 1 in real dumps is the end.
  [
    "intel-sapphire-rapids",
    0x602e7n | maskOfBits([10, 15]),
    "2@576 5@832 6@896 7@1408 9@2432 10@2440 15@2448 17@3264 18@3328 | 11520",
  ],
  ["intel-tiger-lake", 0x2e7n | maskOfBits([11]), "2@576 5@832 6@896 7@1408 9@2432 11@2440 | 2456"],
  ["amd-zen-3", 0x207n, "2@576 9@832 | 840"],
  ["amd-zen-3", 0x207n | maskOfBits([11, 12]), "2@576 9@832 11@840 12@856 | 880"],
  ["intel-skylake-client", 0x1fn, "2@576 3@832 4@896 | 960"],
  ["intel-kaby-lake-pentium", 0x1bn, "3@576 4@640 | 704"],
  ["amd-zen-5-kvm-guest", 0xe7n | maskOfBits([11, 12]), "2@576 5@832 6@896 7@1408 11@2432 12@2448 | 2472"],
  ["amd-zen-2", 0x207n, "2@576 9@832 | 896"],
  // Computed by the rules: no dump of APX shows a compacted size.
  ["intel-diamond-rapids", 0xe02e7n, "2@576 5@832 6@896 7@1408 9@2432 17@2496 18@2560 19@10752 | 10880"],
  ["intel-diamond-rapids", 0x80007n, "2@576 19@832 | 960"],
  ["intel-diamond-rapids", 0x600e7n, "2@576 5@832 6@896 7@1408 17@2432 18@2496 | 10688"],
  ["intel-sapphire-rapids", 0n, " | 576"],
  ["intel-sapphire-rapids", 3n, " | 576"],
])("%s compacted %s", (id, mask, expected) => {
  expect(compacted(id, mask)).toBe(expected);
});

test("the standard format takes CPUID's offsets; its size is a maximum", () => {
  const standard = (id: string, mask: bigint): unknown[] => {
    const layout = areaLayout(loadModel(id), mask, "standard");
    return [layout.components.map(({ offset }) => offset), layout.size];
  };
  expect(standard("intel-diamond-rapids", 0x80007n)).toEqual([[576, 960], 1088]);
  expect(standard("intel-diamond-rapids", 0xe02e7n)).toEqual([[576, 1088, 1152, 1664, 2688, 2752, 2816, 960], 11008]);
  expect(standard("amd-bulldozer", 0x4000000000000007n)).toEqual([[576, 832], 960]);
  expect(standard("amd-zen-2-4700s", 0x4000000000000207n)).toEqual([[576, 832, 896], 1024]);
  expect(standard("amd-zen-2", 0x207n)).toEqual([[576, 832], 896]);
  expect(standard("amd-zen-3", 0x207n)).toEqual([[576, 2432], 2440]);
  expect(standard("intel-tiger-lake", 3n)).toEqual([[], 576]);
});

test("a bit that cannot be placed is refused by name", () => {
  expect(() => areaLayout(loadModel("amd-zen-2"), 1n << 5n, "compacted")).toThrow(LayoutError);
  expect(() => areaLayout(loadModel("amd-zen-4"), 1n << 11n, "standard")).toThrow(/supervisor component 11/);
});

const anyRows: fc.Arbitrary<ComponentRow[]> = fc
  .uniqueArray(fc.integer({ min: 2, max: 62 }), { maxLength: 20 })
  .chain((indices) =>
    fc.tuple(
      ...indices.map((index) =>
        fc.record({
          index: fc.constant(index),
          size: fc.integer({ min: 1, max: 9000 }),
          standardOffset: fc.integer({ min: 576, max: 20000 }),
          supervisor: fc.constant(false),
          align64: fc.boolean(),
          xfd: fc.boolean(),
        }),
      ),
    ),
  );
const rowsAndMask = fc.tuple(anyRows, fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), fc.bigInt({ min: 0n, max: 3n }));

/** The SDM's words with no shared arithmetic: each component starts where all before it end. */
function naiveOffset(rows: readonly ComponentRow[], mask: bigint, index: number): number {
  let position = 576;
  for (let bit = 2; bit <= index; bit++) {
    if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
    const row = rows.find((each) => each.index === bit);
    if (!row) throw new Error("mask is within the rows");
    while (row.align64 && position % 64 !== 0) position++;
    if (bit === index) return position;
    position += row.size;
  }
  return position;
}

test("compacted offsets equal a second arithmetic", () => {
  fc.assert(
    fc.property(rowsAndMask, ([rows, wanted, legacy]) => {
      const mask = (wanted & maskOfBits(rows.map((row) => row.index))) | legacy;
      const layout = areaLayout({ components: rows }, mask, "compacted");
      for (const { row, offset } of layout.components) expect(offset).toBe(naiveOffset(rows, mask, row.index));
      const last = layout.components.at(-1);
      expect(layout.size).toBe(last ? last.offset + last.row.size : 576);
      expect(layout.components.map(({ row }) => row.index)).toEqual(bitsOf(mask).filter((bit) => bit > 1));
    }),
  );
});

test("compacted components never overlap, aligned ones are aligned, dropping a bit never moves anything up", () => {
  fc.assert(
    fc.property(rowsAndMask, ([rows, wanted]) => {
      const mask = wanted & maskOfBits(rows.map((row) => row.index));
      const layout = areaLayout({ components: rows }, mask, "compacted");
      let end = 576;
      for (const { row, offset } of layout.components) {
        expect(offset).toBeGreaterThanOrEqual(end);
        if (row.align64) expect(offset % 64).toBe(0);
        else expect(offset).toBe(end);
        end = offset + row.size;
      }
      for (const dropped of bitsOf(mask)) {
        const smaller = areaLayout({ components: rows }, mask & ~(1n << BigInt(dropped)), "compacted");
        for (const { row, offset } of smaller.components) expect(offset).toBeLessThanOrEqual(offsetOf(layout, row.index) ?? -1);
      }
    }),
  );
});

test("the standard size is the largest end, at least 576", () => {
  fc.assert(
    fc.property(rowsAndMask, ([rows, wanted]) => {
      const mask = wanted & maskOfBits(rows.map((row) => row.index));
      const layout = areaLayout({ components: rows }, mask, "standard");
      const ends = rows.filter((row) => (mask >> BigInt(row.index)) & 1n).map((row) => (row.standardOffset ?? 0) + row.size);
      expect(layout.size).toBe([576, ...ends].reduce((most, each) => (each > most ? each : most)));
    }),
  );
});
