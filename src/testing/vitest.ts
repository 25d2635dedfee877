/** Matchers for vitest: `import "xsavekit/vitest"` in a test or a setup file. */

import { expect } from "vitest";
import { compareImages } from "../image/compare-images.ts";
import { decodeImage } from "../image/decode-image.ts";
import type { XsaveImage } from "../image/xsave-image.ts";
import type { LayoutLike, LayoutQuestion } from "./compare-layouts.ts";
import { compareLayouts, describeComparison, isLayoutLike } from "./compare-layouts.ts";

export { compareLayouts, describeComparison } from "./compare-layouts.ts";
export type { ComponentPlace, LayoutComparison, LayoutDifference, LayoutLike, LayoutQuestion } from "./compare-layouts.ts";

/** What this module adds to `expect`. */
export interface XsaveMatchers<R = unknown> {
  /** The received model (or its rows, or a layout) puts the same components at the same offsets as `expected`. */
  toHaveLayoutOf(expected: LayoutLike, question?: LayoutQuestion): R;
  /** The received image holds the same registers as `expected`, whatever model, form, stale and software bytes. */
  toHoldRegistersOf(expected: XsaveImage): R;
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
  toHoldRegistersOf(received: unknown, expected: XsaveImage) {
    for (const [side, image] of [
      ["received", received],
      ["expected", expected],
    ] as const)
      if (!isImage(image)) return { pass: false, message: () => `${side} is no image: { bytes, form, rows }` };
    const differences = compareImages(decodeImage(received as XsaveImage), decodeImage(expected));
    const some = differences.slice(0, MOST_DIFFERENCES).map(({ message }) => `  ${message}`);
    const more = differences.length > some.length ? [`  and ${differences.length - some.length} registers more`] : [];
    return {
      pass: differences.length === 0,
      message: () =>
        differences.length === 0
          ? "both images hold the same registers"
          : [`${differences.length} registers differ, received and expected:`, ...some, ...more].join("\n"),
    };
  },
});

const MOST_DIFFERENCES = 20;

function isImage(value: unknown): value is XsaveImage {
  return (
    typeof value === "object" &&
    value !== null &&
    "bytes" in value &&
    value.bytes instanceof Uint8Array &&
    "form" in value &&
    "rows" in value
  );
}
