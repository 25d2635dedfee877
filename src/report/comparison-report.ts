/** A comparison of models as text and Markdown. */

import type { ComponentValue, ModelComparison } from "../model/compare-models.ts";
import type { Align } from "./text-table.ts";
import { markdownTable, textTable } from "./text-table.ts";

const shown = (value: number | null): string => (value === null ? "-" : String(value));

/** Whether and how many differ, as a sentence. */
export function comparisonVerdict({ models, identical, components }: ModelComparison): string {
  const count = components.filter(({ differs }) => differs).length;
  return identical
    ? `The layouts of ${models.length} models are identical.`
    : `${count} of ${components.length} components differ.`;
}

function grid(
  comparison: ModelComparison,
  cell: (value: ComponentValue) => string,
): { head: string[]; rows: string[][]; align: Align[] } {
  return {
    head: ["", "n", "component", ...comparison.models],
    rows: comparison.components.map(({ index, name, values, differs }) => [
      differs ? "≠" : "",
      String(index),
      name,
      ...values.map(cell),
    ]),
    align: ["left", "right", "left", ...comparison.models.map((): Align => "right")],
  };
}

/** `size @ standard offset / compacted offset`. */
export const valueText = ({ size, standardOffset, compactedOffset }: ComponentValue): string =>
  size === null ? "-" : `${size} @ ${shown(standardOffset)} / ${shown(compactedOffset)}`;

/** For terminals: one column for each model, `size @ standard offset / compacted offset`. */
export function comparisonText(comparison: ModelComparison): string {
  const { head, rows, align } = grid(comparison, valueText);
  return [
    textTable(head, rows, align),
    "",
    "size @ standard offset / compacted offset, bytes; - where there is none",
    comparisonVerdict(comparison),
  ].join("\n");
}

/** The same as Markdown. */
export function comparisonMarkdown(comparison: ModelComparison): string {
  const { head, rows, align } = grid(comparison, valueText);
  return [
    markdownTable(head, rows, align),
    "",
    "Size @ standard offset / compacted offset, in bytes; `-` where there is none.",
    "",
    comparisonVerdict(comparison),
  ].join("\n");
}
