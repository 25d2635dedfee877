/** Where models differ, as data: the `compare` command prints it, tables and drawings are made of it. */

import { bitsOf, hasBit } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { areaLayout, offsetOf } from "../layout/area-layout.ts";
import type { CpuModel } from "./cpu-model.ts";

/**
 * A component in one model, in bytes; null where the model lacks it, or lacks a place for it: a supervisor component in the
 * standard format, and any in the compacted one where neither XSAVEC nor XSAVES is there to write it.
 */
export interface ComponentValue {
  readonly size: number | null;
  readonly standardOffset: number | null;
  readonly compactedOffset: number | null;
}

/** One component across all models. */
export interface ComponentComparison {
  readonly index: number;
  readonly name: string;
  /** In the order of the models. */
  readonly values: readonly ComponentValue[];
  readonly differs: boolean;
}

/** A comparison of any number of models. */
export interface ModelComparison {
  /** Ids. */
  readonly models: readonly string[];
  /** No component differs in any of the three figures. */
  readonly identical: boolean;
  /** Extended components that at least one model has, by index. */
  readonly components: readonly ComponentComparison[];
}

const ABSENT: ComponentValue = { size: null, standardOffset: null, compactedOffset: null };

/**
 * Compares models component by component. `mask` limits it: each model is laid out (compacted) for the part
 * of the mask that it supports. Absent: for everything that each supports, XCR0 and IA32_XSS.
 */
export function compareModels(models: readonly CpuModel[], mask?: bigint): ModelComparison {
  const masks = models.map((model) => {
    const supported = model.xcr0Supported | model.xssSupported;
    return mask === undefined ? supported : supported & mask;
  });
  const layouts = models.map((model, at) => areaLayout(model, masks[at] ?? 0n, "compacted"));
  const union = masks.reduce((all, each) => all | each, 0n);
  const components = bitsOf(union)
    .filter((index) => index >= 2)
    .map((index): ComponentComparison => {
      const values = models.map((model, at): ComponentValue => {
        const row = model.components.find((each) => each.index === index);
        const layout = layouts[at];
        if (!row || !layout || !hasBit(masks[at] ?? 0n, index)) return ABSENT;
        const { xsavec, xsaves } = model.instructions;
        const compactedOffset = xsavec || xsaves ? (offsetOf(layout, index) ?? null) : null;
        return { size: row.size, standardOffset: row.standardOffset ?? null, compactedOffset };
      });
      return { index, name: componentName(index), values, differs: differ(values) };
    });
  return { models: models.map((model) => model.id), identical: components.every((component) => !component.differs), components };
}

/** A CPU that does not compact contradicts no other's compacted offset. */
function differ(values: readonly ComponentValue[]): boolean {
  const compacted = values.flatMap(({ compactedOffset }) => compactedOffset ?? []);
  const figures = [values.map(({ size }) => size), values.map(({ standardOffset }) => standardOffset), compacted];
  return figures.some((each) => new Set(each).size > 1);
}
