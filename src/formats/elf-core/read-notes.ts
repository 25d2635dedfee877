/** Walks through the notes of a core; contents that nobody wants are stepped over, never read. */

import type { ByteSource } from "../byte-source.ts";
import { type ProblemList, cutShort, exhausting } from "../format-problem.ts";
import { cText, SlidingWindow } from "../range-reader.ts";
import type { NoteSegment } from "./elf-file.ts";

/** A note whose contents were asked for. */
export interface Note {
  readonly name: string;
  readonly type: number;
  /** Byte offset of the contents in the file. */
  readonly fileOffset: number;
  readonly bytes: Uint8Array;
}

/** Notes that are walked over; 131,072 threads have five each. */
export const MAX_NOTES: number = 1 << 22;
const HEADER_SIZE = 12;
/** Longer names belong to nobody (`NetBSD-CORE@2147483647` has 22 characters). */
const MAX_NAME = 64;

/** Sizes and names are padded to 4 bytes in cores of both word sizes. */
const padded = (size: number): number => Math.ceil(size / 4) * 4;

/**
 * Calls `take` with each note for which `limit(name, type)` is above 0. A note larger than that limit, and
 * one that leaves its segment, are reported and left out. Returns the number of notes.
 */
export async function readNotes(
  source: ByteSource,
  segments: readonly NoteSegment[],
  limit: (name: string, type: number) => number,
  take: (note: Note) => void,
  problems: ProblemList,
): Promise<number> {
  const window = new SlidingWindow(source);
  let count = 0;
  for (const { offset, end } of segments) {
    for (let at = offset; at + HEADER_SIZE <= end;) {
      if (++count > MAX_NOTES) {
        problems.add(exhausting("too-many-notes", at, `more than ${MAX_NOTES} notes; the rest is left out`));
        return count;
      }
      if (!window.holds(at, HEADER_SIZE)) await window.load(at, HEADER_SIZE, end, "a note");
      const nameSize = window.view.getUint32(window.at(at), true);
      const size = window.view.getUint32(window.at(at) + 4, true);
      const type = window.view.getUint32(window.at(at) + 8, true);
      const start = at + HEADER_SIZE + padded(nameSize);
      if (start + size > end) {
        problems.add(
          cutShort(
            "note-truncated",
            at,
            `a note of type ${hex(type)} with ${nameSize} bytes of name and ${size} of contents leaves its segment, which ends at byte ${end}`,
          ),
        );
        break;
      }
      if (nameSize <= MAX_NAME) {
        if (!window.holds(at, HEADER_SIZE + nameSize)) await window.load(at, HEADER_SIZE + nameSize, end, "a note");
        const name = cText(window.view, window.at(at) + HEADER_SIZE, nameSize);
        const most = limit(name, type);
        if (size > most && most > 0)
          problems.add(
            exhausting(
              "note-too-large",
              at,
              `a note ${name} ${hex(type)} of ${size} bytes; at most ${most} are read, so it is left out`,
            ),
          );
        else if (most > 0) {
          if (!window.holds(start, size)) await window.load(start, size, end, "a note");
          take({ name, type, fileOffset: start, bytes: window.copy(start, size) });
        }
      }
      at = start + padded(size);
    }
  }
  return count;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
