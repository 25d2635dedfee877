/** gzip and zstd by content: the beginning of what is compressed, up to a limit, as a source of its own. */

import { type ByteSource, bytesSource } from "./byte-source.ts";
import { foreignCompression } from "./foreign-files.ts";
import { damagedCompression, FormatError } from "./format-problem.ts";
import { viewOf } from "./range-reader.ts";
import { unzstd, ZSTD_MAGIC } from "./unzstd.ts";

/** Bytes that are decompressed. Kernels write notes before memory, so that a core of any size has them here; gcore writes them last. */
export const DECOMPRESSED_LIMIT: number = 64 * 1024 * 1024;
/** Bytes of compressed input that are read at once. */
const CHUNK = 65_536;

const GZIP_MAGIC = 0x8b1f;
/** Thrown by `Prefix.add` to end a decoder. */
class LimitReached extends Error {}

/** The bytes decompressed so far, in one buffer that grows. */
class Prefix {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 20);
  #length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    const taken = Math.min(chunk.length, this.#limit - this.#length);
    if (this.#length + taken > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(this.#bytes.length * 2, this.#length + taken), this.#limit));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    if (taken < chunk.length) throw new LimitReached();
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * The source itself, or what is in it if its first bytes are gzip's or zstd's. Of what is in it only the first
 * `limit` bytes are decompressed; `cut` of the result says so, and also where damaged input ended it earlier. Throws
 * FormatError, which names `file`, for damaged input that gives nothing, and for other compressions.
 */
export async function decompressed(
  source: ByteSource,
  { limit = DECOMPRESSED_LIMIT, file = "input" }: { readonly limit?: number; readonly file?: string } = {},
): Promise<ByteSource> {
  const bytes = await source.read(0, Math.min(source.size, 18));
  const foreign = foreignCompression(bytes);
  if (foreign) throw new FormatError(foreign, file);
  const head = viewOf(bytes);
  const decode =
    head.byteLength >= 18 && head.getUint16(0, true) === GZIP_MAGIC
      ? gunzip
      : head.byteLength >= 9 && head.getUint32(0, true) === ZSTD_MAGIC
        ? unzstd
        : undefined;
  if (!decode) return source;
  const prefix = new Prefix(limit);
  try {
    await decode(source, (chunk) => prefix.add(chunk));
  } catch (error) {
    if (error instanceof LimitReached)
      return {
        ...bytesSource(prefix.bytes),
        cut: `only the first ${limit} bytes are decompressed; decompress the file and name the result`,
      };
    if (error instanceof FormatError && prefix.bytes.length === 0) throw new FormatError(error.problem, file);
    const reason = error instanceof FormatError ? error.problem.message : error instanceof Error ? error.message : String(error);
    if (prefix.bytes.length === 0) throw new FormatError(damagedCompression(0, "gzip", reason), file);
    return { ...bytesSource(prefix.bytes), cut: `the compressed data end early: ${reason}` };
  }
  return bytesSource(prefix.bytes);
}

/** What is used of web streams; their types are not everywhere. */
interface Gunzip {
  readonly readable: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> } };
  readonly writable: {
    getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> };
  };
}

/** What is used of the global object: Node's modules where it is Node's, else the stream of browsers. */
interface Globals {
  readonly process?: { getBuiltinModule?(id: string): unknown };
  readonly DecompressionStream: new (format: "gzip") => Gunzip;
}

/**
 * Node's own gunzip reads on where one member follows another (`cat a.gz b.gz`, bgzip). The web's stream ends there with an
 * error, as the Compression Standard has it: browsers' does, and Node's since pull request 64023 of nodejs/node (seen in 24.21).
 */
function gunzipStream(): Gunzip {
  const { process, DecompressionStream } = globalThis as unknown as Globals;
  const zlib = process?.getBuiltinModule?.("node:zlib") as { createGunzip(): unknown } | undefined;
  const stream = process?.getBuiltinModule?.("node:stream") as { Duplex: { toWeb(duplex: unknown): Gunzip } } | undefined;
  return zlib && stream ? stream.Duplex.toWeb(zlib.createGunzip()) : new DecompressionStream("gzip");
}

async function gunzip(source: ByteSource, add: (bytes: Uint8Array) => void): Promise<void> {
  const { readable, writable } = gunzipStream();
  const reader = readable.getReader();
  const writer = writable.getWriter();
  const feed = async (): Promise<void> => {
    for (let at = 0; at < source.size; at += CHUNK) await writer.write(await source.read(at, Math.min(CHUNK, source.size - at)));
    await writer.close();
  };
  // What goes wrong in feeding shows in reading too; the promise must not stay unheard.
  const fed = feed().catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (value) add(value);
      if (done) break;
    }
    await fed;
  } catch (error) {
    await Promise.allSettled([reader.cancel(), writer.abort()]);
    throw error;
  }
}
