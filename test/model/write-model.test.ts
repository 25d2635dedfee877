import fc from "fast-check";
import { expect, test } from "vitest";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { X87_POINTER_RULES } from "../../src/isa/vendor-behaviour.ts";
import { MODEL_KINDS } from "../../src/model/cpu-model.ts";
import { figureNames } from "../../src/model/figure-sources.ts";
import { readModel } from "../../src/model/read-model.ts";
import { writeModel } from "../../src/model/write-model.ts";
import { loadModel } from "./model-files.ts";

const words = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}$/);
const text = fc.stringMatching(/^[ -)+-_a-z|~]{1,160}$/);

/** Any texts, signatures and masks around the rows of a real model, so that the lint rules hold. */
const anyModel: fc.Arbitrary<CpuModel> = fc
  .record({
    base: fc.constantFrom("amd-zen-4", "intel-diamond-rapids", "amd-zen-2-4700s", "intel-penryn", "intel-granite-rapids"),
    id: words,
    name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 .,+()/&@_-]{0,60}$/),
    vendor: fc.constantFrom("GenuineIntel", "AuthenticAMD", "  Shanghai  ", "VIA VIA VIA "),
    kind: fc.constantFrom(...MODEL_KINDS),
    signatures: fc.array(
      fc.record({ family: fc.nat(0x10e), model: fc.nat(255), stepping: fc.nat(15) }, { requiredKeys: ["family", "model"] }),
      { maxLength: 3 },
    ),
    quirks: fc.record(
      {
        x87Pointers: fc.constantFrom(...X87_POINTER_RULES),
        mxcsrMask: fc.nat(),
        x87PointerWidth: fc.constantFrom("48-bit" as const, "57-bit" as const),
        pkruUpperBytes: fc.constant("kept" as const),
        xinuseOfMxcsr: fc.constant("counted" as const),
      },
      { requiredKeys: ["x87Pointers", "mxcsrMask"] },
    ),
    maskNames: fc.uniqueArray(
      words.filter((word) => /^[a-z]/.test(word)),
      { maxLength: 3 },
    ),
    sources: fc.array(text, { minLength: 1, maxLength: 3 }),
    sourced: fc.array(fc.tuple(text, fc.array(fc.nat(40), { minLength: 1, maxLength: 4 })), { maxLength: 3 }),
    notes: fc.option(text, { nil: undefined }),
  })
  .map(({ base, maskNames, notes, sources, sourced, ...rest }) => {
    const { notes: _, ...model } = loadModel(base);
    const masks = maskNames.map((name, at) => ({ name, rfbm: at === 0 ? 7n & model.xcr0Supported : 3n }));
    const names = figureNames({ ...model, ...rest });
    const some = (picks: number[]): string[] => names.filter((_, at) => picks.some((pick) => pick % names.length === at));
    const all = [
      ...sources.map((source) => ({ source })),
      ...sourced.map(([source, picks]) => ({ source, figures: some(picks) })),
      { source: "seen", figures: names.filter((name) => name.startsWith("quirks.")) },
    ];
    return { ...model, ...rest, sources: all, masks, ...(notes === undefined ? {} : { notes }) };
  });

test("reading what was written gives the model back, and writing it again the text", () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const written = writeModel(model);
      const { model: read, diagnostics } = readModel(written, `${model.id}.yaml`);
      expect(diagnostics).toEqual([]);
      expect(read).toEqual(model);
      expect(writeModel(read ?? model)).toBe(written);
    }),
    { numRuns: 300 },
  );
});

test("figures of a source are written in the order of the file, whatever order they were read in", () => {
  const text = writeModel(loadModel("amd-zen-3"));
  const shuffled = text.replace(
    "figures: [quirks.pkruUpperBytes, quirks.modifiedOptimisation,",
    "figures: [quirks.modifiedOptimisation, quirks.pkruUpperBytes,",
  );
  expect(shuffled).not.toBe(text);
  const { model, diagnostics } = readModel(shuffled, "amd-zen-3.yaml");
  expect(diagnostics).toEqual([]);
  expect(model && writeModel(model)).toBe(text);
});
