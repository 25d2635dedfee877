/**
 * zstd, frame by frame and block by block: every frame's window is checked before the decoder gives it memory.
 * Source: RFC 8878, 3.1.1 (frames) and 3.1.2 (skippable frames).
 */

import type { ByteSource } from "./byte-source.ts";
import { damagedCompression, FormatError } from "./format-problem.ts";
import { bytesOf, readWhole, SlidingWindow } from "./range-reader.ts";

export const ZSTD_MAGIC = 0xfd2fb528;
/** The low four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What `zstd -d` allows without --long (ZSTD_WINDOWLOG_LIMIT_DEFAULT is 27). */
const WINDOW_LIMIT: number = 128 * 1024 * 1024;
/**
 * The decoder moves its whole window once a block: bytes moved in all, a second's work. 64 MiB in blocks of 128 KiB fit with
 * the 8 MiB that zstd's levels up to 19 use; under larger windows less is decompressed.
 */
const MOVED_LIMIT: number = 4 * 1024 ** 3;
/** Compressed bytes handed over at once; a block has at most 128 KiB. */
const PORTION = 65_536;

/** Decompresses all frames into `add`, which may throw to end it. */
export async function unzstd(source: ByteSource, add: (bytes: Uint8Array) => void): Promise<void> {
  const { Decompress } = await import("fzstd");
  const blocks = new SlidingWindow(source);
  const need = async (at: number, length: number): Promise<number> => {
    if (!blocks.holds(at, length)) await blocks.load(at, length, source.size, "a part of a zstd frame");
    return blocks.at(at);
  };
  let moved = 0;
  for (let at = 0; at < source.size;) {
    const head = await need(at, 8);
    const magic = blocks.view.getUint32(head, true);
    if ((magic & ~0xf) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + blocks.view.getUint32(head + 4, true);
      continue;
    }
    if (magic !== ZSTD_MAGIC) throw damaged(at, "no zstd frame begins here");
    const frame = frameHeader(await readWhole(source, at, Math.min(18, source.size - at), "a zstd frame header"), at);
    if (frame.window > WINDOW_LIMIT)
      throw new FormatError({
        rule: "zstd-window-too-large",
        offset: at + 4,
        message: `the zstd frame asks for a window of ${frame.window} bytes; at most ${WINDOW_LIMIT} are given`,
        remedy: "decompress the file with `zstd -d --long=31`",
      });
    let ended: unknown;
    const decoder = new Decompress((bytes) => {
      try {
        add(bytes);
      } catch (error) {
        ended = error;
        throw error;
      }
    });
    let from = at;
    let end = at + frame.size;
    for (let last = false; !last; from = end) {
      let exhausted = false;
      while (!last && end - from < PORTION && end + 3 <= source.size) {
        const i = await need(end, 3);
        const header = blocks.view.getUint16(i, true) | (blocks.view.getUint8(i + 2) << 16);
        last = (header & 1) === 1;
        // A block of type 1 is one byte, repeated.
        end += 3 + ((header & 6) === 2 ? 1 : header >> 3);
        moved += frame.window;
        exhausted = moved > MOVED_LIMIT;
        if (exhausted) break;
      }
      if (last && frame.checksum) end += 4;
      // A cut file can end inside a block's header.
      if (!last && !exhausted && end - from < PORTION) end = Math.max(end, source.size + 1);
      const there = Math.min(end, source.size) - from;
      const portion = bytesOf(await readWhole(source, from, there, "a part of a zstd frame"));
      try {
        decoder.push(portion, last && there === end - from);
      } catch (error) {
        throw error === ended ? error : damaged(from, error instanceof Error ? error.message : String(error));
      }
      if (exhausted) throw damaged(end, "too many blocks for so large a window; decompress the file with `zstd -d`");
      if (there < end - from) throw damaged(source.size, `a zstd frame goes on to byte ${end}`);
    }
    at = end;
  }
}

function damaged(offset: number, reason: string): FormatError {
  return new FormatError(damagedCompression(offset, "zstd", reason));
}

/** Size of the header, of the window that it asks for (RFC 8878, 3.1.1.1), and whether a checksum ends the frame. */
function frameHeader(view: DataView, at: number): { size: number; window: number; checksum: boolean } {
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const windowAt = 5;
  const contentAt = windowAt + (singleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const contentSize = descriptor >> 6 === 0 ? (singleSegment ? 1 : 0) : 1 << (descriptor >> 6);
  const size = contentAt + contentSize;
  const checksum = (descriptor & 4) !== 0;
  if (size > view.byteLength) throw damaged(at, "the zstd frame header is cut short");
  if (!singleSegment) {
    const byte = view.getUint8(windowAt);
    return { size, checksum, window: 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8) };
  }
  // The content is the window.
  const window =
    contentSize === 1
      ? view.getUint8(contentAt)
      : contentSize === 2
        ? view.getUint16(contentAt, true) + 256
        : contentSize === 4
          ? view.getUint32(contentAt, true)
          : Number(view.getBigUint64(contentAt, true));
  return { size, checksum, window };
}
