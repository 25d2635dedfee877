/**
 * A model's thin modules and the registry: constants and imports, no code of their own. They are written as text, by the
 * thread that plans: ts-morph would have nothing to prove in them, and only the thread that prints and proves savers and
 * restores loads it (a third of a second).
 */

import { maskHex } from "../isa/feature-mask.ts";
import { DEPARTURE_NAMES, type Quirks } from "../isa/vendor-behaviour.ts";
import type { CpuModel } from "../model/cpu-model.ts";

/** A saver group or a restore as a model's modules import it. */
export interface ImportedRoutine {
  readonly name: string;
  /** File under `savers/` or `restores/`. */
  readonly file: string;
  readonly rfbm: bigint;
}

const list = (lines: readonly string[]): string =>
  lines.length === 0 ? "[]" : `[\n${lines.map((line) => `  ${line},\n`).join("")}]`;

/** The groups by file, in the order of the files' names. */
function byFile(groups: readonly ImportedRoutine[]): [file: string, groups: ImportedRoutine[]][] {
  const files = new Map<string, ImportedRoutine[]>();
  for (const group of groups) files.set(group.file, [...(files.get(group.file) ?? []), group]);
  return [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** What a model imports, by folder. */
export interface ImportedRoutines {
  readonly savers: readonly ImportedRoutine[];
  readonly restores: readonly ImportedRoutine[];
}

const ROUTINE_TYPES = { savers: "SaverGroup", restores: "RestoreRoutine" } as const;

/** The text of `<model>/cpu.ts`: the model's CPU as data. */
export function cpuModuleText(model: CpuModel, seam: string): string {
  return [
    `import type { ProcessorDescription } from "${seam}";`,
    "",
    `/** ${titleOf(model)}: CPUID leaf 0DH, masks and vendor rules. Sizes and offsets in bytes. */`,
    `export const cpu: ProcessorDescription = ${cpuText(model).join("\n")};`,
    "",
  ].join("\n");
}

/** The text of `<model>.ts`: where its savers and restores are. Importing it loads none of them. */
export function modelModuleText(
  model: CpuModel,
  imported: ImportedRoutines,
  hasCopies: boolean,
  seam: string,
  extension: string,
): string {
  const copies = ["copies", "second-copies"].map((file) => `import("./savers/${file}${extension}")`).join(", ");
  return [
    `import type { RestoreFile, RestoreRoutine, SaverFile, SaverGroup } from "${seam}";`,
    "",
    `export { cpu } from "./${model.id}/cpu${extension}";`,
    "",
    "/** Where the savers of each RFBM are; nothing is loaded before it is asked for. */",
    `export const saverFiles: readonly SaverFile[] = ${fileList("savers", imported.savers, extension)};`,
    "",
    "/** Loads the savers of one RFBM, or all of the model, for `selectSave`. */",
    "export async function loadSavers(rfbm?: bigint): Promise<readonly SaverGroup[]> {",
    `  const { loadSaverFiles } = await import("${seam}");`,
    `  return loadSaverFiles(saverFiles, rfbm${hasCopies ? `, () => Promise.all([${copies}])` : ""});`,
    "}",
    "",
    "/** Where the restores of each RFBM are. */",
    `export const restoreFiles: readonly RestoreFile[] = ${fileList("restores", imported.restores, extension)};`,
    "",
    "/** Loads the restores of one RFBM, or all of the model, for `selectRestore`. */",
    "export async function loadRestores(rfbm?: bigint): Promise<readonly RestoreRoutine[]> {",
    `  const { loadSaverFiles } = await import("${seam}");`,
    "  return loadSaverFiles(restoreFiles, rfbm);",
    "}",
    "",
  ].join("\n");
}

/** A CPU's masks, rows and vendor rules as the lines of a literal. */
function cpuText(model: CpuModel): string[] {
  const { instructions: has } = model;
  const rows = model.components.map(
    (row) =>
      `    { index: ${row.index}, size: ${row.size}, standardOffset: ${row.standardOffset ?? "undefined"}, supervisor: ${row.supervisor}, align64: ${row.align64}, xfd: ${row.xfd} },`,
  );
  return [
    "{",
    `  id: ${JSON.stringify(model.id)},`,
    `  xcr0Supported: ${maskHex(model.xcr0Supported)}n,`,
    `  xssSupported: ${maskHex(model.xssSupported)}n,`,
    `  instructions: { xsaveopt: ${has.xsaveopt}, xsavec: ${has.xsavec}, xgetbv1: ${has.xgetbv1}, xsaves: ${has.xsaves}, xfd: ${has.xfd} },`,
    "  components: [",
    ...rows,
    "  ],",
    `  quirks: { ${quirkText(model.quirks)} },`,
    "}",
  ];
}

/** The text of `cpus.ts`: the data of every model in one module, for those who look for the model that an image fits. */
export function allCpusText(models: readonly CpuModel[], seam: string): string {
  return [
    `import type { ProcessorDescription } from "${seam}";`,
    "",
    "/** Every model's CPUID leaf 0DH, masks and vendor rules, in the order of their ids. Sizes and offsets in bytes. */",
    "export const cpus: readonly ProcessorDescription[] = [",
    ...models.flatMap((model) => [
      `  // ${titleOf(model)}`,
      ...cpuText(model).map((line, at, lines) => `  ${line}${at + 1 === lines.length ? "," : ""}`),
    ]),
    "];",
    "",
  ].join("\n");
}

/** A model's name and kind as a comment may hold them. */
function titleOf({ name, kind }: CpuModel): string {
  return `${commentText(name)} (${kind})`;
}

/** Where the routines of a folder are, as the members of a list. */
function fileList(folder: keyof ImportedRoutines, routines: readonly ImportedRoutine[], extension: string): string {
  const files = byFile(routines).map(([file, members]) => {
    const rfbms = [...new Set(members.map(({ rfbm }) => `${maskHex(rfbm)}n`))].join(", ");
    const names = members.map(({ name }) => `m.${name}`).join(", ");
    return `{ rfbms: [${rfbms}], load: () => import("./${folder}/${file}${extension}").then((m) => [${names}]) }`;
  });
  return list(files);
}

/**
 * The text of `<model>/savers.ts` or `<model>/restores.ts`: all of them at once, for those who name one and leave the
 * rest to a bundler.
 */
export function modelRoutinesText(
  folder: keyof ImportedRoutines,
  routines: readonly ImportedRoutine[],
  seam: string,
  extension: string,
): string {
  const type = ROUTINE_TYPES[folder];
  const from = byFile(routines).map(
    ([file, members]) => `{ ${members.map(({ name }) => name).join(", ")} } from "../${folder}/${file}${extension}";`,
  );
  return [
    `import type { ${type} } from "${seam}";`,
    "",
    ...from.map((each) => `import ${each}`),
    "",
    `export { cpu } from "./cpu${extension}";`,
    ...from.map((each) => `export ${each}`),
    "",
    `/** All of the model, for \`${folder === "savers" ? "selectSave" : "selectRestore"}\`. */`,
    `export const ${folder}: readonly ${type}[] = ${list(routines.map(({ name }) => name))};`,
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
    `import type { GeneratedModel, GeneratedRestores } from "${seam}";`,
    "",
    "/** Loads a generated model with all of its savers, by id. */",
    "export const models: Readonly<Record<string, () => Promise<GeneratedModel>>> = {",
    ...ids.map((id) => `  "${id}": () => import("./${id}/savers${extension}"),`),
    "};",
    "",
    "/** Loads a generated model with all of its restores, by id. */",
    "export const restores: Readonly<Record<string, () => Promise<GeneratedRestores>>> = {",
    ...ids.map((id) => `  "${id}": () => import("./${id}/restores${extension}"),`),
    "};",
    "",
  ].join("\n");
}

/** Names are printable by the model's schema; what could end a comment is taken out all the same. */
function commentText(text: string): string {
  return text.replaceAll("*/", "* /").replaceAll(/[^\x20-\x7e]/g, "?");
}
