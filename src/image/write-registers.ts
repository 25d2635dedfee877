/** Registers by name -> a state: what tests and emulators hold -> what encoding takes. */

import { stateComponent } from "../isa/state-component.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { ImageError } from "./image-error.ts";
import { type ComponentState, initialState, type RegisterState, stateSize } from "./register-state.ts";
import { registerNamed } from "./registers.ts";

/** A number or bigint is little-endian and zero-extended; a string is `0x...` (a number) or hex in memory order. */
export type RegisterInput = bigint | number | string | Uint8Array;

/**
 * A state from registers by name: `{ zmm0: bytes, k1: 0xffn, mxcsr: 0x1fa0 }`. A component with a register given is
 * in use, all others of `rows` are in init; MXCSR alone leaves SSE in init. Derived registers (`mm0`, `ftag`) are
 * refused: write `st0`, `ftw`. Two names for the same bytes must agree. Throws ImageError for a name that is no
 * register, a value that does not fit, a component without a row, and a contradiction.
 */
export function stateOfRegisters(
  registers: Readonly<Record<string, RegisterInput>>,
  rows: readonly ComponentRow[],
): RegisterState {
  const state = new Map<number, ComponentState>([0, 1].map((index) => [index, initialState(index, 0)]));
  for (const row of rows) state.set(row.index, initialState(row.index, row.size));
  const givenBy = new Map<number, string[]>();
  for (const [name, input] of Object.entries(registers)) {
    const register = registerNamed(name.toLowerCase());
    if (!register) throw new ImageError("unknown-register", `no register \`${name.slice(0, 40)}\`; REGISTERS lists all`);
    if (register.derived) throw new ImageError("unknown-register", `${name} follows from others: write st0-st7 and ftw`);
    const value = registerBytes(name, input, register.size);
    let from = 0;
    for (const { component, offset, size } of register.parts) {
      const old = state.get(component);
      if (!old || offset + size > stateSize(component, old.bytes.length))
        throw new ImageError(
          "no-place",
          `${name} lies in ${stateComponent(component)?.name ?? component}, for which the rows have no place`,
        );
      const given = givenBy.get(component) ?? [];
      for (let at = 0; at < size; at++) {
        const byte = value[from + at] ?? 0;
        const other = given[offset + at];
        if (other !== undefined && old.bytes[offset + at] !== byte)
          throw new ImageError(
            "contradiction",
            `${name} and ${other} hold the same bytes and differ at byte ${from + at} of ${name}`,
          );
        old.bytes[offset + at] = byte;
        given[offset + at] = name;
      }
      givenBy.set(component, given);
      from += size;
      if (register.group !== "mxcsr" && register.group !== "mxcsr_mask") state.set(component, { ...old, inUse: true });
    }
  }
  return new Map([...state].sort(([a], [b]) => a - b));
}

function registerBytes(name: string, input: RegisterInput, size: number): Uint8Array {
  if (input instanceof Uint8Array || (typeof input === "string" && !input.startsWith("0x"))) {
    if (typeof input === "string" && !/^(?:[0-9a-f]{2})*$/i.test(input))
      throw new ImageError(
        "bad-value",
        `${name}: \`${input.slice(0, 40)}\` is neither 0x... nor pairs of hex digits in memory order`,
      );
    const bytes =
      typeof input === "string" ? Uint8Array.from(input.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) : input;
    if (bytes.length !== size) throw new ImageError("bad-value", `${name} has ${size} bytes, ${bytes.length} are given`);
    return bytes;
  }
  if (typeof input === "string" ? !/^0x[0-9a-f]+$/i.test(input) : typeof input === "number" && !Number.isSafeInteger(input))
    throw new ImageError("bad-value", `${name}: ${String(input).slice(0, 40)} is no whole number; write 0x... or a bigint`);
  let rest = BigInt(input);
  if (rest < 0n || rest >> BigInt(8 * size) !== 0n)
    throw new ImageError("bad-value", `${name} has ${8 * size} bits, 0x${rest.toString(16).slice(0, 40)} does not fit`);
  return Uint8Array.from({ length: size }, () => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}
