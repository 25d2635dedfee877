/**
 * PERF_RECORD_COMPRESSED (`perf record -z`): pieces of one zstd stream that is never ended, whose contents are records.
 * As perf 6.1 writes them: the tests read a file recorded with it. PERF_RECORD_COMPRESSED2 (6.16) has the length of
 * its data in front, since it is padded to 8 bytes; recalled, neither its source nor a file of it was read.
 */

import { type ByteSource, bytesSource } from "../byte-source.ts";
import { decompressed, DECOMPRESSED_LIMIT } from "../decompress.ts";
import { FormatError, type ProblemList } from "../format-problem.ts";
import { bytesOf, u64 } from "../range-reader.ts";

const COMPRESSED = 81;
const COMPRESSED2 = 83;
/** perf flushes its stream and never ends it: an empty last block does (RFC 8878, 3.1.1.2). */
const LAST_BLOCK = Uint8Array.of(1, 0, 0);

/** The pieces of one file, and what is in them. */
export class CompressedRecords {
  readonly #pieces: Uint8Array[] = [];
  readonly #problems: ProblemList;
  #size = 0;
  /** Offset of the first piece in the file; -1 without one. */
  #first = -1;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  /** Takes a piece; false if the record is of another type. */
  add(type: number, body: DataView, offset: number): boolean {
    if (type !== COMPRESSED && type !== COMPRESSED2) return false;
    if (this.#first < 0) this.#first = offset;
    let piece = bytesOf(body);
    if (type === COMPRESSED2) piece = body.byteLength < 8 ? piece.subarray(0, 0) : piece.subarray(8, 8 + u64(body, 0));
    if (this.#size + piece.length > DECOMPRESSED_LIMIT) this.#tooMuch(offset);
    else this.#pieces.push(piece.slice());
    this.#size += piece.length;
    return true;
  }

  /** The records in the pieces, up to DECOMPRESSED_LIMIT; undefined where there are none. */
  async records(): Promise<ByteSource | undefined> {
    if (this.#pieces.length === 0) return undefined;
    const pieces = [...this.#pieces, LAST_BLOCK];
    const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    const stream = bytesSource(joined);
    try {
      const plain = await decompressed(stream);
      if (plain === stream) this.#damaged("no zstd frame begins in the first compressed record");
      else if (plain.size === DECOMPRESSED_LIMIT) this.#tooMuch(this.#first);
      else if (plain.cut !== undefined) this.#damaged(plain.cut);
      return plain === stream ? undefined : plain;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#damaged(error.problem.message);
      return undefined;
    }
  }

  #damaged(message: string): void {
    const remedy = "record again, or copy the file again; what came before the damage is read";
    this.#problems.add({ rule: "damaged-compression", offset: this.#first, message, remedy });
  }

  #tooMuch(offset: number): void {
    this.#problems.add({
      rule: "compressed-records",
      offset,
      message: `of records compressed by perf record -z only the first ${DECOMPRESSED_LIMIT} bytes are read`,
      remedy: "perf inject -i FILE -o OTHER writes them uncompressed",
    });
  }
}
