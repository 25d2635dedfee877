/** Opens a file of registers: finds its format by content and reads it. */

import type { ByteSource } from "./byte-source.ts";
import { decompressed } from "./decompress.ts";
import { type Container, type ContainerKind, HEAD_BYTES } from "./container.ts";
import { FOREIGN_HEAD_BYTES, foreignDump } from "./foreign-files.ts";
import { FormatError, ProblemList } from "./format-problem.ts";
import { viewOf } from "./range-reader.ts";
import { CONTAINER_FORMATS } from "./registry.ts";

/** How to open. */
export interface OpenOptions {
  /** What the file is, instead of what its content looks like. */
  readonly as?: ContainerKind;
  /** The file's name, for messages. */
  readonly file?: string;
}

/**
 * Reads a container, gzip and zstd included, by ranges: threads, their areas and the evidence for the areas' layout. Throws FormatError,
 * with rule, byte offset and remedy, for what no format recognises and for a file that gives no registers.
 */
export async function openContainer(file: ByteSource, options: OpenOptions = {}): Promise<Container> {
  const name = options.file ?? "input";
  try {
    const source = await decompressed(file);
    const format = options.as ? CONTAINER_FORMATS.find(({ kind }) => kind === options.as) : await recognise(source);
    if (!format) {
      const foreign = foreignDump(await source.read(0, Math.min(source.size, FOREIGN_HEAD_BYTES)));
      throw new FormatError(
        foreign ?? {
          rule: "unknown-format",
          offset: 0,
          message: `${source.size === 0 ? "an empty file" : "none of the known formats"}; known are ${CONTAINER_FORMATS.map(({ kind }) => kind).join(", ")}`,
          remedy: "name a core, minidump, KVM blob, signal frame or XSAVE area, or say what it is with --as",
        },
      );
    }
    const problems = new ProblemList();
    const read = await format.read(source, problems);
    return { kind: format.kind, ...read, warnings: problems.warnings(name) };
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(error.problem, name);
    throw error;
  }
}

async function recognise(source: ByteSource): Promise<(typeof CONTAINER_FORMATS)[number] | undefined> {
  const head = viewOf(await source.read(0, Math.min(source.size, HEAD_BYTES)));
  for (const format of CONTAINER_FORMATS) if (await format.recognises(head, source)) return format;
  return undefined;
}
