/** What `import` and `probe` give for a dump, and the options that they share. */

import type { Command } from "commander";
import type { ReadDumpModels } from "../host/load-models.ts";
import { idForFile, writeModels } from "../host/write-models.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { printDiagnostic } from "../model/diagnostic.ts";
import { writeModel } from "../model/write-model.ts";
import { dumpData } from "../report/dump-data.ts";
import type { FileOutput } from "./many-files.ts";
import { idArgument } from "./parse-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** The options of both verbs. */
export interface ImportOptions {
  readonly id?: string;
  readonly out?: string;
  readonly force?: true;
}

/** Declares them. */
export function importOptions(command: Command): Command {
  return command
    .option("--id <id>", "id of the model (default: the name of --out's file, or from the CPU's brand string)", idArgument)
    .option("--out <path>", "write a file named <id>.yaml, or <id>.yaml for each model into a folder")
    .option("--force", "replace files that are there");
}

/** The id that the options ask for; the name of a file to be written is one. Throws UsageError where two are asked for. */
export function wantedId({ id, out, force }: ImportOptions): string | undefined {
  if (force && out === undefined) throw new UsageError("--force is about files that --out names");
  const named = out === undefined ? undefined : idForFile(out);
  if (id !== undefined && named !== undefined && id !== named)
    throw new UsageError(`--id ${id} in a file named ${named}: a model's file has its id as name; leave --id out`);
  return id ?? named;
}

/** One dump's part of the output. */
export interface ImportedDump extends Required<FileOutput> {
  readonly models: readonly CpuModel[];
  readonly text: string;
}

/** Models as YAML documents and the dump as data; a dump that gives no model is a finding. */
export function importedDump(file: string, dump: ReadDumpModels): ImportedDump {
  const messages = new Map<string, string>();
  // Logical CPUs that say the same are told of once.
  for (const each of [...dump.diagnostics, ...dump.cpus.flatMap((cpu) => cpu.diagnostics)])
    messages.set(`${each.rule} ${each.message}`, messages.get(`${each.rule} ${each.message}`) ?? printDiagnostic(each));
  return {
    finding: dump.models.length === 0,
    models: dump.models,
    data: dumpData(file, dump),
    text: dump.models.map((model) => writeModel(model)).join("---\n"),
    messages: [...messages.values()],
  };
}

/** Writes the models where `--out` says so; the paths. */
export function writeImported(models: readonly CpuModel[], { out, force }: ImportOptions): string[] {
  return out === undefined || models.length === 0 ? [] : writeModels(models, out, force === true);
}
