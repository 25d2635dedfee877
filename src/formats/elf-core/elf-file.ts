/**
 * Header and program headers of an ELF core of x86.
 * Source: System V gABI, chapters 4 and 5; PN_XNUM: Linux include/uapi/linux/elf.h.
 */

import type { ByteSource } from "../byte-source.ts";
import { FormatError, type ProblemList, cutShort, exhausting } from "../format-problem.ts";
import { readWhole, SlidingWindow, u64 } from "../range-reader.ts";

/** ELF's word size and machine together: x32 is ELF32 with x86-64's machine. */
export type ElfAbi = "x86-64" | "x32" | "i386";

/** A PT_NOTE segment, cut to the file and to what no other segment covers. */
export interface NoteSegment {
  readonly offset: number;
  readonly end: number;
}

export interface ElfCore {
  readonly abi: ElfAbi;
  readonly segments: readonly NoteSegment[];
}

const EM_386 = 3;
const EM_X86_64 = 62;
const ET_CORE = 4;
const PT_NOTE = 4;
const PN_XNUM = 0xffff;
/** Linux allows 65,530 mappings unless told otherwise; 64 times as many are still read in a second. */
const MAX_PROGRAM_HEADERS = 1 << 22;
/** One is usual; some writers give one per thread. */
const MAX_NOTE_SEGMENTS = 1 << 17;

/** True if the head is ELF's magic. */
export function isElf(head: DataView): boolean {
  return head.byteLength >= 4 && head.getUint32(0) === 0x7f454c46;
}

/** Reads header and program headers. Throws FormatError for what is no core of x86 or has no PT_NOTE in reach. */
export async function readElfCore(source: ByteSource, problems: ProblemList): Promise<ElfCore> {
  const ident = await readWhole(source, 0, 20, "the ELF header");
  const elfClass = ident.getUint8(4);
  const refuse = (offset: number, message: string, remedy: string): FormatError =>
    new FormatError({ rule: "not-a-core", offset, message, remedy });
  if (!isElf(ident))
    throw refuse(0, `the file begins with 0x${ident.getUint32(0).toString(16)}, expected 0x7f454c46`, "name an ELF core");
  if (elfClass !== 1 && elfClass !== 2)
    throw refuse(4, `EI_CLASS is ${elfClass}, expected 1 (32-bit) or 2 (64-bit)`, "the file is damaged: copy it again");
  if (ident.getUint8(5) !== 1)
    throw refuse(5, `EI_DATA is ${ident.getUint8(5)}, expected 1: x86 is little-endian`, "name a core of an x86 machine");
  const type = ident.getUint16(16, true);
  if (type !== ET_CORE)
    throw refuse(16, `e_type is ${type}, expected 4 (ET_CORE)`, "name the core; a program or library holds no registers");
  const machine = ident.getUint16(18, true);
  if (machine !== EM_386 && machine !== EM_X86_64)
    throw refuse(18, `e_machine is ${machine}, expected 3 (i386) or 62 (x86-64)`, "name a core of an x86 machine");
  if (machine === EM_386 && elfClass === 2)
    throw refuse(4, "a 64-bit ELF file of machine i386 does not exist", "the file is damaged: copy it again");
  return {
    abi: machine === EM_386 ? "i386" : elfClass === 2 ? "x86-64" : "x32",
    segments: await noteSegments(source, elfClass === 2, problems),
  };
}

/** The PT_NOTE segments in file order. */
async function noteSegments(source: ByteSource, wide: boolean, problems: ProblemList): Promise<NoteSegment[]> {
  const header = await readWhole(source, 0, wide ? 64 : 52, "the ELF header");
  const offset = wide ? u64(header, 32) : header.getUint32(28, true);
  const entrySize = header.getUint16(wide ? 54 : 42, true);
  let count = header.getUint16(wide ? 56 : 44, true);
  if (count === PN_XNUM) {
    const sections = wide ? u64(header, 40) : header.getUint32(32, true);
    const first = await readWhole(
      source,
      sections,
      wide ? 64 : 40,
      "section header 0, which holds the number of program headers",
    );
    count = first.getUint32(wide ? 44 : 28, true);
  }
  const smallest = wide ? 56 : 32;
  if (entrySize < smallest)
    throw new FormatError({
      rule: "bad-program-headers",
      offset: wide ? 54 : 42,
      message: `e_phentsize is ${entrySize}, expected ${smallest}`,
      remedy: "the file is damaged: copy it again",
    });
  if (count > MAX_PROGRAM_HEADERS)
    throw new FormatError(
      exhausting("too-many-program-headers", wide ? 56 : 44, `${count} program headers; at most ${MAX_PROGRAM_HEADERS} are read`),
    );
  const end = offset + count * entrySize;
  if (end > source.size)
    throw new FormatError(
      cutShort("truncated", wide ? 32 : 28, `${count} program headers end at byte ${end}, the file at byte ${source.size}`),
    );
  const found: { start: number; size: number; header: number }[] = [];
  const window = new SlidingWindow(source);
  for (let at = offset; at < end; at += entrySize) {
    if (!window.holds(at, smallest)) await window.load(at, smallest, end, "the program headers");
    const i = window.at(at);
    if (window.view.getUint32(i, true) !== PT_NOTE) continue;
    const start = wide ? u64(window.view, i + 8) : window.view.getUint32(i + 4, true);
    const size = wide ? u64(window.view, i + 32) : window.view.getUint32(i + 16, true);
    if (size > 0) found.push({ start, size, header: at });
    if (found.length > MAX_NOTE_SEGMENTS) {
      problems.add(
        exhausting("too-many-note-segments", at, `more than ${MAX_NOTE_SEGMENTS} PT_NOTE segments; the rest is left out`),
      );
      break;
    }
  }
  return withoutOverlaps(found, source.size, problems);
}

/** Cuts segments to the file and to what is not read already, so that no byte is read twice. */
function withoutOverlaps(
  found: readonly { start: number; size: number; header: number }[],
  fileSize: number,
  problems: ProblemList,
): NoteSegment[] {
  const segments: NoteSegment[] = [];
  let covered = 0;
  for (const { start, size, header } of found.toSorted((a, b) => a.start - b.start)) {
    if (start + size > fileSize)
      problems.add(
        cutShort(
          "truncated",
          header,
          `the PT_NOTE segment of this program header ends after the file, which has ${fileSize} bytes; what is there is read`,
        ),
      );
    if (start < covered)
      problems.add({
        rule: "notes-overlap",
        offset: header,
        message: `the PT_NOTE segment of this program header begins at byte ${start}, inside one that ends at byte ${covered}; the shared part is read once`,
        remedy: "the file was written wrongly; check the threads",
      });
    const from = Math.max(start, covered);
    const end = Math.min(start + size, fileSize);
    if (from < end) segments.push({ offset: from, end });
    covered = Math.max(covered, end);
  }
  return segments;
}
