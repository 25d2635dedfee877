/** A register's value out of a state. */

import { type ComponentState, type RegisterState } from "./register-state.ts";
import { ST_OFFSET } from "../isa/xsave-area.ts";
import { type Register, REGISTERS } from "./registers.ts";

/** A register with what it holds. */
export interface RegisterValue {
  readonly register: Register;
  /** In memory order, `register.size` of them. */
  readonly bytes: Uint8Array;
  /** `all`: every component it lies in is in init. `part`: some are, as YMM0's upper half while XMM0 is in use. */
  readonly init: "all" | "part" | "none";
}

/** Reads a register, or undefined where the state has no room for one of its parts. */
export function readRegister(state: RegisterState, register: Register): RegisterValue | undefined {
  const components: ComponentState[] = [];
  for (const { component, offset, size } of register.parts) {
    const found = state.get(component);
    if (!found || offset + size > found.bytes.length) return undefined;
    components.push(found);
  }
  const inInit = components.filter((component) => !component.inUse && !alwaysLive(register)).length;
  const init = inInit === 0 ? "none" : inInit === components.length ? "all" : "part";
  return { register, bytes: bytesOf(register, components), init };
}

/** All listed registers that a state has room for, or those of `registers`. */
export function readRegisters(
  state: RegisterState,
  registers: readonly Register[] = REGISTERS.filter(({ listed }) => listed),
): RegisterValue[] {
  return registers.flatMap((register) => readRegister(state, register) ?? []);
}

/** MXCSR is stored with SSE but not tracked with it (SDM vol. 1, 13.6). */
function alwaysLive({ name }: Register): boolean {
  return name === "mxcsr" || name === "mxcsr_mask";
}

function bytesOf(register: Register, components: readonly ComponentState[]): Uint8Array {
  const first = components[0]?.bytes ?? new Uint8Array();
  if (register.derived === "mm") {
    const slot = ST_OFFSET + 16 * (((register.number ?? 0) - topOf(first)) & 7);
    return first.slice(slot, slot + 8);
  }
  if (register.derived === "ftag") return Uint8Array.of(fullTagWord(first) & 0xff, fullTagWord(first) >> 8);
  const bytes = new Uint8Array(register.size);
  let at = 0;
  register.parts.forEach(({ offset, size }, part) => {
    bytes.set(components[part]?.bytes.subarray(offset, offset + size) ?? [], at);
    at += size;
  });
  return bytes;
}

/** FSW.TOP, bits 11-13. */
function topOf(legacy: Uint8Array): number {
  return ((legacy[3] ?? 0) >> 3) & 7;
}

/**
 * The tag word as FNSTENV stores it: per physical register 0 valid, 1 zero, 2 special (NaN, infinity, denormal,
 * unnormal), 3 empty, where the abridged byte of FXSAVE says only empty or not (SDM vol. 1, 8.1.7 and 10.5.1.1).
 */
function fullTagWord(legacy: Uint8Array): number {
  const view = new DataView(legacy.buffer, legacy.byteOffset);
  let word = 0;
  for (let physical = 0; physical < 8; physical++) {
    let tag = 3;
    if (((legacy[4] ?? 0) >> physical) & 1) {
      const slot = ST_OFFSET + 16 * ((physical - topOf(legacy)) & 7);
      const significand = view.getBigUint64(slot, true);
      const exponent = view.getUint16(slot + 8, true) & 0x7fff;
      if (exponent === 0 && significand === 0n) tag = 1;
      else tag = exponent === 0 || exponent === 0x7fff || significand >> 63n === 0n ? 2 : 0;
    }
    word |= tag << (2 * physical);
  }
  return word;
}
