/** A comparison of models as one HTML page: verdict, drawing, table. Without scripts and without anything from elsewhere. */

import type { ComponentValue, ModelComparison } from "../model/compare-models.ts";
import { comparisonSvg } from "./comparison-drawing.ts";
import { comparisonVerdict, valueText } from "./comparison-report.ts";
import { escapeMarkup } from "./escape-markup.ts";

const STYLE = [
  "body { font: 15px/1.5 sans-serif; margin: 2rem; color: #222 }",
  "table { border-collapse: collapse; margin: 1rem 0 }",
  "th, td { border: 1px solid #bbb; padding: 0.2rem 0.7rem; text-align: right }",
  "th[scope=row] { text-align: left; font-weight: normal }",
  "tr.differs { background: #fdecee } tr.differs th::before { content: '≠ ' }",
  ".drawing { overflow-x: auto }",
].join("\n");

const cell = (value: ComponentValue): string => `<td>${escapeMarkup(valueText(value))}</td>`;

/** The whole document. */
export function comparisonHtml(comparison: ModelComparison): string {
  const title = `XSAVE areas of ${escapeMarkup(comparison.models.join(", "))}`;
  const rows = comparison.components.map(
    ({ index, name, values, differs }) =>
      `<tr${differs ? ' class="differs"' : ""}><th scope="row">${index} ${escapeMarkup(name)}</th>${values.map(cell).join("")}</tr>`,
  );
  return [
    "<!doctype html>",
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${title}</title>`,
    `<style>\n${STYLE}\n</style></head>`,
    "<body>",
    `<h1>${title}</h1>`,
    `<p>${escapeMarkup(comparisonVerdict(comparison))}</p>`,
    `<div class="drawing">\n${comparisonSvg(comparison)}\n</div>`,
    "<p>Size @ standard offset / compacted offset, in bytes; - where there is none.</p>",
    `<table>\n<thead><tr><th>component</th>${comparison.models.map((id) => `<th>${escapeMarkup(id)}</th>`).join("")}</tr></thead>`,
    `<tbody>\n${rows.join("\n")}\n</tbody></table>`,
    "</body></html>",
  ].join("\n");
}
