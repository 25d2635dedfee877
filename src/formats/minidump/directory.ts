/**
 * Header and stream directory of a Windows minidump.
 * Source: Microsoft minidumpapiset.h (MINIDUMP_HEADER, MINIDUMP_DIRECTORY, MINIDUMP_STREAM_TYPE).
 */

import type { ByteSource } from "../byte-source.ts";
import { FormatError, type ProblemList, cutShort, exhausting } from "../format-problem.ts";
import { readWhole } from "../range-reader.ts";

/** A range of the file as a minidump names it: DataSize and Rva, 32 bits each. */
export interface Location {
  readonly size: number;
  readonly offset: number;
}

/** Streams that are read, by MINIDUMP_STREAM_TYPE. */
export const STREAM = { threadList: 3, exception: 6, systemInfo: 7, miscInfo: 15, threadNames: 24 } as const;

const SIGNATURE = 0x504d444d; // "MDMP", little-endian
const SWAPPED = 0x4d444d50;
const ENTRY_SIZE = 12;
/** Real dumps have up to some dozens. */
const MAX_STREAMS = 4096;

/** True for a minidump, one of the wrong byte order included. */
export function isMinidump(head: DataView): boolean {
  return head.byteLength >= 4 && [SIGNATURE, SWAPPED].includes(head.getUint32(0, true));
}

/** Where each stream lies; of two streams of one type the first counts. Throws FormatError if the directory cannot be read. */
export async function readDirectory(source: ByteSource, problems: ProblemList): Promise<ReadonlyMap<number, Location>> {
  const header = await readWhole(source, 0, 32, "the minidump header");
  const signature = header.getUint32(0, true);
  if (signature !== SIGNATURE)
    throw new FormatError({
      rule: "not-a-minidump",
      offset: 0,
      message:
        signature === SWAPPED
          ? "the signature is PMDM: a big-endian minidump; x86 is little-endian"
          : `the signature is 0x${signature.toString(16)}, expected 0x${SIGNATURE.toString(16)} (MDMP)`,
      remedy: "name a minidump of an x86 machine",
    });
  const count = header.getUint32(8, true);
  const directory = header.getUint32(12, true);
  if (count > MAX_STREAMS)
    throw new FormatError(exhausting("too-many-streams", 8, `${count} streams; at most ${MAX_STREAMS} are read`));
  const entries = await readWhole(source, directory, count * ENTRY_SIZE, "the stream directory");
  const streams = new Map<number, Location>();
  for (let i = 0; i < count; i++) {
    const at = i * ENTRY_SIZE;
    const type = entries.getUint32(at, true);
    if (!Object.values<number>(STREAM).includes(type)) continue;
    const location = { size: entries.getUint32(at + 4, true), offset: entries.getUint32(at + 8, true) };
    const fault = streams.has(type)
      ? "comes a second time; the first one counts"
      : location.offset + location.size > source.size
        ? `ends at byte ${location.offset + location.size}, the file at byte ${source.size}; it is left out`
        : undefined;
    if (fault) problems.add(cutShort("bad-stream", directory + at, `stream ${type} ${fault}`));
    else streams.set(type, location);
  }
  return streams;
}
