/**
 * Notes of NetBSD cores. Sources: NetBSD sys/sys/exec_elf.h (struct netbsd_elfcore_procinfo), sys/kern/core_elf32.c,
 * sys/arch/{amd64,i386}/include/ptrace.h (note types are ptrace requests) and sys/arch/x86/include/cpu_extended_state.h.
 */

import { EXTENDED_REGION_OFFSET, LEGACY_REGION_SIZE, XSTATE_BV_OFFSET } from "../../isa/xsave-area.ts";
import type { DeclaredRow } from "../../image/layout-evidence.ts";
import { consecutive, GeneralRegisters, type RegisterPlace } from "../general-registers.ts";
import { cText, viewOf } from "../range-reader.ts";
import type { CoreState, NoteRow, OpenThread } from "./core-state.ts";
import type { Note } from "./read-notes.ts";

const PROCESS = "NetBSD-CORE";
/** Stands for `NetBSD-CORE@<id>`. */
const THREAD = "NetBSD-CORE@";

/** The owner that the rows below have; names of other systems stay as they are. */
export function netbsdOwner(name: string): string {
  return name.startsWith(THREAD) ? THREAD : name;
}

/** Of ptrace(2): machine-dependent requests begin here. */
const PT_FIRSTMACH = 32;

const REGISTERS_64: readonly RegisterPlace[] = consecutive(
  "rdi rsi rdx rcx r8 r9 r10 r11 r12 r13 r14 r15 rbp rbx rax gs fs es ds trapno err rip cs eflags rsp ss",
  8,
);
const REGISTERS_32: readonly RegisterPlace[] = consecutive("eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs", 4);

function procinfo(note: Note, core: CoreState): void {
  if (note.bytes.length < 160) {
    core.report(note, "bad-note", `the process information has ${note.bytes.length} bytes, expected 160`);
    return;
  }
  const view = viewOf(note.bytes);
  core.system = "NetBSD";
  core.process = { pid: view.getInt32(80, true), name: cText(view, 124, 32) };
  core.hit = { signal: view.getInt32(8, true), tid: view.getInt32(156, true) };
}

/** The thread that the note's name tells. */
function threadOf(note: Note, core: CoreState): OpenThread | undefined {
  const id = note.name.slice(THREAD.length);
  if (!/^[0-9]{1,10}$/.test(id)) {
    core.report(note, "bad-note", "no thread id after the @; it is left out");
    return undefined;
  }
  core.system ??= "NetBSD";
  const thread = core.thread(Number(id), note);
  if (thread && core.hit && core.hit.signal > 0) {
    // No thread: the signal was sent to the process.
    if (core.hit.tid === 0 || core.hit.tid === thread.tid) thread.signal = core.hit.signal;
    if (core.hit.tid !== 0) thread.signalled = core.hit.tid === thread.tid;
  }
  return thread;
}

function registers(note: Note, core: CoreState): void {
  const thread = threadOf(note, core);
  if (!thread) return;
  const places = core.wide ? REGISTERS_64 : REGISTERS_32;
  if (note.bytes.length < places.length * (core.wide ? 8 : 4))
    core.report(note, "bad-note", `general registers of ${note.bytes.length} bytes; they are left out`);
  else thread.registers.general = new GeneralRegisters(places, note.bytes);
}

function floatingPoint(note: Note, core: CoreState): void {
  const thread = threadOf(note, core);
  if (!thread) return;
  const range = { fileOffset: note.fileOffset, bytes: note.bytes };
  if (note.bytes.length === LEGACY_REGION_SIZE) thread.registers.fxsave = range;
  else if (note.bytes.length === 108) thread.registers.fsave = range;
}

/** What follows the legacy region in `struct xstate`, one behind the other: the system copies each to a fixed place. */
const XSTATE_ROWS: readonly DeclaredRow[] = [
  { index: 2, size: 256, standardOffset: 576 },
  { index: 5, size: 64, standardOffset: 832 },
  { index: 6, size: 512, standardOffset: 896 },
  { index: 7, size: 1024, standardOffset: 1408 },
];
/** Bytes before the legacy region: RFBM and XSTATE_BV. */
const XSTATE_HEAD = 16;
const XSTATE_SIZE = XSTATE_HEAD + LEGACY_REGION_SIZE + 256 + 64 + 512 + 1024;

/** `struct xstate` as a standard-format area: legacy region, a header with its XSTATE_BV, then the components as they are. */
function xstate(note: Note, core: CoreState): void {
  const thread = threadOf(note, core);
  if (!thread) return;
  if (note.bytes.length < XSTATE_SIZE) {
    core.report(note, "bad-note", `struct xstate has ${note.bytes.length} bytes, expected ${XSTATE_SIZE}; it is left out`);
    return;
  }
  const legacyEnd = XSTATE_HEAD + LEGACY_REGION_SIZE;
  const area = new Uint8Array(XSTATE_SIZE - legacyEnd + EXTENDED_REGION_OFFSET);
  area.set(note.bytes.subarray(XSTATE_HEAD, legacyEnd));
  area.set(note.bytes.subarray(8, XSTATE_HEAD), XSTATE_BV_OFFSET);
  area.set(note.bytes.subarray(legacyEnd, XSTATE_SIZE), EXTENDED_REGION_OFFSET);
  core.setArea(
    thread,
    { ...note, fileOffset: note.fileOffset + XSTATE_HEAD, bytes: area },
    {
      mask: viewOf(note.bytes).getBigUint64(0, true),
      where: "xs_rfbm",
    },
  );
  core.declared ??= { source: "NetBSD's struct xstate", rows: XSTATE_ROWS };
}

export const NETBSD_NOTES: readonly NoteRow[] = [
  { owner: PROCESS, type: 1, name: "procinfo", maxSize: 1024, take: procinfo },
  { owner: THREAD, type: PT_FIRSTMACH + 1, name: "PT_GETREGS", maxSize: 1024, take: registers },
  { owner: THREAD, type: PT_FIRSTMACH + 3, name: "PT_GETFPREGS", maxSize: 1024, take: floatingPoint },
  { owner: THREAD, type: PT_FIRSTMACH + 9, name: "PT_GETXSTATE of amd64", maxSize: 4096, take: xstate },
  { owner: THREAD, type: PT_FIRSTMACH + 11, name: "PT_GETXSTATE of i386", maxSize: 4096, take: xstate },
];
