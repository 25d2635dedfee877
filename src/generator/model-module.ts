/** A model's thin modules and the registry: constants and imports, no code of their own. */

import { maskHex } from "../isa/feature-mask.ts";
import { DEPARTURE_NAMES, type Quirks } from "../isa/vendor-behaviour.ts";
import type { CpuModel } from "../model/cpu-model.ts";

/** A saver group as a model's modules import it. */
export interface ImportedGroup {
  readonly name: string;
  /** File under `savers/`. */
  readonly file: string;
  readonly rfbm: bigint;
}

const list = (lines: readonly string[]): string =>
  lines.length === 0 ? "[]" : `[\n${lines.map((line) => `  ${line},\n`).join("")}]`;

/** The groups by file, in the order of the files' names. */
function byFile(groups: readonly ImportedGroup[]): [file: string, groups: ImportedGroup[]][] {
  const files = new Map<string, ImportedGroup[]>();
  for (const group of groups) files.set(group.file, [...(files.get(group.file) ?? []), group]);
  return [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** The text of `<model>.ts`: its CPU as data, and where its savers are. Importing it loads no saver. */
export function modelModuleText(model: CpuModel, groups: readonly ImportedGroup[], seam: string, extension: string): string {
  const { instructions: has } = model;
  const rows = model.components.map(
    (row) =>
      `    { index: ${row.index}, size: ${row.size}, standardOffset: ${row.standardOffset ?? "undefined"}, supervisor: ${row.supervisor}, align64: ${row.align64}, xfd: ${row.xfd} },`,
  );
  const files = byFile(groups).map(([file, members]) => {
    const rfbms = [...new Set(members.map(({ rfbm }) => `${maskHex(rfbm)}n`))].join(", ");
    const names = members.map(({ name }) => `m.${name}`).join(", ");
    return `{ rfbms: [${rfbms}], load: () => import("./savers/${file}${extension}").then((m) => [${names}]) }`;
  });
  return [
    `import type { ProcessorDescription, SaverFile, SaverGroup } from "${seam}";`,
    "",
    `/** ${commentText(model.name)} (${model.kind}): CPUID leaf 0DH, masks and vendor rules. Sizes and offsets in bytes. */`,
    "export const cpu: ProcessorDescription = {",
    `  id: ${JSON.stringify(model.id)},`,
    `  xcr0Supported: ${maskHex(model.xcr0Supported)}n,`,
    `  xssSupported: ${maskHex(model.xssSupported)}n,`,
    `  instructions: { xsaveopt: ${has.xsaveopt}, xsavec: ${has.xsavec}, xgetbv1: ${has.xgetbv1}, xsaves: ${has.xsaves}, xfd: ${has.xfd} },`,
    "  components: [",
    ...rows,
    "  ],",
    `  quirks: { ${quirkText(model.quirks)} },`,
    "};",
    "",
    "/** Where the savers of each RFBM are; nothing is loaded before it is asked for. */",
    `export const saverFiles: readonly SaverFile[] = ${list(files)};`,
    "",
    "/** Loads the savers of one RFBM, or all of the model, for `selectSave`. */",
    "export async function loadSavers(rfbm?: bigint): Promise<readonly SaverGroup[]> {",
    `  const { loadSaverFiles } = await import("${seam}");`,
    "  return loadSaverFiles(saverFiles, rfbm);",
    "}",
    "",
  ].join("\n");
}

/** The text of `<model>/savers.ts`: all savers at once, for those who name one of them and leave the rest to a bundler. */
export function modelSaversText(model: CpuModel, groups: readonly ImportedGroup[], seam: string, extension: string): string {
  const files = byFile(groups);
  return [
    `import type { SaverGroup } from "${seam}";`,
    "",
    ...files.map(
      ([file, members]) => `import { ${members.map(({ name }) => name).join(", ")} } from "../savers/${file}${extension}";`,
    ),
    "",
    `export { cpu } from "../${model.id}${extension}";`,
    ...files.map(
      ([file, members]) => `export { ${members.map(({ name }) => name).join(", ")} } from "../savers/${file}${extension}";`,
    ),
    "",
    "/** Every saver of the model, for `selectSave`. */",
    `export const savers: readonly SaverGroup[] = ${list(groups.map((group) => group.name))};`,
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
    "/** Loads a generated model with all of its savers, by id. */",
    "export const models: Readonly<Record<string, () => Promise<GeneratedModel>>> = {",
    ...ids.map((id) => `  "${id}": () => import("./${id}/savers${extension}"),`),
    "};",
    "",
  ].join("\n");
}

/** Names are printable by the model's schema; what could end a comment is taken out all the same. */
function commentText(text: string): string {
  return text.replaceAll("*/", "* /").replaceAll(/[^\x20-\x7e]/g, "?");
}
