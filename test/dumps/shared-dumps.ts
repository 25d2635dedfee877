/** The collection of real dumps beside the repository, if it is there. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../../shared/cpuid-dumps/", import.meta.url));
const REFERENCE = fileURLToPath(new URL("../../../shared/reference/cpuid-dumps.md", import.meta.url));

/** Why the tests over real dumps are skipped; undefined if they are not. */
export const SKIPPED: string | undefined = existsSync(FOLDER) ? undefined : `skipped: no collection of dumps in ${FOLDER}`;
if (SKIPPED) console.log(SKIPPED);

/** The list of anomalies that people wrote down about these dumps. */
export const HAS_ANOMALY_LIST: boolean = existsSync(REFERENCE);

/** `folder/file` of every dump whose folder (format) is named. */
export function sharedDumps(formats: readonly string[]): string[] {
  if (SKIPPED) return [];
  return formats.flatMap((format) => readdirSync(`${FOLDER}${format}`).map((file) => `${format}/${file}`));
}

export function sharedBytes(file: string): Uint8Array {
  return readFileSync(FOLDER + file);
}

/** `folder/file` to what the collection's list says about the CPU. */
export function sharedSources(): Map<string, string> {
  const lines = readFileSync(`${FOLDER}SOURCES.md`, "utf8").split("\n");
  return new Map(
    lines
      .filter((line) => line.startsWith("| "))
      .map((line) => line.slice(2).split(" | "))
      .map(([file = "", cpu = ""]) => [file, cpu]),
  );
}

/** Files under a heading of the collection's list of anomalies. */
export function anomaly(heading: string): string[] {
  const section =
    readFileSync(REFERENCE, "utf8")
      .split("\n### ")
      .find((part) => part.startsWith(heading)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("* "))
    .map((line) => line.slice(2).split(/(?<=\.(?:txt|test)):/)[0] ?? "");
}
