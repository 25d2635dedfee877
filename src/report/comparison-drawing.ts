/** A comparison of models as a drawing: for each model and format its area from left to right, what differs framed. SVG. */

import type { ComponentComparison, ModelComparison } from "../model/compare-models.ts";
import { escapeMarkup } from "./escape-markup.ts";

const LABEL_WIDTH = 90;
const BOX_HEIGHT = 40;
const ROW_HEIGHT = 64;
const TITLE_HEIGHT = 26;
const MARGIN = 12;
/** Width of the legacy region and header, which all models share. */
const FIXED_WIDTH = 110;
const FIXED_SIZE = 576;
const FORMATS = ["standardOffset", "compactedOffset"] as const;

interface Box {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly fill: string;
  readonly differs: boolean;
}

/** Areas of 8 bytes and of 8 KiB stand side by side: a box grows with the logarithm of its size. */
const widthOf = (size: number): number => 40 + 14 * Math.log2(Math.max(size, 8) / 8);

/** Golden angle: neighbours in the list of components get colours far apart. */
const colourOf = (index: number): string => `hsl(${Math.round((index * 137.5) % 360)}, 55%, 82%)`;

function boxesOf(components: readonly ComponentComparison[], model: number, format: (typeof FORMATS)[number]): Box[] {
  return components
    .flatMap(({ index, name, values, differs }): Box[] => {
      const value = values[model];
      const offset = value?.[format] ?? null;
      return !value || value.size === null || offset === null
        ? []
        : [{ name, offset, size: value.size, fill: colourOf(index), differs }];
    })
    .toSorted((a, b) => a.offset - b.offset);
}

function drawBox({ name, offset, size, fill, differs }: Box, x: number, y: number, width: number): string {
  const shown = escapeMarkup(name);
  return [
    `<g><title>${shown}: ${size} bytes at ${offset} (0x${offset.toString(16)})${differs ? ", differs" : ""}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${BOX_HEIGHT}" fill="${fill}" stroke="${differs ? "#b00020" : "#666"}" stroke-width="${differs ? 2 : 1}"/>`,
    `<text x="${x + width / 2}" y="${y + 17}" text-anchor="middle">${shown}</text>`,
    `<text x="${x + width / 2}" y="${y + 32}" text-anchor="middle">${size}</text>`,
    `<text class="offset" x="${x}" y="${y + BOX_HEIGHT + 12}">${offset}</text></g>`,
  ].join("");
}

/** One row: the boxes in order, a narrow gap where nothing is written. Returns its drawing and its right end. */
function drawRow(label: string, boxes: readonly Box[], y: number): { text: string; right: number } {
  const parts = [`<text x="${MARGIN}" y="${y + 24}">${label}</text>`];
  const legacy = { name: "legacy, header", offset: 0, size: FIXED_SIZE, fill: "#eee", differs: false };
  let x = MARGIN + LABEL_WIDTH;
  let end = 0;
  for (const box of [legacy, ...boxes]) {
    if (box.offset > end) x += 10;
    const width = box === legacy ? FIXED_WIDTH : Math.round(Math.max(widthOf(box.size), box.name.length * 7 + 8));
    parts.push(drawBox(box, x, y, width));
    x += width;
    end = box.offset + box.size;
  }
  return { text: parts.join("\n"), right: x };
}

/** A whole SVG document without scripts, fonts or references. */
export function comparisonSvg({ models, components }: ModelComparison): string {
  let y = MARGIN;
  let right = 0;
  const rows: string[] = [];
  for (const [model, id] of models.entries()) {
    rows.push(`<text class="model" x="${MARGIN}" y="${y + 16}">${escapeMarkup(id)}</text>`);
    y += TITLE_HEIGHT;
    for (const format of FORMATS) {
      const row = drawRow(format === "standardOffset" ? "standard" : "compacted", boxesOf(components, model, format), y);
      rows.push(row.text);
      right = Math.max(right, row.right);
      y += ROW_HEIGHT;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${right + MARGIN} ${y}" width="${right + MARGIN}" height="${y}" role="img">`,
    `<title>XSAVE areas of ${escapeMarkup(models.join(", "))}</title>`,
    "<style>text { font: 12px sans-serif } .model { font-weight: bold; font-size: 14px } .offset { fill: #555; font-size: 10px }</style>",
    ...rows,
    "</svg>",
  ].join("\n");
}
