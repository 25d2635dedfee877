/** CpuModel -> YAML in the one form that files in `cpu-models/` have. */

import { stringify } from "yaml";
import { maskHex } from "../isa/feature-mask.ts";
import { departuresOf } from "../isa/vendor-behaviour.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { componentKey } from "./component-key.ts";
import type { CpuModel, Signature } from "./cpu-model.ts";
import { type FigureSource, figureNames } from "./figure-sources.ts";
import { INSTRUCTION_NAMES } from "./model-schema.ts";

const PARAGRAPH_WIDTH = 110;

/** How to write a model. */
export interface WriteModelOptions {
  /** Where an editor finds the JSON Schema from the file's folder, with `/`; null: the file names none. Absent: beside it. */
  readonly schema?: string | null;
}

/** A model as YAML: masks hexadecimal, sizes and offsets decimal, one component a line, a line end at the end. */
export function writeModel(model: CpuModel, { schema = "schema.json" }: WriteModelOptions = {}): string {
  const { quirks, notes } = model;
  const lines = [
    ...(schema === null ? [] : [`# yaml-language-server: $schema=${schema}`]),
    `id: ${scalar(model.id)}`,
    `name: ${scalar(model.name)}`,
    `vendor: ${scalar(model.vendor)}`,
    `kind: ${model.kind}`,
    ...block(
      "signatures",
      model.signatures.map((signature) => `- ${signatureText(signature)}`),
      "[]",
    ),
    `xcr0Supported: ${maskHex(model.xcr0Supported)}`,
    `xssSupported: ${maskHex(model.xssSupported)}`,
    `instructions: [${INSTRUCTION_NAMES.filter((name) => model.instructions[name]).join(", ")}]`,
    `sizeMax: ${model.sizeMax}`,
    ...block("components", model.components.map(rowText), "{}"),
    `quirks: { ${[`x87Pointers: ${quirks.x87Pointers}`, `mxcsrMask: 0x${quirks.mxcsrMask.toString(16)}`, ...departuresOf(quirks)].join(", ")} }`,
  ];
  if (model.masks.length > 0)
    lines.push(
      ...block(
        "masks",
        model.masks.map(({ name, rfbm }) => `${scalar(name)}: ${maskHex(rfbm)}`),
        "{}",
      ),
    );
  lines.push(
    ...block(
      "sources",
      model.sources.flatMap((source) => sourceLines(source, figureNames(model))),
      "[]",
    ),
  );
  if (notes !== undefined) lines.push(...paragraph("notes", notes));
  return `${lines.join("\n")}\n`;
}

/** One source; its figures in the order of the file. */
function sourceLines({ source, figures }: FigureSource, names: readonly string[]): string[] {
  if (figures === undefined) return [`- ${scalar(source)}`];
  const ordered = [...names.filter((name) => figures.includes(name)), ...figures.filter((name) => !names.includes(name))];
  return [`- source: ${scalar(source)}`, `  figures: [${ordered.join(", ")}]`];
}

function block(key: string, items: readonly string[], empty: string): string[] {
  return items.length === 0 ? [`${key}: ${empty}`] : [`${key}:`, ...items.map((item) => `  ${item}`)];
}

/** A word or text, quoted only where YAML would read something else. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}

function signatureText({ family, model, stepping }: Signature): string {
  const step = stepping === undefined ? "" : `, stepping: ${stepping}`;
  return `{ family: ${digits(family)}, model: ${digits(model)}${step} }`;
}

/** As the manuals write families and models: hexadecimal once there is a difference. */
function digits(value: number): string {
  return value < 10 ? `${value}` : `0x${value.toString(16)}`;
}

function rowText(row: ComponentRow): string {
  const parts = [`index: ${row.index}`, `size: ${row.size}`];
  if (row.standardOffset !== undefined) parts.push(`offset: ${row.standardOffset}`);
  for (const flag of ["supervisor", "align64", "xfd"] as const) if (row[flag]) parts.push(`${flag}: true`);
  return `${componentKey(row.index)}: { ${parts.join(", ")} }`;
}

/** Long text folded at spaces; YAML joins the lines again. Text that folding would change stays on one line. */
function paragraph(key: string, text: string): string[] {
  const words = text.split(" ");
  if (text.length <= PARAGRAPH_WIDTH || words.some((word) => word === "")) return [`${key}: ${scalar(text)}`];
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > PARAGRAPH_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [`${key}: >-`, ...[...lines, line].map((part) => `  ${part}`)];
}
