/** What `import` and `probe` print, and how they end. */

import type { ReadDumpModels } from "../host/load-models.ts";
import { printDiagnostic } from "../model/diagnostic.ts";
import { writeModel } from "../model/write-model.ts";
import { dumpData } from "../report/dump-data.ts";
import { print, printJson } from "./print.ts";

/** A dump under its name. */
export type NamedDump = readonly [file: string, dump: ReadDumpModels];

/** Prints models as YAML documents or dumps as JSON (a list where there are several); a dump that gives no model is a finding. */
export function printImported(dumps: readonly NamedDump[], json: boolean): void {
  const data = dumps.map(([file, dump]) => dumpData(file, dump));
  if (json) printJson(data.length === 1 ? data[0] : data);
  else {
    const models = dumps.flatMap(([, dump]) => dump.models);
    if (models.length > 0) print(models.map(writeModel).join("---\n"));
    const seen = new Set<string>();
    for (const each of dumps.flatMap(([, dump]) => [...dump.diagnostics, ...dump.cpus.flatMap((cpu) => cpu.diagnostics)])) {
      // Logical CPUs that say the same are told of once.
      const key = `${each.file} ${each.rule} ${each.message}`;
      if (!seen.has(key)) process.stderr.write(`${printDiagnostic(each)}\n`);
      seen.add(key);
    }
  }
  if (dumps.some(([, dump]) => dump.models.length === 0)) process.exitCode = 1;
}
