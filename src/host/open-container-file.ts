/** Opens a core, minidump, blob or area from disk or standard input. */

import { bytesSource } from "../formats/byte-source.ts";
import { type Container, openContainer, type OpenOptions } from "../formats/index.ts";
import { fileSource } from "./file-source.ts";
import { readInput } from "./read-dump-file.ts";

/** Bytes of standard input, which cannot be read by ranges. */
const MAX_STDIN_BYTES: number = 256 * 1024 * 1024;

/**
 * Reads the container at `path`, or the one on standard input for `-`. Throws DumpFileError for a file that cannot be
 * read and FormatError for one that gives no registers.
 */
export async function openContainerFile(path: string, options: Pick<OpenOptions, "as"> = {}): Promise<Container> {
  if (path === "-") {
    const bytes = await readInput("-", MAX_STDIN_BYTES, "name the file instead, which is read by ranges");
    return openContainer(bytesSource(bytes), { ...options, file: "standard input" });
  }
  const source = await fileSource(path);
  try {
    return await openContainer(source, { ...options, file: path });
  } finally {
    await source.close();
  }
}
