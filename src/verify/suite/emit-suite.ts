/** Writes the conformance suite: cases as JSON and as lines, their description, and a driver in C. */

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot, packageVersion } from "../../host/load-models.ts";
import { compareTree, type OutputFile, writeTree } from "../../output/output-tree.ts";
import { caseJsonSchema, checkCase } from "./case-schema.ts";
import { caseText, TEXT_HEAD } from "./case-text.ts";
import { isRestore, type SuiteCase } from "./suite-case.ts";
import { MANIFEST, readManifest, SUITE_VERSION, SuiteError, type CaseFile, type SuiteManifest } from "./suite-manifest.ts";

const SUITE_FOLDER = "src/verify/suite";
const DRIVER_FILES = ["driver.c", "suite.h", "this-cpu.c"];
const SUFFIX = ".jsonl.gz";

/** What was written. */
export interface EmittedSuite {
  readonly folder: string;
  readonly cases: number;
  /** Files written; the others were there with the same content. */
  readonly written: number;
  readonly files: number;
}

/** All files of the suite: the same for a version of the package, wherever it is made. */
export function suiteFiles(root: string = packageRoot()): OutputFile[] {
  const own = (path: string): string => readFileSync(join(root, SUITE_FOLDER, path), "utf8");
  const files: OutputFile[] = [];
  const cases: CaseFile[] = [];
  for (const file of readdirSync(join(root, SUITE_FOLDER, "cases")).sort()) {
    if (!file.endsWith(SUFFIX)) continue;
    const name = file.slice(0, -SUFFIX.length);
    const text = gunzipSync(readFileSync(join(root, SUITE_FOLDER, "cases", file))).toString("utf8");
    const read = text
      .trimEnd()
      .split("\n")
      .map((line) => checkCase(JSON.parse(line)));
    const json = `cases/${name}.jsonl`;
    const lines = `text/${name}.txt`;
    files.push({ path: json, text }, { path: lines, text: TEXT_HEAD + read.map(caseText).join("") });
    cases.push(summary(read, json, lines));
  }
  files.push(
    ...DRIVER_FILES.map((name) => ({ path: `driver/${name}`, text: own(`driver/${name}`) })),
    { path: "README.md", text: own("README.md").replace("{{cases}}", caseTable(cases)) },
    { path: "schema.json", text: caseJsonSchema() },
    { path: "LICENSE", text: readFileSync(join(root, "LICENSE"), "utf8") },
  );
  const manifest: SuiteManifest = {
    format: "xsavekit-suite",
    version: SUITE_VERSION,
    xsavekit: packageVersion(),
    cases,
    files: [...files.map(({ path }) => path), MANIFEST].sort(),
  };
  // The manifest first: what is left of a run that was cut short is a suite all the same, and can be written again.
  return [{ path: MANIFEST, text: `${JSON.stringify(manifest, null, 2)}\n` }, ...files];
}

/**
 * Writes the suite into a folder that is empty, not there, or holds a suite already (of which files that are no longer
 * wanted are deleted). Throws SuiteError for any other folder; nothing outside it is touched.
 */
export function emitSuite(folder: string): EmittedSuite {
  const earlier = suiteIn(folder);
  const files = suiteFiles();
  const difference = compareTree(folder, files, () => false);
  const wanted = new Set(files.map(({ path }) => path));
  const orphaned = (earlier?.files ?? []).filter((path) => !wanted.has(path) && isFile(join(folder, path)));
  writeTree(folder, files, { ...difference, orphaned });
  return {
    folder,
    cases: files.filter(({ path }) => path.startsWith("cases/")).reduce((sum, { text }) => sum + text.split("\n").length - 1, 0),
    written: difference.missing.length + difference.changed.length,
    files: files.length,
  };
}

/** The suite that is there already; undefined for an empty folder or none. */
function suiteIn(folder: string): SuiteManifest | undefined {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new SuiteError(`${folder}: cannot be used (${code}); name a folder`);
  }
  if (entries.length === 0) return undefined;
  const manifest = readManifest(folder);
  if (!manifest)
    throw new SuiteError(`${folder}: holds other files and no ${MANIFEST}; name an empty folder or an earlier suite's`);
  return manifest;
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function summary(read: readonly SuiteCase[], json: string, text: string): CaseFile {
  const restores = read.filter(isRestore).length;
  const [first] = read;
  return { json, text, cpu: first?.cpu.name ?? "", origin: first?.origin ?? "computed", saves: read.length - restores, restores };
}

function caseTable(cases: readonly CaseFile[]): string {
  const rows = cases.map(
    ({ json, cpu, origin, saves, restores }) => `| \`${json}\` | ${cpu} | ${origin} | ${saves} | ${restores} |`,
  );
  return ["| file | processor | origin | saves | restores |", "|---|---|---|---|---|", ...rows].join("\n");
}
