/** Reads structures out of a ByteSource: every range is checked against the source before it is asked for. */

import type { ByteSource } from "./byte-source.ts";
import { FormatError, cutShort } from "./format-problem.ts";

/** Bytes read at once while walking through a table or a list of notes. */
const CHUNK = 65_536;

/** The range, whole; FormatError `truncated` where the source ends before. `what` names it in the message. */
export async function readWhole(source: ByteSource, offset: number, length: number, what: string): Promise<DataView> {
  const available = Math.max(0, source.size - offset);
  const bytes = length <= available ? await source.read(offset, length) : new Uint8Array(0);
  if (bytes.length < length) {
    throw new FormatError(
      cutShort(
        "truncated",
        offset,
        `${what} has ${length} bytes at byte ${offset}, and the file ends at byte ${source.size}${source.cut === undefined ? "" : ` (${source.cut})`}`,
      ),
    );
  }
  return viewOf(bytes);
}

/** The bytes that a DataView shows. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A DataView of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An unsigned 64-bit number as a JavaScript number; what passes 2^53-1 becomes that, which no file reaches. */
export function u64(view: DataView, offset: number): number {
  const value = view.getBigUint64(offset, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.MAX_SAFE_INTEGER;
}

/** Text up to its first NUL, one character a byte. */
export function cText(view: DataView, offset: number, length: number): string {
  let text = "";
  for (let at = offset; at < Math.min(offset + length, view.byteLength); at++) {
    const byte = view.getUint8(at);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A window that slides over a source; `holds` and `view` cost nothing while the window has the range. */
export class SlidingWindow {
  readonly #source: ByteSource;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#bytes);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  holds(offset: number, length: number): boolean {
    return offset >= this.#start && offset + length <= this.#start + this.#bytes.length;
  }

  /** Moves the window so that it has the range. `until` bounds what is read ahead. */
  async load(offset: number, length: number, until: number, what: string): Promise<void> {
    const ahead = Math.min(Math.max(length, CHUNK), Math.max(length, until - offset));
    this.#view = await readWhole(this.#source, offset, ahead, what);
    this.#bytes = bytesOf(this.#view);
    this.#start = offset;
  }

  /** Index into `view` of a file offset that the window holds. */
  at(offset: number): number {
    return offset - this.#start;
  }

  get view(): DataView {
    return this.#view;
  }

  /** A copy, so that the window's memory can go. */
  copy(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset - this.#start, offset - this.#start + length);
  }
}
