/**
 * Notes of FreeBSD cores. Sources: FreeBSD sys/sys/procfs.h, sys/sys/elf_common.h, sys/x86/include/reg.h,
 * sys/amd64/amd64/elf_machdep.c (the area holds XCR0 at byte 464, as on Linux).
 */

import { LEGACY_REGION_SIZE } from "../../isa/xsave-area.ts";
import { AREA_SIZE_LIMIT } from "../container.ts";
import { consecutive, type RegisterPlace } from "../general-registers.ts";
import { cText, viewOf } from "../range-reader.ts";
import type { CoreState, NoteRow } from "./core-state.ts";
import { NT_X86_XSTATE } from "./linux-notes.ts";
import type { Note } from "./read-notes.ts";

/** `struct reg` of amd64: 15 registers, then trapno, fs, gs, err, es, ds in 16 bytes, then five more. */
const REGISTERS_64: readonly RegisterPlace[] = [
  ...consecutive("r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp rbx rdx rcx rax", 8, 48),
  ["fs", 48 + 124, 2],
  ["gs", 48 + 126, 2],
  ["es", 48 + 132, 2],
  ["ds", 48 + 134, 2],
  ...consecutive("rip cs eflags rsp ss", 8, 48 + 136),
];
/** `struct reg` of i386. */
const REGISTERS_32: readonly RegisterPlace[] = consecutive(
  "fs es ds edi esi ebp isp ebx edx ecx eax trapno err eip cs eflags esp ss gs",
  4,
  28,
);

/** `struct prstatus`: `size_t` and the alignment before it differ. */
const PRSTATUS = {
  wide: { size: 224, signal: 36, tid: 40, registers: REGISTERS_64 },
  narrow: { size: 104, signal: 20, tid: 24, registers: REGISTERS_32 },
};

function prstatus(note: Note, core: CoreState): void {
  const { size, signal, tid, registers } = core.wide ? PRSTATUS.wide : PRSTATUS.narrow;
  const view = viewOf(note.bytes);
  if (note.bytes.length < size || view.getUint32(0, true) !== 1) {
    core.report(
      note,
      "bad-note",
      `NT_PRSTATUS has ${note.bytes.length} bytes, expected ${size} and version 1; the thread is left out`,
    );
    return;
  }
  core.beginThread(note, "FreeBSD", view.getInt32(tid, true), view.getInt32(signal, true), registers);
}

/** `struct prpsinfo`: name of 17, arguments of 81 bytes; a process id follows since FreeBSD 12. */
function prpsinfo(note: Note, core: CoreState): void {
  const name = core.wide ? 16 : 8;
  const pid = core.wide ? 116 : 108;
  const view = viewOf(note.bytes);
  core.process = {
    name: cText(view, name, 17),
    command: cText(view, name + 17, 81).trimEnd(),
    ...(note.bytes.length >= pid + 4 && { pid: view.getInt32(pid, true) }),
  };
}

function threadName(note: Note, core: CoreState): void {
  const thread = core.current(note);
  const name = cText(viewOf(note.bytes), 0, 20);
  if (thread && name !== "") thread.name = name;
}

function fpregs(note: Note, core: CoreState): void {
  const thread = core.current(note);
  if (thread && note.bytes.length >= LEGACY_REGION_SIZE)
    thread.registers.fxsave = { fileOffset: note.fileOffset, bytes: note.bytes.subarray(0, LEGACY_REGION_SIZE) };
}

export const FREEBSD_NOTES: readonly NoteRow[] = [
  { owner: "FreeBSD", type: 1, name: "NT_PRSTATUS", maxSize: 1024, take: prstatus },
  { owner: "FreeBSD", type: 2, name: "NT_FPREGSET", maxSize: 1024, take: fpregs },
  { owner: "FreeBSD", type: 3, name: "NT_PRPSINFO", maxSize: 1024, take: prpsinfo },
  { owner: "FreeBSD", type: 7, name: "NT_THRMISC", maxSize: 64, take: threadName },
  {
    owner: "FreeBSD",
    type: NT_X86_XSTATE,
    name: "NT_X86_XSTATE",
    maxSize: AREA_SIZE_LIMIT,
    take: (note, core) => core.setArea(core.current(note), note),
  },
];
