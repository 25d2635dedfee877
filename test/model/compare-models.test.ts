import { expect, test } from "vitest";
import { compareModels } from "../../src/model/compare-models.ts";
import { loadModel } from "./model-files.ts";

test("PKRU's three places", () => {
  const { models, identical, components } = compareModels(["intel-tiger-lake", "amd-zen-4", "amd-zen-2"].map(loadModel), 0x207n);
  expect(models).toEqual(["intel-tiger-lake", "amd-zen-4", "amd-zen-2"]);
  expect(identical).toBe(false);
  expect(components).toEqual([
    { index: 2, name: "AVX", differs: false, values: Array(3).fill({ size: 256, standardOffset: 576, compactedOffset: 576 }) },
    {
      index: 9,
      name: "PKRU",
      differs: true,
      values: [
        { size: 8, standardOffset: 2688, compactedOffset: 832 },
        { size: 8, standardOffset: 2432, compactedOffset: 832 },
        { size: 64, standardOffset: 832, compactedOffset: 832 },
      ],
    },
  ]);
});

test("without a mask each is laid out for all that it supports", () => {
  const { components } = compareModels(["intel-sapphire-rapids", "amd-zen-4"].map(loadModel));
  const lbr = components.find((component) => component.index === 15);
  expect(lbr?.values).toEqual([
    { size: 808, standardOffset: null, compactedOffset: 2432 + 128 + 8 + 8 + 16 + 24 + 48 },
    { size: null, standardOffset: null, compactedOffset: null },
  ]);
  expect(lbr?.differs).toBe(true);
  expect(compareModels([loadModel("intel-sandy-bridge"), loadModel("amd-zen")]).identical).toBe(true);
});

test("a CPU that does not compact has no compacted offsets, and contradicts nobody's", () => {
  const { components } = compareModels(["amd-bulldozer", "intel-haswell", "amd-zen"].map(loadModel));
  expect(components.find(({ index }) => index === 2)).toMatchObject({
    differs: false,
    values: [{ compactedOffset: null }, { compactedOffset: null }, { compactedOffset: 576 }],
  });
  expect(components.find(({ index }) => index === 62)).toMatchObject({
    differs: true,
    values: [{ size: 128, standardOffset: 832, compactedOffset: null }, { size: null }, { size: null }],
  });
});
