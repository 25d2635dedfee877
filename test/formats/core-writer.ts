/** Writes ELF cores for tests: byte for byte what a system would, or wrong on purpose. */

import type { ElfAbi } from "../../src/formats/elf-core/elf-file.ts";

/** A note: owner, type, contents. */
export type WrittenNote = readonly [owner: string, type: number, contents: Uint8Array];

/** What a thread of Linux has beside its general registers. */
export interface WrittenThread {
  readonly area?: Uint8Array;
  readonly signal?: number;
  readonly fpregs?: Uint8Array;
  readonly xfpregs?: Uint8Array;
  readonly ssp?: bigint;
  readonly general?: readonly bigint[];
}

const PRSTATUS = {
  "x86-64": { size: 336, pid: 32, registers: 112, width: 8 },
  x32: { size: 296, pid: 24, registers: 72, width: 8 },
  i386: { size: 144, pid: 24, registers: 72, width: 4 },
} as const;

export const pad4 = (bytes: Uint8Array): Uint8Array => {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
};

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One note in file form. */
export function noteBytes([owner, type, contents]: WrittenNote): Uint8Array {
  const name = ascii(`${owner}\0`);
  const head = new DataView(new ArrayBuffer(12));
  head.setUint32(0, name.length, true);
  head.setUint32(4, contents.length, true);
  head.setUint32(8, type, true);
  return new Uint8Array(Buffer.concat([new Uint8Array(head.buffer), pad4(name), pad4(contents)]));
}

/** NT_PRSTATUS of Linux. */
export function prstatus(abi: ElfAbi, tid: number, { signal = 0, general = [] }: WrittenThread): Uint8Array {
  const { size, pid, registers, width } = PRSTATUS[abi];
  const view = new DataView(new ArrayBuffer(size));
  view.setUint16(12, signal, true);
  view.setInt32(pid, tid, true);
  general.forEach((value, i) =>
    width === 8 ? view.setBigUint64(registers + i * 8, value, true) : view.setUint32(registers + i * 4, Number(value), true),
  );
  return new Uint8Array(view.buffer);
}

/** Collects notes, then writes the file: header, program headers, one PT_NOTE (or several), one PT_LOAD. */
export class CoreWriter {
  readonly abi: ElfAbi;
  readonly #segments: Uint8Array[][] = [[]];
  #memory = 0;

  constructor(abi: ElfAbi) {
    this.abi = abi;
  }

  note(...note: WrittenNote): this {
    this.#segments.at(-1)?.push(noteBytes(note));
    return this;
  }

  /** What follows goes to a PT_NOTE of its own. */
  nextSegment(): this {
    this.#segments.push([]);
    return this;
  }

  thread(tid: number, thread: WrittenThread = {}): this {
    this.note("CORE", 1, prstatus(this.abi, tid, thread));
    if (thread.fpregs) this.note("CORE", 2, thread.fpregs);
    if (thread.xfpregs) this.note("LINUX", 0x46e62b7f, thread.xfpregs);
    if (thread.area) this.note("LINUX", 0x202, thread.area);
    if (thread.ssp !== undefined) this.note("LINUX", 0x204, new Uint8Array(BigUint64Array.of(thread.ssp).buffer));
    return this;
  }

  layout(rows: readonly (readonly [index: number, size: number, offset: number])[]): this {
    return this.note("LINUX", 0x205, new Uint8Array(Uint32Array.from(rows.flatMap((row) => [...row, 0])).buffer));
  }

  memory(size: number): this {
    this.#memory = size;
    return this;
  }

  /** `extended` writes the number of program headers as PN_XNUM does. */
  bytes({ extended = false }: { readonly extended?: boolean } = {}): Uint8Array {
    const wide = this.abi === "x86-64";
    const headerSize = wide ? 64 : 52;
    const entrySize = wide ? 56 : 32;
    const sectionSize = wide ? 64 : 40;
    const segments = this.#segments.map((notes) => new Uint8Array(Buffer.concat(notes)));
    const count = segments.length + 1;
    const notesAt = headerSize + count * entrySize;
    const notesSize = segments.reduce((sum, segment) => sum + segment.length, 0);
    const sectionAt = notesAt + notesSize + this.#memory;
    const file = new Uint8Array(sectionAt + (extended ? sectionSize : 0));
    const view = new DataView(file.buffer);
    const word = (at: number, value: number): void =>
      wide ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true);
    file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
    view.setUint16(16, 4, true);
    view.setUint16(18, this.abi === "i386" ? 3 : 62, true);
    word(wide ? 32 : 28, headerSize);
    if (extended) word(wide ? 40 : 32, sectionAt);
    view.setUint16(wide ? 54 : 42, entrySize, true);
    view.setUint16(wide ? 56 : 44, extended ? 0xffff : count, true);
    if (extended) view.setUint32(sectionAt + (wide ? 44 : 28), count, true);
    let at = notesAt;
    [...segments, new Uint8Array(this.#memory)].forEach((segment, i) => {
      const entry = headerSize + i * entrySize;
      view.setUint32(entry, i < segments.length ? 4 : 1, true);
      word(entry + (wide ? 8 : 4), at);
      word(entry + (wide ? 32 : 16), segment.length);
      file.set(segment, at);
      at += segment.length;
    });
    return file;
  }
}
