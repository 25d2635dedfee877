/** `suite.json`: what makes a folder a suite. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { VectorFile } from "../verify-vectors.ts";

/** Name of the file in the suite's folder. */
export const MANIFEST = "suite.json";
/** Version of the format of cases, in both renderings. */
export const SUITE_VERSION = 1;

/** A relative path that stays where it is: at most one folder, nothing that leads out. */
const PATH_FORM = /^(?:[a-z0-9][a-z0-9-]*\/)?[A-Za-z0-9][A-Za-z0-9-]*(?:\.[a-z0-9]+)*$/;

/** One file of cases. */
export interface CaseFile {
  readonly json: string;
  readonly text: string;
  readonly cpu: string;
  readonly origin: "recorded" | "computed";
  readonly saves: number;
  readonly restores: number;
}

/** What the manifest says. */
export interface SuiteManifest {
  readonly format: "xsavekit-suite";
  readonly version: number;
  /** Version of the package that made it. */
  readonly xsavekit: string;
  readonly cases: readonly CaseFile[];
  /** All files of the suite, relative to its folder. */
  readonly files: readonly string[];
}

const path = v.pipe(v.string(), v.regex(PATH_FORM));
const manifestSchema: v.GenericSchema<unknown, SuiteManifest> = v.object({
  format: v.literal("xsavekit-suite"),
  version: v.pipe(v.number(), v.integer()),
  xsavekit: v.string(),
  cases: v.array(
    v.object({
      json: path,
      text: path,
      cpu: v.string(),
      origin: v.picklist(["recorded", "computed"]),
      saves: v.number(),
      restores: v.number(),
    }),
  ),
  files: v.array(path),
});

/** A folder is no suite, or one of a version that is not known here; the message says what to do. */
export class SuiteError extends Error {
  override readonly name = "SuiteError";
}

/** The manifest of a folder; undefined if there is none. Throws SuiteError for one that is not of this version. */
export function readManifest(folder: string): SuiteManifest | undefined {
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SuiteError(
      `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}); name a suite's folder`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SuiteError(`${path}: is not JSON: ${(error as Error).message}; emit the suite again`);
  }
  const result = v.safeParse(manifestSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw new SuiteError(`${path}: "${v.getDotPath(issue) ?? "the file"}": ${issue.message}; emit the suite again`);
  }
  if (result.output.version !== SUITE_VERSION)
    throw new SuiteError(`${path}: version ${result.output.version}, this xsavekit reads ${SUITE_VERSION}; emit the suite again`);
  return result.output;
}

/** The files of cases of a suite, to be handed to `verifyVectors`. Throws SuiteError. */
export function readSuite(folder: string): VectorFile[] {
  const manifest = readManifest(folder);
  if (!manifest) throw new SuiteError(`${folder}: holds no ${MANIFEST}; name a folder made by \`xsavekit verify --emit-suite\``);
  return manifest.cases.map(({ json }) => {
    const name = join(folder, json);
    try {
      return { name, bytes: readFileSync(name) };
    } catch (error) {
      throw new SuiteError(
        `${name}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}); emit the suite again`,
      );
    }
  });
}
