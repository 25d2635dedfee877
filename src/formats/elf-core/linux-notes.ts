/**
 * Notes of Linux cores. Sources: Linux include/uapi/linux/elf.h, include/linux/elfcore.h, include/linux/elfcore-compat.h,
 * arch/x86/include/asm/user_64.h and user_32.h, arch/x86/include/uapi/asm/elf.h, arch/x86/kernel/fpu/{regset,xstate}.c.
 */

import type { DeclaredRow } from "../../image/layout-evidence.ts";
import { LEGACY_REGION_SIZE } from "../../isa/xsave-area.ts";
import { MAX_COMPONENT_INDEX } from "../../isa/state-component.ts";
import { AREA_SIZE_LIMIT } from "../container.ts";
import { consecutive, type RegisterPlace } from "../general-registers.ts";
import { cText, viewOf } from "../range-reader.ts";
import type { CoreState, NoteRow } from "./core-state.ts";
import type { ElfAbi } from "./elf-file.ts";
import type { Note } from "./read-notes.ts";

/** `struct user_regs_struct` of x86-64. */
const REGISTERS_64 =
  "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs";
/** `struct user_regs_struct` of i386. */
const REGISTERS_32 = "ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss";

/** `struct elf_prstatus`: pr_cursig lies at 12 everywhere. */
const PRSTATUS: Readonly<Record<ElfAbi, { size: number; pid: number; registers: readonly RegisterPlace[] }>> = {
  "x86-64": { size: 336, pid: 32, registers: consecutive(REGISTERS_64, 8, 112) },
  // 32-bit `long` and time values, 64-bit registers.
  x32: { size: 296, pid: 24, registers: consecutive(REGISTERS_64, 8, 72) },
  i386: { size: 144, pid: 24, registers: consecutive(REGISTERS_32, 4, 72) },
};
const CURSIG_OFFSET = 12;

/** `struct elf_prpsinfo` by its size: 32-bit systems have it with 16-bit and with 32-bit user ids. */
const PRPSINFO: ReadonlyMap<number, { pid: number; name: number; command: number }> = new Map([
  [136, { pid: 24, name: 40, command: 56 }],
  [128, { pid: 16, name: 32, command: 48 }],
  [124, { pid: 12, name: 28, command: 44 }],
]);

function prstatus(note: Note, core: CoreState): void {
  const { size, pid, registers } = PRSTATUS[core.abi];
  if (note.bytes.length < size - 8) {
    core.report(note, "bad-note", `NT_PRSTATUS has ${note.bytes.length} bytes, expected ${size}; the thread is left out`);
    return;
  }
  const view = viewOf(note.bytes);
  // fill_note_info(): the same pr_cursig in all threads.
  core.beginThread(note, "Linux", view.getInt32(pid, true), view.getUint16(CURSIG_OFFSET, true), registers);
}

function prpsinfo(note: Note, core: CoreState): void {
  const places = PRPSINFO.get(note.bytes.length);
  if (!places) {
    core.report(note, "bad-note", `NT_PRPSINFO has ${note.bytes.length} bytes, expected ${[...PRPSINFO.keys()].join(", ")}`);
    return;
  }
  const view = viewOf(note.bytes);
  core.process = {
    pid: view.getInt32(places.pid, true),
    name: cText(view, places.name, 16),
    command: cText(view, places.command, 80).trimEnd(),
  };
}

function prfpreg(note: Note, core: CoreState): void {
  const thread = core.current(note);
  if (!thread) return;
  const range = { fileOffset: note.fileOffset, bytes: note.bytes };
  if (note.bytes.length === LEGACY_REGION_SIZE) thread.registers.fxsave = range;
  else if (note.bytes.length === 108) thread.registers.fsave = range;
  else
    core.report(note, "bad-note", `floating-point registers of ${note.bytes.length} bytes, expected 512 (FXSAVE) or 108 (FSAVE)`);
}

function shadowStack(note: Note, core: CoreState): void {
  const thread = core.current(note);
  if (!thread) return;
  if (note.bytes.length === 8) thread.registers.ssp = viewOf(note.bytes).getBigUint64(0, true);
  else core.report(note, "bad-note", `NT_X86_SHSTK has ${note.bytes.length} bytes, expected 8`);
}

const LAYOUT_ENTRY_SIZE = 16;

/** Entries of four 32-bit words: component, size, standard offset, flags. */
function xsaveLayout(note: Note, core: CoreState): void {
  const view = viewOf(note.bytes);
  const rows: DeclaredRow[] = [];
  const refuse = (message: string): void =>
    core.report(note, "bad-layout-note", `${message}; NT_X86_XSAVE_LAYOUT is ignored, the layout has to be inferred`);
  if (note.bytes.length % LAYOUT_ENTRY_SIZE !== 0 || note.bytes.length === 0)
    return refuse(`${note.bytes.length} bytes are no whole number of entries of ${LAYOUT_ENTRY_SIZE}`);
  for (let at = 0; at < note.bytes.length; at += LAYOUT_ENTRY_SIZE) {
    const [index, size, standardOffset, flags] = [0, 4, 8, 12].map((field) => view.getUint32(at + field, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (index < 2 || index > MAX_COMPONENT_INDEX || rows.some((row) => row.index === index))
      return refuse(
        `entry ${at / LAYOUT_ENTRY_SIZE} is for component ${index}, expected one of 2 to ${MAX_COMPONENT_INDEX} that comes once`,
      );
    rows.push({ index, size, standardOffset, flags });
  }
  if (core.declared) return core.report(note, "second-layout-note", "a second layout; the first one counts");
  core.declared = { source: "NT_X86_XSAVE_LAYOUT", rows };
}

/** NT_X86_XSTATE, here and under FreeBSD's name. */
export const NT_X86_XSTATE = 0x202;

export const LINUX_NOTES: readonly NoteRow[] = [
  { owner: "CORE", type: 1, name: "NT_PRSTATUS", maxSize: 1024, take: prstatus },
  { owner: "CORE", type: 3, name: "NT_PRPSINFO", maxSize: 1024, take: prpsinfo },
  { owner: "CORE", type: 2, name: "NT_PRFPREG", maxSize: 1024, take: prfpreg },
  { owner: "LINUX", type: 0x46e62b7f, name: "NT_PRXFPREG", maxSize: 1024, take: prfpreg },
  {
    owner: "LINUX",
    type: NT_X86_XSTATE,
    name: "NT_X86_XSTATE",
    maxSize: AREA_SIZE_LIMIT,
    take: (note, core) => core.setArea(core.current(note), note),
  },
  { owner: "LINUX", type: 0x204, name: "NT_X86_SHSTK", maxSize: 64, take: shadowStack },
  { owner: "LINUX", type: 0x205, name: "NT_X86_XSAVE_LAYOUT", maxSize: 64 * LAYOUT_ENTRY_SIZE, take: xsaveLayout },
];
