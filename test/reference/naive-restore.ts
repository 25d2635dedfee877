/**
 * XRSTOR and XRSTORS a second time, straight from the manual's pseudo-code (Intel SDM vol. 1, 13.8, 13.12; vol. 2, the
 * instructions' pages) and as slow as that. It shares no code with the runtime. It tells whether the instruction faults
 * and how, not every cause.
 */

import { isLegalImage } from "./legal-supervisor.ts";
import type { NaiveRegisters, NaiveRow } from "./naive-save.ts";

/** One execution. */
export interface NaiveRestore {
  readonly instruction: "XRSTOR" | "XRSTORS";
  readonly operandSize: 32 | 64;
  readonly mode64: boolean;
  readonly rows: readonly NaiveRow[];
  /** The CPU has the compacted form. */
  readonly compaction: boolean;
  readonly mxcsrMask: number;
  readonly pointers: "saved" | "zero-unless-es" | "kept-unless-es";
  /** 57 on Zen 5, else 64. */
  readonly pointerBits: number;
  /** Zen 5: a component whose loaded bytes are all initial is not in use; pointers do not count for x87. */
  readonly xinuseByValue: boolean;
  readonly xcr0: bigint;
  /** 0 for XRSTOR. */
  readonly xss: bigint;
  readonly mask: bigint;
}

/** Registers that the reference changes. */
export type MutableRegisters = { -readonly [Name in keyof NaiveRegisters]: NaiveRegisters[Name] };

const BITS = Array.from({ length: 64 }, (_, index) => 1n << BigInt(index));
const bit = (mask: bigint, index: number): boolean => (mask & BITS[index]!) !== 0n;

function number(area: Uint8Array, at: number, length: number): bigint {
  let value = 0n;
  for (let i = length - 1; i >= 0; i--) value = value * 256n + BigInt(area[at + i]!);
  return value;
}

/** Executes a restore; returns the exception's vector, 0 for none. Registers are unchanged by an exception. */
export function naiveRestore(restore: NaiveRestore, area: Uint8Array, registers: MutableRegisters): number {
  const { instruction, xcr0, xss, mask, rows } = restore;
  const enabled = instruction === "XRSTORS" ? xcr0 | xss : xcr0;
  const rfbm = mask & enabled;
  const xstateBv = number(area, 512, 8);
  const xcompBv = number(area, 520, 8);
  const compacted = bit(xcompBv, 63);
  const zero = (from: number, to: number): boolean => area.subarray(from, to).every((byte) => byte === 0);

  if (compacted) {
    if (!restore.compaction) return 13;
    for (let i = 0; i < 63; i++) if (bit(xcompBv, i) && !bit(enabled, i)) return 13;
    for (let i = 0; i < 64; i++) if (bit(xstateBv, i) && (i === 63 || !bit(xcompBv, i))) return 13;
    if (!zero(528, 576)) return 13;
  } else {
    if (instruction === "XRSTORS") return 13;
    for (let i = 0; i < 64; i++) if (bit(xstateBv, i) && !bit(xcr0, i)) return 13;
    if (!zero(520, 536)) return 13;
  }
  const mxcsr = Number(number(area, 24, 4));
  const mxcsrRead = compacted ? bit(rfbm, 1) && bit(xstateBv, 1) : bit(rfbm, 1) || bit(rfbm, 2);
  if (mxcsrRead) for (let i = 0; i < 32; i++) if (bit(BigInt(mxcsr), i) && !bit(BigInt(restore.mxcsrMask), i)) return 13;

  const place = (index: number): number => {
    if (!compacted) return rows.find((row) => row.index === index)!.standardOffset!;
    let at = 576;
    for (let i = 2; i < 63; i++) {
      if (!bit(xcompBv, i)) continue;
      const row = rows.find((each) => each.index === i)!;
      if (row.align64) while (at % 64 !== 0) at++;
      if (i === index) return at;
      at += row.size;
    }
    throw new Error(`component ${index} is not in XCOMP_BV`);
  };
  for (let i = 0; i < 63; i++) if (bit(rfbm, i) && bit(xstateBv, i) && bit(registers.xfd, i)) return 7;
  // RTIT_CTL.TraceEn of the processor, also where trace state would be initialised.
  if (bit(rfbm, 8) && registers.extended.get(8)![0]! % 2 === 1) return 13;
  for (const row of rows) {
    if (!bit(rfbm, row.index) || !bit(xstateBv, row.index)) continue;
    const at = place(row.index);
    if (!isLegalImage(row.index, area.subarray(at, at + row.size))) return 13;
  }
  if (bit(rfbm, 14) && bit(xstateBv, 14) && registers.extended.get(14)![20] !== 0) return 13; // UINV

  for (let i = 0; i < 63; i++) {
    if (!bit(rfbm, i)) continue;
    const load = bit(xstateBv, i);
    if (i === 0) restoreX87(restore, area, registers, load);
    else if (i === 1) {
      const count = restore.mode64 ? 16 : 8;
      for (let at = 160; at < 160 + 16 * count; at++) registers.legacy[at] = load ? area[at]! : 0;
    } else {
      const row = rows.find((each) => each.index === i)!;
      const bytes = registers.extended.get(i)!;
      const value = (at: number): number => (load ? area[place(i) + at]! : initialByte(i, at));
      for (let at = 0; at < row.size; at++) {
        if (!restore.mode64 && (i === 7 || (i === 2 && at >= 128) || (i === 6 && at >= 256))) continue;
        bytes[at] = i === 9 && at >= 4 ? 0 : value(at);
      }
    }
    const used = load && !(restore.xinuseByValue && isInitial(i, registers));
    registers.xinuse = used ? registers.xinuse | (1n << BigInt(i)) : registers.xinuse & ~(1n << BigInt(i));
  }
  const from = mxcsrRead ? mxcsr : compacted && bit(rfbm, 1) ? 0x1f80 : undefined;
  if (from !== undefined) for (let i = 0; i < 4; i++) registers.legacy[24 + i] = Math.floor(from / 256 ** i) % 256;
  return 0;
}

/** Whether a component's bytes are its initial configuration; FOP, FIP, FDP and IA32_LBR_DEPTH do not count. */
function isInitial(index: number, { legacy, extended }: NaiveRegisters): boolean {
  if (index === 0)
    return (
      legacy[0] === 0x7f &&
      legacy[1] === 3 &&
      [2, 3, 4].every((at) => legacy[at] === 0) &&
      legacy.subarray(32, 160).every((byte) => byte === 0)
    );
  if (index === 1) return legacy.subarray(160, 416).every((byte) => byte === 0);
  return extended.get(index)!.every((byte, at) => byte === initialByte(index, at) || (index === 15 && at >= 8 && at < 16));
}

function initialByte(index: number, at: number): number {
  if (index === 13) return at === 0 ? 1 : 0;
  if (index === 16) return [0x01, 0xff, 0, 0x80][at] ?? 0;
  return 0;
}

function restoreX87(restore: NaiveRestore, area: Uint8Array, registers: MutableRegisters, load: boolean): void {
  const { legacy } = registers;
  if (!load) {
    for (let i = 0; i < 24; i++) legacy[i] = 0;
    for (let i = 32; i < 160; i++) legacy[i] = 0;
    legacy[0] = 0x7f;
    legacy[1] = 0x03;
    registers.fcs = 0;
    registers.fds = 0;
    return;
  }
  // Reserved bits of FCW: 13-15 and 7 read 0, 6 reads 1.
  let fcw = area[0]! + 256 * (area[1]! % 32);
  if (bit(BigInt(fcw), 7)) fcw -= 128;
  if (!bit(BigInt(fcw), 6)) fcw += 64;
  legacy[0] = fcw % 256;
  legacy[1] = Math.floor(fcw / 256);
  // ES and B: an exception flag whose mask bit is 0.
  let pending = false;
  for (let i = 0; i < 6; i++) if (bit(BigInt(area[2]!), i) && !bit(BigInt(fcw), i)) pending = true;
  legacy[2] = (area[2]! % 128) + (pending ? 128 : 0);
  legacy[3] = (area[3]! % 128) + (pending ? 128 : 0);
  legacy[4] = area[4]!;
  legacy[5] = 0;
  if (restore.pointers !== "kept-unless-es" || pending) {
    legacy[6] = area[6]!;
    legacy[7] = area[7]! % 8;
    for (const at of [8, 16]) {
      const pointer = restore.operandSize === 64 ? number(area, at, 8) : number(area, at, 4);
      let value = pointer % 2n ** BigInt(restore.pointerBits);
      if (bit(value, restore.pointerBits - 1)) value += 2n ** 64n - 2n ** BigInt(restore.pointerBits);
      for (let i = 0; i < 8; i++) legacy[at + i] = Number((value / 256n ** BigInt(i)) % 256n);
    }
    registers.fcs = restore.operandSize === 64 ? 0 : Number(number(area, 12, 2));
    registers.fds = restore.operandSize === 64 ? 0 : Number(number(area, 20, 2));
  }
  for (let st = 0; st < 8; st++) for (let i = 0; i < 16; i++) legacy[32 + 16 * st + i] = i < 10 ? area[32 + 16 * st + i]! : 0;
}
