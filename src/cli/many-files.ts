/** Verbs that take any number of files: one job each, in order; a file that fails does not stop the others. */

import { once } from "node:events";
import type { Command } from "commander";
import { eachFile } from "../host/each-file.ts";
import { fileNames } from "../host/file-names.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { errorLine } from "./error-line.ts";
import { jsonPieces, printError } from "./print.ts";
import { UsageError } from "./usage-error.ts";

/** What a job gives for one file. */
export interface FileOutput {
  /** True where the file was read and something is wrong with what is in it: exit code 1. */
  readonly finding: boolean;
  /** For `--json` and `--jsonl`. A list in it may be an iterator, which is written as it goes. */
  readonly data?: unknown;
  /** For people: whole lines, or nothing; in pieces where it can be large. */
  readonly text?: string | Iterable<string>;
  /** For standard error, whole lines. */
  readonly messages?: readonly string[];
}

/** The options that `declareManyFiles` adds. */
export interface ManyFilesOptions {
  readonly json?: true;
  readonly jsonl?: true;
  readonly filesFrom?: string;
}

/** Adds the files, `--json`, `--jsonl` and `--files-from`. */
export function declareManyFiles(command: Command, what: string, json: string): Command {
  return command
    .argument("[file...]", `${what}, or -`)
    .option("--json", `${json}; a list for several files`)
    .option("--jsonl", "print one JSON object a line and file, as they are read; of a file that fails its error")
    .option("--files-from <list>", "read the names from this file, or from standard input for -: one a line, or NUL between");
}

/** How outputs become one. */
export interface ManyFilesStyle<Output> {
  /** Between two texts. */
  readonly divider: string;
  /** True: texts and messages are left to `take`. */
  readonly silent?: boolean;
  /** Is given each output, in order. */
  readonly take?: (output: Output) => void;
}

/**
 * Runs the job of `module` over the files and prints what it gives. Exit code 2 if a file could not be read, else 1 for
 * a finding. Throws UsageError for no file at all and for two readers of standard input.
 */
export async function runOverFiles<JobOptions, Output extends FileOutput = FileOutput>(
  files: readonly string[],
  { json, jsonl, filesFrom }: ManyFilesOptions,
  module: URL,
  options: JobOptions,
  { divider, silent, take }: ManyFilesStyle<Output>,
): Promise<void> {
  if (files.length === 0 && filesFrom === undefined) throw new UsageError("no file; name some, or give --files-from");
  if (files.filter((file) => file === "-").length + (filesFrom === "-" ? 1 : 0) > 1)
    throw new UsageError("standard input can be read once; name it once, as - or in --files-from -");
  const several = files.length > 1 || filesFrom !== undefined;
  let printed = false;
  let code = 0;
  for await (const result of eachFile<JobOptions, Output>(allNames(files, filesFrom), module, options)) {
    const value = "value" in result ? result.value : undefined;
    if (value) take?.(value);
    if (value?.finding) code = Math.max(code, 1);
    if (!value) code = 2;
    // As data the messages are in `data`.
    if (!json && !jsonl && !silent) for (const message of value?.messages ?? []) process.stderr.write(`${message}\n`);
    if ("error" in result && !jsonl) printError(errorLine(result.error));
    const data = value ? value.data : "error" in result ? failure(result.file, result.error) : undefined;
    if (jsonl) await write(lineOf(jsonPieces(data, 0)));
    else if (json && several) await write(entryOf(jsonPieces(data, 2), printed ? "," : "["));
    else if (json && value) await write(lineOf(jsonPieces(data, 2)));
    else if (!json && value?.text && !silent) {
      if (printed) await write([divider]);
      await write(typeof value.text === "string" ? [value.text] : value.text);
    } else continue;
    printed = true;
  }
  if (json && !jsonl && several) await write([printed ? "\n]\n" : "[]\n"]);
  process.exitCode = code;
}

function* lineOf(pieces: Iterable<string>): Generator<string> {
  yield* pieces;
  yield "\n";
}

/** An entry of a list that is written one at a time. */
function* entryOf(pieces: Iterable<string>, before: string): Generator<string> {
  yield `${before}\n  `;
  for (const piece of pieces) yield piece.replaceAll("\n", "\n  ");
}

async function* allNames(files: readonly string[], filesFrom: string | undefined): AsyncGenerator<string> {
  yield* files;
  if (filesFrom !== undefined) yield* fileNames(filesFrom);
}

/** A file that failed, as data: what the first diagnostic says, or the message alone. */
function failure(file: string, error: Error): unknown {
  const diagnostics = "diagnostics" in error && Array.isArray(error.diagnostics) ? (error.diagnostics as Diagnostic[]) : [];
  const [first] = diagnostics;
  if (!first) return { file, error: { message: errorLine(error) } };
  const { rule, line, column, offset, message, remedy } = first;
  return { file, error: { rule, ...(offset === undefined ? { line, column } : { offset }), message, remedy } };
}

/** Characters that are written at once. */
const WRITTEN_AT_ONCE = 65_536;

/** Waits where the reader is slower, so that a fleet's output does not pile up in memory. */
async function write(pieces: Iterable<string>): Promise<void> {
  let text = "";
  const flush = async (): Promise<void> => {
    if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
    text = "";
  };
  for (const piece of pieces) {
    text += piece;
    if (text.length >= WRITTEN_AT_ONCE) await flush();
  }
  await flush();
}
