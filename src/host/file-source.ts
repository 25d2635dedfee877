/** A file on disk as a ByteSource: read by ranges, however large it is. */

import { open } from "node:fs/promises";
import type { ByteSource } from "../formats/byte-source.ts";
import { DumpFileError, fileError } from "./read-dump-file.ts";

/** A source that has to be closed. */
export interface OpenFile extends ByteSource {
  close(): Promise<void>;
}

/** Opens a regular file. Throws DumpFileError where that fails or where it is none. */
export async function fileSource(path: string): Promise<OpenFile> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw fileError(path, error);
  });
  try {
    const { size, isFile } = await handle.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) throw new DumpFileError(`${path}: not a regular file; name the files in it, or copy it first`, "NOT-A-FILE");
    return {
      size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        let got = 0;
        while (got < length) {
          const { bytesRead } = await handle.read(bytes, got, length - got, offset + got).catch((error: unknown) => {
            throw fileError(path, error);
          });
          if (bytesRead === 0) break;
          got += bytesRead;
        }
        return bytes.subarray(0, got);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
