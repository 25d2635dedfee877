/** Data on standard output, messages on standard error. */

import { maskHex } from "../isa/feature-mask.ts";

/** Writes a text with one line end after it. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** A value as JSON, indented by `indent` (0: on one line); masks (bigint) become `"0x..."`. */
export function jsonText(value: unknown, indent: number): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? maskHex(each) : each), indent);
}

/** Writes a value as JSON. */
export function printJson(value: unknown): void {
  print(jsonText(value, 2));
}

/** Writes one line to standard error. */
export function printError(message: string): void {
  process.stderr.write(`xsavekit: ${message}\n`);
}

/** Progress: only where somebody watches. */
export function printProgress(message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${message}\n`);
}
