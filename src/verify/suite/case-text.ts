/** A case as lines that a C program reads without a JSON parser. */

import { stateComponent } from "../../isa/state-component.ts";
import { LEGACY_UNWRITTEN_OFFSET, MXCSR_OFFSET, ST_OFFSET, XMM_OFFSET } from "../../isa/xsave-area.ts";
import { STATE_MEMBERS } from "../state-members.ts";
import { type CaseState, isRestore, type SuiteCase } from "./suite-case.ts";

/** First line of a file. */
export const TEXT_HEAD = "xsavekit-suite 1\n";

/** Misaligned areas lie so many bytes past a multiple of 64. */
const MISALIGNMENT = 16;

const X87_CONTROL_INITIAL = `7f03${"00".repeat(MXCSR_OFFSET - 2)}`;

/** The lines of a case, its last line `end`. */
export function caseText(given: SuiteCase): string {
  const { cpu } = given;
  const before = isRestore(given) ? given.stateBefore : given.state;
  const lines: (string | undefined)[] = [
    `case ${given.id}`,
    `origin ${given.origin}`,
    `vendor ${cpu.vendor.trim()}`,
    `signature ${cpu.family} ${cpu.model} ${cpu.stepping}`,
    `instruction ${given.instruction}`,
    ...(["xcr0", "xss", "xfd", "mask", "rfbm"] as const).map((name) => `${name} ${digits(given[name])}`),
    `xinuse ${xinuse(given).toString(16)}`,
    `x87-pointers ${cpu.quirks.x87Pointers}`,
    `mxcsr-mask ${digits(cpu.quirks.mxcsrMask)}`,
    `pkru-upper-bytes ${cpu.quirks["pkruUpperBytes"] === "kept" ? "kept" : "zero"}`,
    ...Object.entries(cpu.leafD).flatMap(([index, { eax, ebx, ecx }]) =>
      Number(index) < 2 ? [] : [`row ${index} ${Number(eax)} ${Number(ebx)} ${Number(ecx)}`],
    ),
    ...stateLines("state", before),
    `expect-fault ${(given.fault ?? 0).toString(16)}`,
  ];
  if (isRestore(given)) {
    lines.push(`misalign ${given.misaligned ? MISALIGNMENT.toString(16) : "0"}`, `area ${given.image}`);
    lines.push(...stateLines("expect-state", given.stateAfter));
  } else {
    lines.push(`area ${given.before}`, `expect-area ${given.after}`);
    if (given.uintrMiscAfter !== undefined) lines.push(`expect-uintr-misc ${digits(given.uintrMiscAfter)}`);
  }
  return `${lines.join("\n")}\nend\n`;
}

const digits = (hexadecimal: string): string => hexadecimal.slice(2);

function stateLines(key: string, state: CaseState): string[] {
  const members = [...STATE_MEMBERS].flatMap(([name, index]) =>
    state[name] === undefined ? [] : [`${key} ${index} ${state[name]}`],
  );
  return [`${key} 0 ${state.legacy}`, ...members];
}

/** XINUSE of all components, bit 1 about XMM alone; what the JSON form does not tell is by value, as there. */
function xinuse(given: SuiteCase): bigint {
  const state = isRestore(given) ? given.stateBefore : given.state;
  const told = isRestore(given) ? given.xinuseBefore : given.xinuse;
  const xcr0 = BigInt(given.xcr0);
  let byValue = 0n;
  const legacy = (from: number, to: number): string => state.legacy.slice(2 * from, 2 * to);
  if (legacy(0, MXCSR_OFFSET) !== X87_CONTROL_INITIAL || /[^0]/.test(legacy(ST_OFFSET, XMM_OFFSET))) byValue |= 1n;
  if (/[^0]/.test(legacy(XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET))) byValue |= 2n;
  for (const [name, index] of STATE_MEMBERS) {
    const bytes = state[name];
    if (bytes !== undefined && bytes !== initialBytes(index, bytes.length / 2)) byValue |= 1n << BigInt(index);
  }
  const user = told === null ? byValue & xcr0 : BigInt(told);
  const xmm = isRestore(given) ? byValue & 2n : given.xmmInUse ? 2n : 0n;
  return (user & ~2n) | xmm | (byValue & ~xcr0);
}

/** The initial configuration of a component, hexadecimal. */
function initialBytes(index: number, size: number): string {
  const bytes = new Uint8Array(size);
  for (const part of stateComponent(index)?.initial ?? []) bytes.set(part.bytes, part.offset);
  return Buffer.from(bytes).toString("hex");
}
