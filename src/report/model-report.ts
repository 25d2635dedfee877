/** Models as data for JSON, and as tables for people. */

import { maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import { XSAVE_AREA_ALIGNMENT } from "../isa/xsave-area.ts";
import type { AreaLayout } from "../layout/area-layout.ts";
import { areaLayout, offsetOf } from "../layout/area-layout.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { type FigureSource, type SourcedFigures, sourcedFigures } from "../model/figure-sources.ts";
import { drawArea } from "./area-drawing.ts";
import { textTable } from "./text-table.ts";

/** An area's form by the instruction that writes it: `standard` XSAVE and XSAVEOPT, the other two compacted. */
export const AREA_FORMS = ["standard", "xsavec", "xsaves"] as const;
/** One of them. */
export type AreaForm = (typeof AREA_FORMS)[number];

/** The layout of `mask` (absent: everything) in a form, cut to what the instruction can save on the model. */
export function formLayout(model: CpuModel, form: AreaForm, mask?: bigint): AreaLayout {
  const supported = form === "xsaves" ? model.xcr0Supported | model.xssSupported : model.xcr0Supported;
  return areaLayout(model, mask === undefined ? supported : mask & supported, form === "standard" ? "standard" : "compacted");
}

/** The model has the instruction. */
export function hasForm(model: CpuModel, form: AreaForm): boolean {
  return form === "standard" || model.instructions[form];
}

interface LayoutData {
  readonly rfbm: string;
  readonly size: number;
  readonly offsets: Readonly<Record<string, number>>;
}

/** What `show --json` prints. */
export interface ModelData {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  readonly kind: string;
  readonly xcr0Supported: string;
  readonly xssSupported: string;
  readonly sizeMax: number;
  readonly instructions: CpuModel["instructions"];
  readonly components: readonly {
    readonly index: number;
    readonly name: string;
    readonly supervisor: boolean;
    readonly size: number;
    readonly standardOffset: number | null;
    readonly align64: boolean;
    readonly xfd: boolean;
  }[];
  readonly standard: LayoutData;
  readonly xsavec: LayoutData;
  readonly xsaves: LayoutData;
  /** Each source and the figures that rest on it. */
  readonly sources: readonly SourcedFigures[];
}

function layoutData({ rfbm, size, components }: AreaLayout): LayoutData {
  return {
    rfbm: maskHex(rfbm),
    size,
    offsets: Object.fromEntries(components.map(({ row, offset }) => [String(row.index), offset])),
  };
}

/** A model for `show --json`; layouts are of `mask`, cut to the model. */
export function modelData(model: CpuModel, mask?: bigint): ModelData {
  const { id, name, vendor, kind, xcr0Supported, xssSupported, sizeMax, instructions, components } = model;
  return {
    id,
    name,
    vendor,
    kind,
    xcr0Supported: maskHex(xcr0Supported),
    xssSupported: maskHex(xssSupported),
    sizeMax,
    instructions,
    components: components.map(({ index, size, standardOffset, supervisor, align64, xfd }) => ({
      index,
      name: componentName(index),
      supervisor,
      size,
      standardOffset: standardOffset ?? null,
      align64,
      xfd,
    })),
    standard: layoutData(formLayout(model, "standard", mask)),
    xsavec: layoutData(formLayout(model, "xsavec", mask)),
    xsaves: layoutData(formLayout(model, "xsaves", mask)),
    sources: sourcedFigures(model),
  };
}

/** One line of `models`. */
export interface ModelSummary {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly vendor: string;
  readonly xcr0Supported: string;
  readonly xssSupported: string;
  /** Bytes for everything that the model supports; null where it lacks the instruction. */
  readonly sizes: { readonly standard: number; readonly xsavec: number | null; readonly xsaves: number | null };
}

/** What `models --json` prints for a model. */
export function modelSummary(model: CpuModel): ModelSummary {
  const { id, name, kind, vendor, xcr0Supported, xssSupported } = model;
  const size = (form: AreaForm): number | null => (hasForm(model, form) ? formLayout(model, form).size : null);
  const sizes = { standard: formLayout(model, "standard").size, xsavec: size("xsavec"), xsaves: size("xsaves") };
  return { id, name, kind, vendor, xcr0Supported: maskHex(xcr0Supported), xssSupported: maskHex(xssSupported), sizes };
}

const orDash = (value: number | null | undefined): string => (value === null || value === undefined ? "-" : String(value));

/** The list of models: sizes are for everything that a model supports. */
export function modelList(models: readonly CpuModel[]): string {
  const rows = models
    .map(modelSummary)
    .map(({ id, name, kind, xcr0Supported, sizes }) => [
      id,
      kind,
      xcr0Supported,
      String(sizes.standard),
      orDash(sizes.xsavec),
      orDash(sizes.xsaves),
      name,
    ]);
  return textTable(["id", "kind", "XCR0", "XSAVE", "XSAVEC", "XSAVES", "name"], rows, [
    "left",
    "left",
    "right",
    "right",
    "right",
    "right",
  ]);
}

/** The model in words, its components, the sizes of buffers, and a drawing of the area in each form asked for. */
export function modelReport(model: CpuModel, forms: readonly AreaForm[], mask?: bigint): string {
  const flags = Object.entries(model.instructions)
    .filter(([, has]) => has)
    .map(([name]) => name);
  const layouts = AREA_FORMS.map((form) => ({ form, layout: formLayout(model, form, mask) }));
  const components = model.components.map(({ index, size, standardOffset, supervisor, align64, xfd }) => [
    String(index),
    componentName(index),
    String(size),
    orDash(standardOffset),
    ...layouts.slice(1).map(({ layout }) => orDash(offsetOf(layout, index))),
    [supervisor ? "supervisor" : "", align64 ? "align64" : "", xfd ? "xfd" : ""].filter((word) => word !== "").join(" "),
  ]);
  const sizes = layouts.map(({ form, layout }) => [
    form === "standard" ? "XSAVE, XSAVEOPT" : form.toUpperCase(),
    maskHex(layout.rfbm),
    String(layout.size),
    String(Math.ceil(layout.size / XSAVE_AREA_ALIGNMENT) * XSAVE_AREA_ALIGNMENT),
    hasForm(model, form) ? "" : "the model lacks it",
  ]);
  const drawings = layouts
    .filter(({ form }) => forms.includes(form))
    .flatMap(({ form, layout }) => [
      "",
      `${form === "standard" ? "standard format" : `compacted format, ${form.toUpperCase()}`}, RFBM ${maskHex(layout.rfbm)}`,
      drawArea(layout),
    ]);
  return [
    model.name,
    `id        ${model.id} (${model.vendor.trim()}, ${model.kind})`,
    `XCR0      ${wrapped(maskWithNames(model.xcr0Supported))}`,
    `IA32_XSS  ${wrapped(maskWithNames(model.xssSupported))}`,
    `has       ${["xsave", ...flags].join(", ")}`,
    `sizeMax   ${model.sizeMax}`,
    ...(model.notes === undefined ? [] : [`notes     ${wrapped(model.notes)}`]),
    "",
    textTable(["n", "component", "size", "standard", "XSAVEC", "XSAVES", ""], components, [
      "right",
      "left",
      "right",
      "right",
      "right",
      "right",
    ]),
    "",
    textTable(["buffer for", "RFBM", "size", "in steps of 64", ""], sizes, ["left", "right", "right", "right"]),
    ...drawings,
    "",
    ...model.sources.map(sourceText),
  ].join("\n");
}

/** A source; what rests on it, where that is not simply everything else. */
function sourceText({ source, figures }: FigureSource): string {
  return `source    ${wrapped(figures === undefined ? source : `${figures.join(", ")}: ${source}`)}`;
}

/** Breaks at blanks so that lines beside a label of 10 columns stay within 80. */
function wrapped(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 70) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(10)}`);
}
