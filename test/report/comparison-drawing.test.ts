/** Drawings and pages of comparisons: figures in them, well-formed, nothing hostile alive, nothing loaded. */

import { expect, test } from "vitest";
import { loadBundledModel } from "../../src/host/load-models.ts";
import { compareModels } from "../../src/model/compare-models.ts";
import { comparisonSvg } from "../../src/report/comparison-drawing.ts";
import { comparisonHtml } from "../../src/report/comparison-page.ts";

const comparison = compareModels([loadBundledModel("intel-tiger-lake"), loadBundledModel("amd-zen-4")]);

/** Opening and closing tags of an XML text pair up; the texts between them. */
function xmlTexts(xml: string): string[] {
  const open: string[] = [];
  const texts: string[] = [];
  for (const match of xml.matchAll(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<>]*")*)(\/?)>|([^<]+)/g)) {
    const [whole, closing, name = "", , empty, text] = match;
    if (text !== undefined) texts.push(text.trim());
    else if (closing) expect(open.pop(), whole).toBe(name);
    else if (!empty) open.push(name);
  }
  expect(open).toEqual([]);
  return texts.filter((text) => text !== "");
}

test("the drawing has every component of both models at its offsets, what differs framed", () => {
  const svg = comparisonSvg(comparison);
  const texts = xmlTexts(svg);
  for (const { name, values, differs } of comparison.components) {
    for (const { size, standardOffset, compactedOffset } of values) {
      for (const offset of [standardOffset, compactedOffset]) {
        if (size === null || offset === null) continue;
        expect(texts).toContain(`${name}: ${size} bytes at ${offset} (0x${offset.toString(16)})${differs ? ", differs" : ""}`);
      }
    }
  }
  const drawn = comparison.components.flatMap(({ differs, values }) =>
    values.flatMap((value) => [value.standardOffset, value.compactedOffset].filter((offset) => differs && offset !== null)),
  );
  expect(drawn.length).toBeGreaterThan(5);
  expect(svg.match(/stroke="#b00020"/g)).toHaveLength(drawn.length);
});

test("boxes of a row follow each other without overlap, inside the drawing", () => {
  const svg = comparisonSvg(comparison);
  const [, width = "0", height = "0"] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const rows = new Map<number, number>();
  for (const [, x, y, w, h] of svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(rows.get(Number(y)) ?? 0);
    rows.set(Number(y), Number(x) + Number(w));
    expect(Number(x) + Number(w)).toBeLessThanOrEqual(Number(width));
    expect(Number(y) + Number(h)).toBeLessThanOrEqual(Number(height));
  }
  expect(rows.size).toBe(4);
});

test("hostile names are text, in the drawing and in the page", () => {
  const hostile = `</title><script>alert(1)</script><img src="x" onerror='y'>&\u2028\u202e`;
  const named = {
    ...comparison,
    models: [hostile, "b"],
    components: comparison.components.map((each) => ({ ...each, name: hostile })),
  };
  for (const text of [comparisonSvg(named), comparisonHtml(named)]) {
    expect(text).not.toMatch(/<script|<img|onerror='|\u2028|\u202e/);
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  }
  expect(xmlTexts(comparisonSvg(named)).length).toBeGreaterThan(10);
});

test("the page holds drawing, table and verdict and loads nothing", () => {
  const html = comparisonHtml(comparison);
  expect(html).toContain(comparisonSvg(comparison));
  expect(html).toContain("<td>64 @ 1088 / 832</td><td>64 @ 832 / 832</td>");
  expect(html.match(/<tr class="differs">/g)).toHaveLength(comparison.components.filter(({ differs }) => differs).length);
  expect(html.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|src=|href=|url\(|@import|<script/);
});
