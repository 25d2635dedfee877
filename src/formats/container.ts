/** What every reader of containers gives: threads with their XSAVE areas, and what is wrong with the file. */

import type { ImageForm } from "../image/xsave-image.ts";
import type { LayoutEvidence } from "../image/layout-evidence.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { ByteSource } from "./byte-source.ts";
import type { FormatProblem, ProblemList } from "./format-problem.ts";
import type { GeneralRegisters } from "./general-registers.ts";

/** Every kind of container, as `--as` names it. */
export const CONTAINER_KINDS = ["elf-core", "minidump", "signal-frame", "kvm-xsave", "raw"] as const;
/** One of them. */
export type ContainerKind = (typeof CONTAINER_KINDS)[number];

/** Bytes and where the file has them. */
export interface FileRange {
  /** Byte offset in the (decompressed) file. */
  readonly fileOffset: number;
  readonly bytes: Uint8Array;
}

/** One XSAVE area. */
export interface ContainedArea extends FileRange {
  readonly form: ImageForm;
  /** 512 bytes as FXSAVE stores them, where the form has none of its own (a minidump's CONTEXT.FltSave). */
  readonly legacy?: Uint8Array;
  readonly evidence: LayoutEvidence;
}

/** Registers that a container holds beside the area. */
export interface OtherRegisters {
  readonly general?: GeneralRegisters;
  /** 512 bytes as FXSAVE stores them (NT_PRFPREG of x86-64, NT_PRXFPREG of i386, CONTEXT.FltSave). */
  readonly fxsave?: FileRange;
  /** 108 bytes as FSAVE stores them in 32-bit protected mode (NT_PRFPREG of i386). */
  readonly fsave?: FileRange;
  /** Shadow stack pointer (NT_X86_SHSTK). */
  readonly ssp?: bigint;
}

/** One thread; in a blob without threads one for each area. */
export interface ContainerThread {
  readonly tid?: number;
  readonly pid?: number;
  readonly name?: string;
  /** Signal number (POSIX systems). */
  readonly signal?: number;
  /** Exception code (Windows). */
  readonly exception?: number;
  /** Whether the signal or exception hit this thread, where the file tells. */
  readonly signalled?: boolean;
  readonly area?: ContainedArea;
  readonly registers: OtherRegisters;
}

/** The process, where the file tells. */
export interface ContainerProcess {
  readonly pid?: number;
  readonly name?: string;
  readonly command?: string;
}

/** A container, read. */
export interface Container {
  readonly kind: ContainerKind;
  /** For people: `ELF core, Linux, x86-64`. */
  readonly description: string;
  readonly process?: ContainerProcess;
  readonly threads: readonly ContainerThread[];
  /** What is odd, each with its byte offset in `offset`; never an error. */
  readonly warnings: readonly Diagnostic[];
}

/** What a reader returns; the caller adds kind, file and the collected warnings. */
export type ReadContainer = Pick<Container, "description" | "process" | "threads">;

/** One format. Readers throw FormatError for a file that gives nothing, and collect everything less in `problems`. */
export interface ContainerFormat {
  readonly kind: ContainerKind;
  readonly title: string;
  /** True if the file is of this format. `head` is the file's beginning, up to HEAD_BYTES. */
  recognises(head: DataView, source: ByteSource): boolean | Promise<boolean>;
  read(source: ByteSource, problems: ProblemList): Promise<ReadContainer>;
}

/** Bytes at the beginning of a file that detection looks at: one KVM_GET_XSAVE2 of the largest known CPU fits. */
export const HEAD_BYTES = 16_384;

/** Bytes of all areas of a container together; what comes after is left out with a warning. */
export const AREA_BYTES_LIMIT: number = 256 * 1024 * 1024;
/** Bytes of one area: twice the largest known (11,008 with AMX) leaves room for components to come. */
export const AREA_SIZE_LIMIT = 65_536;

/** Threads of one container: four times what Linux allows by default (32,768). */
export const MAX_THREADS: number = 1 << 17;

/** Reported where a container has no area and no other registers at all. */
export function nothingFound(offset: number, message: string): FormatProblem {
  return { rule: "no-registers", offset, message, remedy: "name another file; `--as` overrides what the file is taken for" };
}
