/** A view of a model: what a guest, a boot option or a permission leaves of a CPU. It can take away, never add. */

import { hasBit, maskHex, maskWithNames } from "../isa/feature-mask.ts";
import type { CpuModel } from "./cpu-model.ts";
import { standardSizeOf } from "./lint-model.ts";
import { type FigureSource, figureNames, sourcedFigures } from "./figure-sources.ts";
import type { ViewFields } from "./model-schema.ts";
import { INSTRUCTION_NAMES } from "./model-schema.ts";
import { instructionSupport, maskList, signatureOf } from "./model-parts.ts";
import type { YamlSource } from "./yaml-source.ts";

/**
 * `base` cut down to what `view` leaves. Rows whose bit is gone are gone; `sizeMax` follows them,
 * as a hypervisor that recomputes it does, unless the view states it.
 */
export function restrictModel(yaml: YamlSource, view: ViewFields, base: CpuModel): CpuModel {
  const xcr0Supported = narrowed(yaml, "xcr0Supported", view, base);
  const xssSupported = narrowed(yaml, "xssSupported", view, base);
  const instructions = view.instructions === undefined ? base.instructions : instructionSupport(view.instructions);
  for (const name of INSTRUCTION_NAMES) {
    if (!instructions[name] || base.instructions[name]) continue;
    yaml.report({
      rule: "extends-adds",
      severity: "error",
      path: ["instructions"],
      message: `${base.id} has no ${name}`,
      remedy: `remove ${name}`,
    });
  }
  const components = base.components
    .filter((row) => hasBit(xcr0Supported | xssSupported, row.index))
    .map((row) => (instructions.xfd ? row : { ...row, xfd: false }));
  const { notes } = view;
  const quirks = { ...base.quirks, ...view.quirks };
  return {
    id: view.id,
    name: view.name,
    vendor: base.vendor,
    kind: view.kind,
    signatures: view.signatures?.map(signatureOf) ?? base.signatures,
    xcr0Supported,
    xssSupported,
    instructions,
    sizeMax: view.sizeMax ?? standardSizeOf(components),
    components,
    quirks,
    masks: view.masks === undefined ? base.masks : maskList(view.masks),
    sources: viewSources(view, base, figureNames({ components, quirks })),
    ...(notes === undefined ? {} : { notes }),
  };
}

/**
 * Sources of a view, its own first: a text alone covers what the view itself states; what it takes over keeps the
 * sources that it has in `base`. `names`: the figures that are left.
 */
function viewSources(view: ViewFields, base: CpuModel, names: readonly string[]): FigureSource[] {
  const own = view.sources ?? [];
  const namedHere = new Set(own.flatMap(({ figures }) => figures ?? []));
  const masks = view.xcr0Supported !== undefined || view.xssSupported !== undefined;
  const stated = [
    ...(["signatures", "xcr0Supported", "xssSupported", "instructions", "sizeMax"] as const).filter(
      (name) => view[name] !== undefined || (name === "sizeMax" && masks),
    ),
    ...Object.keys(view.quirks ?? {}).map((name) => `quirks.${name}`),
  ].filter((name) => !namedHere.has(name));
  const generally = own.some(({ figures }) => figures === undefined);
  const taken = new Set([...namedHere, ...(generally ? stated : [])]);
  const kept = (figures: readonly string[]): string[] => figures.filter((name) => names.includes(name) && !taken.has(name));
  return [
    ...own.map(({ source, figures = stated }) => ({ source, figures })),
    ...sourcedFigures(base).map(({ source, figures }) => ({ source, figures: kept(figures) })),
  ].filter(({ figures }) => figures.length > 0);
}

function narrowed(yaml: YamlSource, key: "xcr0Supported" | "xssSupported", view: ViewFields, base: CpuModel): bigint {
  const mask = view[key] ?? base[key];
  const added = mask & ~base[key];
  if (added !== 0n) {
    const message = `${maskWithNames(added)} is not in ${base.id}`;
    yaml.report({
      rule: "extends-adds",
      severity: "error",
      path: [key],
      message,
      remedy: `use ${maskHex(mask & base[key])}, or write a whole model`,
    });
  }
  return mask & base[key];
}
