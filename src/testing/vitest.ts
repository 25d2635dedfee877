/** Matchers for vitest: `import "xsavekit/vitest"` in a test or a setup file. */

import { expect } from "vitest";
import type { LayoutLike, LayoutQuestion } from "./compare-layouts.ts";
import { compareLayouts, describeComparison, isLayoutLike } from "./compare-layouts.ts";

export { compareLayouts, describeComparison } from "./compare-layouts.ts";
export type { ComponentPlace, LayoutComparison, LayoutDifference, LayoutLike, LayoutQuestion } from "./compare-layouts.ts";

/** What this module adds to `expect`. */
export interface XsaveMatchers<R = unknown> {
  /** The received model (or its rows, or a layout) puts the same components at the same offsets as `expected`. */
  toHaveLayoutOf(expected: LayoutLike, question?: LayoutQuestion): R;
}

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Assertion<T> extends XsaveMatchers<void> {}
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface AsymmetricMatchersContaining extends XsaveMatchers {}
}

function nameOf(side: LayoutLike, otherwise: string): string {
  return "id" in side && typeof side.id === "string" ? side.id : otherwise;
}

expect.extend({
  toHaveLayoutOf(received: unknown, expected: LayoutLike, question: LayoutQuestion = {}) {
    if (!isLayoutLike(received) || !isLayoutLike(expected)) {
      const which = isLayoutLike(received) ? "expected" : "received";
      return { pass: false, message: () => `${which} is no CPU model, no layout and no { components }` };
    }
    const comparison = compareLayouts(received, expected, question);
    return {
      pass: comparison.identical,
      message: () => describeComparison(comparison, nameOf(received, "received"), nameOf(expected, "expected")),
    };
  },
});
