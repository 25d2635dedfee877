/** A file on disk as a ByteSource: read by ranges, however large it is; of a pipe the beginning. */

import { type FileHandle, open } from "node:fs/promises";
import { type ByteSource, bytesSource } from "../formats/byte-source.ts";
import { fileError } from "./read-dump-file.ts";

/** A source that has to be closed. */
export interface OpenFile extends ByteSource {
  close(): Promise<void>;
}

/** Bytes of a pipe that are kept: kernels write notes before memory, so a core of any size has them here. */
const PIPE_LIMIT: number = 64 * 1024 * 1024;

/** Opens a file, a named pipe or what a shell's `<(...)` gives. Throws DumpFileError where that fails. */
export async function fileSource(path: string): Promise<OpenFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    const source = stat.isFile()
      ? rangesOf(handle, stat.size, path)
      : await pipeSource(handle.createReadStream({ autoClose: false }));
    return { ...source, close: handle.close.bind(handle) };
  } catch (error) {
    await handle?.close();
    throw fileError(path, error);
  }
}

/** Standard input as a source. Throws DumpFileError where it cannot be read. */
export async function standardInputSource(): Promise<ByteSource> {
  try {
    return await pipeSource(process.stdin);
  } catch (error) {
    throw fileError("standard input", error);
  }
}

function rangesOf(handle: FileHandle, size: number, path: string): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      const { bytesRead } = await handle.read(bytes, got, length - got, offset + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return bytes.subarray(0, got);
  };
  return {
    size,
    read: (offset, length) =>
      read(offset, length).catch((error: unknown) => {
        throw fileError(path, error);
      }),
  };
}

/** The first bytes of a stream, which is not read further. */
async function pipeSource(chunks: AsyncIterable<Uint8Array>): Promise<ByteSource> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size > PIPE_LIMIT) break;
  }
  const bytes = bytesSource(Buffer.concat(parts, Math.min(size, PIPE_LIMIT)));
  return size > PIPE_LIMIT ? { ...bytes, cut: `only the first ${PIPE_LIMIT} bytes of a pipe are looked at; name a file` } : bytes;
}
