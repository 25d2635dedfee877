/** Windows minidumps of x86 and amd64. Source: Microsoft minidumpapiset.h. */

import type { ByteSource } from "../byte-source.ts";
import {
  AREA_BYTES_LIMIT,
  AREA_SIZE_LIMIT,
  type ContainerFormat,
  type ContainerThread,
  MAX_THREADS,
  nothingFound,
  type ReadContainer,
} from "../container.ts";
import { FormatError, type ProblemList, cutShort } from "../format-problem.ts";
import { bytesOf, readWhole } from "../range-reader.ts";
import { contextSize, readContext } from "./context.ts";
import { isMinidump, type Location, readDirectory, STREAM } from "./directory.ts";
import { type Architecture, type MiscInfo, readMiscInfo, readSystemInfo } from "./misc-info.ts";

/** MINIDUMP_THREAD: id at 0, location of the context at 40. */
const THREAD_SIZE = 48;
/** MINIDUMP_THREAD_NAME: id and a 64-bit offset of the name. */
const NAME_SIZE = 12;
/** Windows limits a thread's description to 32,767 characters; what a list can show is far less. */
const MAX_NAME_BYTES = 512;

/** Reads streams, threads and their contexts. */
class MinidumpReader {
  readonly #source: ByteSource;
  readonly #streams: ReadonlyMap<number, Location>;
  readonly #problems: ProblemList;
  #contextBytes = 0;

  constructor(source: ByteSource, streams: ReadonlyMap<number, Location>, problems: ProblemList) {
    this.#source = source;
    this.#streams = streams;
    this.#problems = problems;
  }

  async read(): Promise<ReadContainer> {
    const system = await this.#stream(STREAM.systemInfo, 64);
    const { architecture, vendorHint } = system ? readSystemInfo(system) : {};
    if (!architecture)
      throw new FormatError({
        rule: "unknown-architecture",
        offset: this.#streams.get(STREAM.systemInfo)?.offset ?? 0,
        message: system
          ? `processor architecture ${system.byteLength >= 2 ? system.getUint16(0, true) : "missing"}, expected 0 (x86) or 9 (amd64)`
          : "no system information stream, so the architecture is not known",
        remedy: "name a dump of an x86 or amd64 process",
      });
    const miscView = await this.#stream(STREAM.miscInfo, 4096);
    const misc: MiscInfo = miscView
      ? readMiscInfo(miscView, this.#streams.get(STREAM.miscInfo)?.offset ?? 0, this.#problems)
      : {};
    const known = { ...misc, ...(vendorHint !== undefined && { vendorHint }) };
    const exception = await this.#exception();
    const names = await this.#names();
    const threads: ContainerThread[] = [];
    for (const { tid, context } of await this.#threadList()) {
      const hit = exception?.tid === tid;
      // Where an exception is, its context is what the thread was doing; the list has it inside the handler.
      const where = hit && exception.context.size > 0 ? exception.context : context;
      const bytes = await this.#context(where, architecture);
      const name = names.get(tid);
      threads.push({
        tid,
        ...(misc.pid !== undefined && { pid: misc.pid }),
        ...(name !== undefined && { name }),
        ...(exception && { signalled: hit }),
        ...(hit && { exception: exception.code }),
        ...(bytes ? readContext(bytes, where.offset, architecture, known, this.#problems) : { registers: {} }),
      });
    }
    if (threads.length === 0) throw new FormatError(this.#problems.first ?? nothingFound(0, "a minidump without threads"));
    return {
      description: `Windows minidump, ${architecture}`,
      ...(misc.pid !== undefined && { process: { pid: misc.pid } }),
      threads,
    };
  }

  /** A stream's beginning, up to `most` bytes. */
  async #stream(type: number, most: number): Promise<DataView | undefined> {
    const location = this.#streams.get(type);
    return location && readWhole(this.#source, location.offset, Math.min(location.size, most), `stream ${type}`);
  }

  async #threadList(): Promise<{ tid: number; context: Location }[]> {
    return this.#list(STREAM.threadList, THREAD_SIZE, (view, at) => ({
      tid: view.getUint32(at, true),
      context: { size: view.getUint32(at + 40, true), offset: view.getUint32(at + 44, true) },
    }));
  }

  /**
   * Entries of a stream that begins with their number. Breakpad on 64-bit systems puts 4 bytes after it, so that the entries
   * are aligned (its own reader, minidump.cc, tells by the stream's size as well).
   */
  async #list<T>(type: number, entrySize: number, decode: (view: DataView, at: number) => T): Promise<T[]> {
    const location = this.#streams.get(type);
    if (!location || location.size < 4) return [];
    const listed = (await readWhole(this.#source, location.offset, 4, `stream ${type}`)).getUint32(0, true);
    const head = location.size === 8 + listed * entrySize ? 8 : 4;
    const count = Math.min(listed, Math.floor((location.size - head) / entrySize), MAX_THREADS);
    if (count < listed)
      this.#problems.add(cutShort("list-truncated", location.offset, `stream ${type} says ${listed} entries; ${count} are read`));
    const view = await readWhole(this.#source, location.offset + head, count * entrySize, `stream ${type}`);
    return Array.from({ length: count }, (_, i) => decode(view, i * entrySize));
  }

  async #exception(): Promise<{ tid: number; code: number; context: Location } | undefined> {
    const view = await this.#stream(STREAM.exception, 168);
    if (!view || view.byteLength < 168) return undefined;
    return {
      tid: view.getUint32(0, true),
      code: view.getUint32(8, true),
      context: { size: view.getUint32(160, true), offset: view.getUint32(164, true) },
    };
  }

  async #names(): Promise<ReadonlyMap<number, string>> {
    const names = new Map<number, string>();
    const entries = await this.#list(STREAM.threadNames, NAME_SIZE, (view, at) => ({
      tid: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 4, true)),
    }));
    for (const { tid, offset } of entries) {
      if (offset + 4 > this.#source.size) continue;
      const length = (await readWhole(this.#source, offset, 4, "a thread's name")).getUint32(0, true);
      const size = Math.min(length, MAX_NAME_BYTES, this.#source.size - offset - 4) & ~1;
      const text = await readWhole(this.#source, offset + 4, size, "a thread's name");
      let name = "";
      for (let at = 0; at < size; at += 2) name += String.fromCharCode(text.getUint16(at, true));
      if (name !== "") names.set(tid, name);
    }
    return names;
  }

  /** A context's bytes, or undefined (and a problem) where they are not to be had. */
  async #context({ size, offset }: Location, architecture: Architecture): Promise<Uint8Array | undefined> {
    const least = contextSize(architecture);
    this.#contextBytes += size;
    const message =
      size < least
        ? `a context of ${size} bytes; ${architecture} has ${least} or more`
        : size > least + AREA_SIZE_LIMIT
          ? `a context of ${size} bytes; at most ${least + AREA_SIZE_LIMIT} are read`
          : offset + size > this.#source.size
            ? `a context of ${size} bytes ends after the file, which has ${this.#source.size} bytes`
            : this.#contextBytes > AREA_BYTES_LIMIT
              ? `contexts of more than ${AREA_BYTES_LIMIT} bytes`
              : undefined;
    if (message !== undefined) {
      this.#problems.add(cutShort("bad-context", offset, `${message}; the thread has no registers`));
      return undefined;
    }
    return bytesOf(await readWhole(this.#source, offset, size, "a context"));
  }
}

export const MINIDUMP: ContainerFormat = {
  kind: "minidump",
  title: "Windows minidump",
  recognises: isMinidump,
  read: async (source, problems) => new MinidumpReader(source, await readDirectory(source, problems), problems).read(),
};
