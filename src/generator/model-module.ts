/** A model's thin module and the registry: constants and imports, no code of their own. */

import { maskHex } from "../isa/feature-mask.ts";
import { DEPARTURE_NAMES, type Quirks } from "../isa/vendor-behaviour.ts";
import type { CpuModel } from "../model/cpu-model.ts";

/** A saver group as a model module imports it. */
export interface ImportedGroup {
  readonly name: string;
  /** File under `savers/`. */
  readonly file: string;
}

const list = (lines: readonly string[]): string =>
  lines.length === 0 ? "[]" : `[\n${lines.map((line) => `  ${line},\n`).join("")}]`;

/** The text of `<model>.ts`: its CPU as data, and its savers. */
export function modelModuleText(model: CpuModel, groups: readonly ImportedGroup[], seam: string, extension: string): string {
  const files = new Map<string, string[]>();
  for (const group of groups) files.set(group.file, [...(files.get(group.file) ?? []), group.name]);
  const imports = [...files]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, names]) => `import {\n${names.map((name) => `  ${name},\n`).join("")}} from "./savers/${file}${extension}";`);
  const { instructions: has } = model;
  const rows = model.components.map(
    (row) =>
      `  { index: ${row.index}, size: ${row.size}, standardOffset: ${row.standardOffset ?? "undefined"}, supervisor: ${row.supervisor}, align64: ${row.align64}, xfd: ${row.xfd} },\n`,
  );
  return [
    `import type { ProcessorDescription, SaverGroup } from "${seam}";`,
    "",
    ...imports,
    "",
    `/** ${commentText(model.name)} (${model.kind}): CPUID leaf 0DH, masks and vendor rules. Sizes and offsets in bytes. */`,
    "export const cpu: ProcessorDescription = {",
    `  id: ${JSON.stringify(model.id)},`,
    `  xcr0Supported: ${maskHex(model.xcr0Supported)}n,`,
    `  xssSupported: ${maskHex(model.xssSupported)}n,`,
    `  instructions: { xsaveopt: ${has.xsaveopt}, xsavec: ${has.xsavec}, xgetbv1: ${has.xgetbv1}, xsaves: ${has.xsaves}, xfd: ${has.xfd} },`,
    "  components: [",
    ...rows.map((row) => `  ${row.trimEnd()}`),
    "  ],",
    `  quirks: { ${quirkText(model.quirks)} },`,
    "};",
    "",
    "/** Every saver of the model, for `selectSave`. */",
    `export const savers: readonly SaverGroup[] = ${list(groups.map((group) => group.name))};`,
    "",
    `export { ${groups.map((group) => group.name).join(", ")} };`,
    "",
  ].join("\n");
}

/** Vendor rules as members of a literal; their words are the library's own, never a model's text. */
function quirkText(quirks: Quirks): string {
  const departures = DEPARTURE_NAMES.flatMap((name) => (quirks[name] ? [`${name}: "${quirks[name]}"`] : []));
  return [`x87Pointers: "${quirks.x87Pointers}"`, `mxcsrMask: 0x${quirks.mxcsrMask.toString(16)}`, ...departures].join(", ");
}

/** The text of `index.ts`: every model's id and how to load it; nothing is loaded before it is asked for. */
export function registryText(ids: readonly string[], seam: string, extension: string): string {
  return [
    `import type { GeneratedModel } from "${seam}";`,
    "",
    "/** Loads a generated model by id. */",
    "export const models: Readonly<Record<string, () => Promise<GeneratedModel>>> = {",
    ...ids.map((id) => `  "${id}": () => import("./${id}${extension}"),`),
    "};",
    "",
  ].join("\n");
}

/** Names are printable by the model's schema; what could end a comment is taken out all the same. */
function commentText(text: string): string {
  return text.replaceAll("*/", "* /").replaceAll(/[^\x20-\x7e]/g, "?");
}
