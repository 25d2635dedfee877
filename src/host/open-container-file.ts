/** Opens a core, minidump, blob, area or profile from disk or standard input. */

import type { ByteSource } from "../formats/byte-source.ts";
import { decompressed } from "../formats/decompress.ts";
import { type Container, isPerfData, openContainer, type OpenOptions, openPerfData, type PerfData } from "../formats/index.ts";
import { fileSource, standardInputSource } from "./file-source.ts";

/**
 * Reads the container at `path`, or the one on standard input for `-`. Throws DumpFileError for a file that cannot be
 * read and FormatError for one that gives no registers.
 */
export async function openContainerFile(path: string, options: Pick<OpenOptions, "as"> = {}): Promise<Container> {
  return withSource(path, (source, file) => openContainer(source, { ...options, file }));
}

/** The same where a perf.data file may be given too: `use` then reads its samples, and its result is returned instead. */
export async function openContainerOrProfile<T>(
  path: string,
  options: Pick<OpenOptions, "as">,
  use: (data: PerfData) => Promise<T>,
): Promise<{ readonly container: Container } | { readonly profile: T }> {
  return withSource(path, async (source, file) => {
    if (options.as === undefined) {
      const plain = await decompressed(source, { file });
      if (isPerfData(await plain.read(0, Math.min(8, plain.size)))) return { profile: await use(await openPerfData(plain)) };
      return { container: await openContainer(plain, { file }) };
    }
    return { container: await openContainer(source, { ...options, file }) };
  });
}

async function withSource<T>(path: string, use: (source: ByteSource, file: string) => Promise<T>): Promise<T> {
  if (path === "-") return use(await standardInputSource(), "standard input");
  const source = await fileSource(path);
  try {
    return await use(source, path);
  } finally {
    await source.close();
  }
}
