/** Which public dump, document or measurement each figure of a model rests on. */

import { DEPARTURE_NAMES } from "../isa/vendor-behaviour.ts";
import { COMPONENT_NAMES, componentKey } from "./component-key.ts";
import type { CpuModel } from "./cpu-model.ts";

/** A source, and what rests on it. */
export interface FigureSource {
  /** A public dump (`InstLatx64 <file>`, ...), a document with its clause, or what was measured or inferred from what. */
  readonly source: string;
  /** Names as `figureNames` has them. Absent: every figure that no source of the model names. */
  readonly figures?: readonly string[] | undefined;
}

/** A source with all that rests on it, by name. */
export interface SourcedFigures {
  readonly source: string;
  readonly figures: readonly string[];
}

const SCALARS = ["signatures", "xcr0Supported", "xssSupported", "instructions", "sizeMax"] as const;
const QUIRKS = ["x87Pointers", "mxcsrMask", ...DEPARTURE_NAMES] as const;
const quirkFigure = (name: string): string => `quirks.${name}`;

/** Every figure that has a name of its own; rows of components without one are `component-21`. */
export const NAMED_FIGURES: readonly string[] = [...SCALARS, ...COMPONENT_NAMES.slice(2), ...QUIRKS.map(quirkFigure)];

/** The figures of a model in the order of its file: masks, `AVX` for the row of a component, `quirks.mxcsrMask`. */
export function figureNames({ components, quirks }: Pick<CpuModel, "components" | "quirks">): string[] {
  const stated = QUIRKS.filter((name) => quirks[name] !== undefined).map(quirkFigure);
  return [...SCALARS, ...components.map(({ index }) => componentKey(index)), ...stated];
}

/** What each source of a model is the source of, in the order of its file; every figure is there at least once. */
export function sourcedFigures(model: CpuModel): SourcedFigures[] {
  const names = figureNames(model);
  const named = new Set(model.sources.flatMap(({ figures }) => figures ?? []));
  return model.sources.map(({ source, figures }) => ({
    source,
    figures: names.filter((name) => (figures === undefined ? !named.has(name) : figures.includes(name))),
  }));
}

/** Sources of one figure; none for a figure that the model does not have. */
export function sourcesOf(model: CpuModel, figure: string): string[] {
  return sourcedFigures(model)
    .filter(({ figures }) => figures.includes(figure))
    .map(({ source }) => source);
}
