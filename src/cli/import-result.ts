/** What `import` and `probe` print or write, and how they end. */

import type { Command } from "commander";
import type { ReadDumpModels } from "../host/load-models.ts";
import { idForFile, writeModels } from "../host/write-models.ts";
import { printDiagnostic } from "../model/diagnostic.ts";
import { writeModel } from "../model/write-model.ts";
import { dumpData } from "../report/dump-data.ts";
import { idArgument } from "./parse-arguments.ts";
import { print, printJson } from "./print.ts";
import { UsageError } from "./usage-error.ts";

/** A dump under its name. */
export type NamedDump = readonly [file: string, dump: ReadDumpModels];

/** The options of both verbs. */
export interface ImportOptions {
  readonly id?: string;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

/** Declares them. */
export function importOptions(command: Command): Command {
  return command
    .option("--id <id>", "id of the model (default: the name of --out's file, or from the CPU's brand string)", idArgument)
    .option("--out <path>", "write a file named <id>.yaml, or <id>.yaml for each model into a folder")
    .option("--force", "replace files that are there")
    .option("--json", "print the raw rows of leaf 0DH as JSON");
}

/** The id that the options ask for; the name of a file to be written is one. Throws UsageError where two are asked for. */
export function wantedId({ id, out, force }: ImportOptions): string | undefined {
  if (force && out === undefined) throw new UsageError("--force is about files that --out names");
  const named = out === undefined ? undefined : idForFile(out);
  if (id !== undefined && named !== undefined && id !== named)
    throw new UsageError(`--id ${id} in a file named ${named}: a model's file has its id as name; leave --id out`);
  return id ?? named;
}

/**
 * Prints models as YAML documents, or writes them; prints dumps as JSON (a list where there are several). A dump that
 * gives no model is a finding.
 */
export function giveImported(dumps: readonly NamedDump[], { json, out, force }: ImportOptions): void {
  const models = dumps.flatMap(([, dump]) => dump.models);
  const written = out === undefined || models.length === 0 ? [] : writeModels(models, out, force === true);
  const data = dumps.map(([file, dump]) => dumpData(file, dump));
  if (json) printJson(data.length === 1 ? data[0] : data);
  else {
    if (out !== undefined) for (const path of written) print(`wrote ${path}`);
    else if (models.length > 0) print(models.map(writeModel).join("---\n"));
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
