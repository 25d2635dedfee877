/** Rules about sources: every figure has one, and it is one that can show the figure. */

import { figureNames } from "./figure-sources.ts";
import type { CpuModel } from "./cpu-model.ts";
import type { LintRule } from "./lint-rule.ts";
import { suggestion } from "./nearest-name.ts";

/** CPUID.(7,0):EBX[13] says it; what else a CPU does with its registers is in no dump. */
const SHOWN_BY_CPUID = "quirks.x87Selectors";

function namedFigures({ sources }: CpuModel): Set<string> {
  return new Set(sources.flatMap(({ figures }) => figures ?? []));
}

/** All rules about sources. */
export const SOURCE_RULES: readonly LintRule[] = [
  {
    id: "figure-without-source",
    severity: "error",
    reason: "who doubts a figure has to be able to look it up",
    *check(model) {
      if (model.sources.some(({ figures }) => figures === undefined)) return;
      const named = namedFigures(model);
      const bare = figureNames(model).filter((name) => !named.has(name));
      if (bare.length > 0)
        yield {
          path: ["sources"],
          atKey: true,
          message: `no source covers ${bare.join(", ")}`,
          remedy: "name them in the figures of a source, or add a source without figures, which covers the rest",
        };
    },
  },
  {
    id: "source-of-nothing",
    severity: "error",
    reason: "the figure was renamed or removed, or the source belongs to another one",
    *check(model) {
      const names = figureNames(model);
      for (const [at, { figures }] of model.sources.entries())
        for (const [place, figure] of (figures ?? []).entries())
          if (!names.includes(figure))
            yield {
              path: ["sources", at, "figures", place],
              message: `${figure} is no figure of ${model.id}`,
              remedy: suggestion(figure, names),
            };
    },
  },
  {
    id: "quirk-without-source",
    severity: "warning",
    reason: "CPUID does not tell it: it was measured, documented, or inferred from another CPU",
    *check(model) {
      const named = namedFigures(model);
      for (const figure of figureNames(model))
        if (figure.startsWith("quirks.") && figure !== SHOWN_BY_CPUID && !named.has(figure))
          yield {
            path: figure.split("."),
            message: `no source names ${figure}`,
            remedy: `add to sources: { source: how it is known, figures: [${figure}] }`,
          };
    },
  },
];
