/** Names of many files, as other programs list them. */

import { createReadStream } from "node:fs";
import { fileError } from "./read-dump-file.ts";

/** Longer names no file system has; a list that goes on without an end of line is none. */
const LONGEST_NAME = 65_536;

/**
 * The names in the file `list`, or on standard input for `-`: one a line, or divided by NUL as `find -print0` writes
 * them. Empty ones are left out. They come as they are written, so that a pipe is answered while it is open. Throws
 * DumpFileError where the list cannot be read.
 */
export async function* fileNames(list: string): AsyncGenerator<string> {
  const named = list === "-" ? "standard input" : list;
  let rest = "";
  let separator: "\n" | "\0" | undefined;
  try {
    for await (const chunk of list === "-" ? process.stdin.setEncoding("utf8") : createReadStream(list, { encoding: "utf8" })) {
      rest += String(chunk);
      separator ??= rest.includes("\0") ? "\0" : rest.includes("\n") ? "\n" : undefined;
      if (separator === undefined) {
        if (rest.length > LONGEST_NAME) throw new Error("a name without an end; write one name a line");
        continue;
      }
      const names = rest.split(separator);
      rest = names.pop() ?? "";
      for (const name of names) if (name !== "") yield withoutReturn(name, separator);
    }
  } catch (error) {
    throw fileError(named, error);
  }
  if (rest !== "") yield withoutReturn(rest, separator);
}

/** Lists written on Windows end their lines with two characters. */
function withoutReturn(name: string, separator: "\n" | "\0" | undefined): string {
  return separator === "\0" ? name : name.replace(/\r$/, "");
}
