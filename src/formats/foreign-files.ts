/** Files that are known by their first bytes and not read here: what to call them and what to do. */

import type { FormatProblem } from "./format-problem.ts";

interface ForeignFile {
  readonly title: string;
  /** Where its mark is, and the mark, one byte a character. */
  readonly at: number;
  readonly mark: string;
  readonly remedy: string;
}

const unpack = (tool: string): string => `decompress it with \`${tool}\` and name the result`;

/** Other compressions than gzip and zstd; systemd-coredump used xz and lz4 before zstd. */
const COMPRESSED: readonly ForeignFile[] = [
  { title: "xz-compressed data", at: 0, mark: "\xfd7zXZ\0", remedy: unpack("xz -dk") },
  { title: "lz4-compressed data", at: 0, mark: "\x04\x22\x4d\x18", remedy: unpack("lz4 -d") },
  { title: "bzip2-compressed data", at: 4, mark: "1AY&SY", remedy: unpack("bzip2 -dk") },
  { title: "a zip archive", at: 0, mark: "PK\x03\x04", remedy: "unpack it and name the files in it" },
];

const PROCESS_DUMP = "name a core or a minidump of a process";

/** Dumps of other systems, and of whole machines. */
const DUMPS: readonly ForeignFile[] = [
  { title: "a Windows kernel dump", at: 0, mark: "PAGEDU", remedy: PROCESS_DUMP },
  { title: "a makedumpfile dump of a Linux kernel", at: 0, mark: "KDUMP   ", remedy: PROCESS_DUMP },
  { title: "a makedumpfile dump of a Linux kernel", at: 0, mark: "DISKDUMP", remedy: PROCESS_DUMP },
  { title: "a Mach-O file", at: 0, mark: "\xcf\xfa\xed\xfe", remedy: PROCESS_DUMP },
  { title: "a QEMU migration stream, which holds registers and no XSAVE area", at: 0, mark: "QEVM", remedy: PROCESS_DUMP },
];

/** Bytes of a file that are looked at. */
export const FOREIGN_HEAD_BYTES = 16;

function problemIn(files: readonly ForeignFile[], head: Uint8Array): FormatProblem | undefined {
  const text = String.fromCharCode(...head.subarray(0, FOREIGN_HEAD_BYTES));
  const found = files.find(({ at, mark }) => text.startsWith(mark, at));
  return found && { rule: "foreign-file", offset: 0, message: `${found.title}, which is not read`, remedy: found.remedy };
}

/** The problem with a file in a compression that is not read. */
export const foreignCompression = (head: Uint8Array): FormatProblem | undefined => problemIn(COMPRESSED, head);

/** The problem with a dump in a format that is not read. */
export const foreignDump = (head: Uint8Array): FormatProblem | undefined => problemIn(DUMPS, head);
