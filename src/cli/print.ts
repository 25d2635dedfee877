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

/**
 * The same in pieces: of an object's lists (arrays, iterators) one entry at a time, so that what is large is never one string.
 */
export function* jsonPieces(value: unknown, indent: number): Generator<string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield jsonText(value, indent);
    return;
  }
  const line = (depth: number): string => (indent === 0 ? "" : `\n${" ".repeat(indent * depth)}`);
  const nested = (each: unknown, depth: number): string => jsonText(each, indent).replaceAll("\n", line(depth));
  let before = "{";
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    yield `${before}${line(1)}${JSON.stringify(name)}:${indent === 0 ? "" : " "}`;
    before = ",";
    if (typeof member !== "object" || member === null || !(Symbol.iterator in member)) yield nested(member, 1);
    else {
      let between = "[";
      for (const each of member as Iterable<unknown>) {
        yield `${between}${line(2)}${nested(each, 2)}`;
        between = ",";
      }
      yield between === "[" ? "[]" : `${line(1)}]`;
    }
  }
  yield before === "{" ? "{}" : `${line(0)}}`;
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
