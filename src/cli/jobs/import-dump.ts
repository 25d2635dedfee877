/** `import` of one dump. */

import { readDump } from "../../dumps/index.ts";
import { modelsFromDump } from "../../host/load-models.ts";
import { readDumpFile } from "../../host/read-dump-file.ts";
import { type ImportedDump, importedDump } from "../import-result.ts";
import { UsageError } from "../usage-error.ts";

/** What every dump of a run shares. */
export interface ImportJobOptions {
  readonly id?: string | undefined;
}

/** Reads one dump. Throws for one that cannot be read or has no known format. */
export async function run(file: string, { id }: ImportJobOptions): Promise<ImportedDump> {
  const dump = readDump(await readDumpFile(file));
  const unknown = dump.problems.find(({ rule }) => rule === "unknown-format");
  if (unknown) throw new UsageError(`${file}: ${unknown.message}; save one of these as text`);
  return importedDump(file, modelsFromDump(dump, file, id));
}
