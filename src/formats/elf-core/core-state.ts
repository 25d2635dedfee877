/** What the notes of a core add up to, in whatever order systems write them. */

import { EXTENDED_REGION_OFFSET } from "../../isa/xsave-area.ts";
import type { DeclaredRow, LayoutEvidence } from "../../image/layout-evidence.ts";
import {
  AREA_BYTES_LIMIT,
  MAX_THREADS,
  type ContainerProcess,
  type ContainerThread,
  type FileRange,
  type OtherRegisters,
} from "../container.ts";
import type { FormatProblem, ProblemList } from "../format-problem.ts";
import { areaOf } from "../contained-area.ts";
import { GeneralRegisters, type RegisterPlace } from "../general-registers.ts";
import type { ElfAbi } from "./elf-file.ts";
import type { Note } from "./read-notes.ts";

/** A thread under construction. */
export type OpenThread = Writable<Omit<ContainerThread, "area" | "registers">> & {
  registers: Writable<OtherRegisters>;
  area?: FileRange;
  features?: LayoutEvidence["userFeatures"];
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A note that some system writes. */
export interface NoteRow {
  readonly owner: string;
  readonly type: number;
  /** For messages: `NT_PRSTATUS`. */
  readonly name: string;
  /** Larger contents are not read. */
  readonly maxSize: number;
  take(note: Note, core: CoreState): void;
}

/** Collects threads; a note about a thread belongs to the last one that was begun. */
export class CoreState {
  readonly abi: ElfAbi;
  readonly problems: ProblemList;
  /** `Linux`, `FreeBSD`, `NetBSD`: whose notes were seen. */
  system: string | undefined;
  process: Writable<ContainerProcess> = {};
  /** The thread that the signal hit, where a note about the process tells. */
  hit: { readonly tid: number; readonly signal: number } | undefined;
  declared: { readonly source: string; readonly rows: readonly DeclaredRow[] } | undefined;
  readonly #threads: OpenThread[] = [];
  readonly #byId = new Map<number, OpenThread>();
  #areaBytes = 0;
  #full = false;

  constructor(abi: ElfAbi, problems: ProblemList) {
    this.abi = abi;
    this.problems = problems;
  }

  /** True where addresses and `long` have 64 bits. */
  get wide(): boolean {
    return this.abi === "x86-64";
  }

  /** The thread of that id, begun if it is new; undefined past the limit. */
  thread(tid: number, at: Note): OpenThread | undefined {
    const known = this.#byId.get(tid);
    if (known) return known;
    const made = this.begin(at);
    if (made) {
      made.tid = tid;
      this.#byId.set(tid, made);
    }
    return made;
  }

  /** Begins a thread; undefined past the limit. */
  begin(at: Note): OpenThread | undefined {
    if (this.#threads.length >= MAX_THREADS) {
      if (!this.#full) this.report(at, "too-many-threads", `more than ${MAX_THREADS} threads; the rest is left out`);
      this.#full = true;
      return undefined;
    }
    const thread: OpenThread = { registers: {} };
    this.#threads.push(thread);
    return thread;
  }

  /** Begins the thread of an NT_PRSTATUS. Kernels write the thread that the signal hit first. */
  beginThread(note: Note, system: string, tid: number, signal: number, places: readonly RegisterPlace[]): void {
    const first = this.system === undefined;
    this.system = system;
    const thread = this.begin(note);
    if (!thread) return;
    thread.tid = tid;
    thread.registers.general = new GeneralRegisters(places, note.bytes);
    if (signal <= 0) return;
    thread.signal = signal;
    thread.signalled = first;
  }

  /** The thread that a note without an id of its own belongs to. */
  current(note: Note): OpenThread | undefined {
    const last = this.#threads.at(-1);
    if (last || this.#full) return this.#full ? undefined : last;
    this.report(note, "note-without-thread", "registers before the first NT_PRSTATUS; they get a thread without an id");
    return this.begin(note);
  }

  /** Gives a thread its area; `features` where the system keeps them elsewhere than at byte 464 of the area. */
  setArea(thread: OpenThread | undefined, note: Note, features?: LayoutEvidence["userFeatures"]): void {
    if (!thread) return;
    if (thread.area) {
      this.report(note, "second-area", `a second area for ${thread.tid ?? "a thread without an id"}; the first one counts`);
      return;
    }
    if (note.bytes.length < EXTENDED_REGION_OFFSET) {
      this.report(
        note,
        "area-too-small",
        `an area of ${note.bytes.length} bytes has no XSAVE header (${EXTENDED_REGION_OFFSET} are needed); it is left out`,
      );
      return;
    }
    if (this.#areaBytes + note.bytes.length > AREA_BYTES_LIMIT) {
      if (this.#areaBytes <= AREA_BYTES_LIMIT)
        this.report(note, "areas-too-large", `more than ${AREA_BYTES_LIMIT} bytes of areas; from here on they are left out`);
      this.#areaBytes = Infinity;
      return;
    }
    this.#areaBytes += note.bytes.length;
    thread.area = { fileOffset: note.fileOffset, bytes: note.bytes };
    if (features) thread.features = features;
  }

  /** Reports something about a note. */
  report(note: Note, rule: string, message: string): void {
    const problem: FormatProblem = {
      rule,
      offset: note.fileOffset,
      message: `note ${note.name} 0x${note.type.toString(16)}: ${message}`,
      remedy: "check the program that wrote the file; the other notes are read",
    };
    this.problems.add(problem);
  }

  /** The threads with what the whole file says about their layout. */
  threads(): ContainerThread[] {
    return this.#threads.map(({ area, features, ...thread }) =>
      area ? { ...thread, area: areaOf(area, { declared: this.declared, userFeatures: features }) } : thread,
    );
  }
}
