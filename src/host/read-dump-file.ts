/** A dump's text from a file or from standard input, in whatever encoding its tool wrote. */

import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { type ByteSource, bytesSource } from "../formats/byte-source.ts";
import { decompressed } from "../formats/decompress.ts";

/** Bytes; the largest real dump known has half a MiB. */
export const MAX_DUMP_BYTES: number = 64 * 1024 * 1024;

/** A dump that cannot be read, with what to do about it. */
export class DumpFileError extends Error {
  override readonly name = "DumpFileError";
  /** errno's name, `TOO-LARGE`, or empty. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file; check the path"],
  ["EACCES", "permission denied; make it readable"],
  ["EPERM", "permission denied; make it readable"],
  ["EISDIR", "is a directory; name the files in it"],
  ["ENOTDIR", "a part of the path is not a directory; check the path"],
  ["EMFILE", "too many open files; name fewer"],
]);

/**
 * Text of a dump: UTF-16 and UTF-8 by their byte order mark, UTF-16 also by the zero bytes that
 * ASCII has in it, else UTF-8 if it is valid and Latin-1 if not. The mark is left out.
 */
export function decodeDumpBytes(bytes: Uint8Array): string {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0)) return new TextDecoder("utf-16le").decode(bytes);
  if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0 && bytes.length >= 4)) {
    return new TextDecoder("utf-16be").decode(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

/** What went wrong with a file, with its name; a DumpFileError stays as it is. */
export function fileError(name: string, error: unknown): DumpFileError {
  if (error instanceof DumpFileError) return error;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return new DumpFileError(`${name}: ${REASONS.get(code) ?? (error instanceof Error ? error.message : String(error))}`, code);
}

/** Collects chunks up to a limit. */
async function collect(chunks: AsyncIterable<Uint8Array>, name: string, limit: number, remedy: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw new DumpFileError(`${name}: larger than ${limit} bytes; ${remedy}`, "TOO-LARGE");
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

/**
 * Bytes of `path`, or of standard input for `-`. Throws DumpFileError where that fails or where there is more than
 * `limit` bytes (devices and pipes without end included), with `remedy`.
 */
export async function readInput(path: string, limit: number, remedy: string): Promise<Uint8Array> {
  const name = path === "-" ? "standard input" : path;
  let file: FileHandle | undefined;
  try {
    if (path === "-") return await collect(process.stdin, name, limit, remedy);
    file = await open(path, "r");
    return await collect(file.createReadStream({ autoClose: false }), name, limit, remedy);
  } catch (error) {
    throw fileError(name, error);
  } finally {
    await file?.close();
  }
}

const NOT_A_DUMP = "so not a CPUID dump; cut out the part with the CPUID rows";

/** Reads a CPUID dump as text, gzip and zstd included. Throws as `readInput` does. */
export async function readDumpFile(path: string, limit: number = MAX_DUMP_BYTES): Promise<string> {
  return dumpText(bytesSource(await readInput(path, limit, NOT_A_DUMP)), path, limit);
}

/** The same of a source that is open already; `name` is for messages. */
export async function dumpText(file: ByteSource, name: string, limit: number = MAX_DUMP_BYTES): Promise<string> {
  const source = await decompressed(file, { limit, file: name });
  if (source.cut !== undefined) throw new DumpFileError(`${name}: ${source.cut}, ${NOT_A_DUMP}`, "TOO-LARGE");
  return decodeDumpBytes(await source.read(0, source.size));
}
