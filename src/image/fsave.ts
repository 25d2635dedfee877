/** x87 registers as FSAVE stores them in 32-bit protected mode: 108 bytes (SDM vol. 1, 8.1.10, figure 8-9). */

import { ST_OFFSET } from "../isa/xsave-area.ts";
import { ImageError } from "./image-error.ts";
import { type ComponentState, initialState, type RegisterState } from "./register-state.ts";

/** Bytes of the image. */
export const FSAVE_SIZE = 108;

/** A state with x87 alone. Selectors are left out: FIP and FDP are their 32-bit offsets. Throws ImageError below 108 bytes. */
export function stateOfFsave(bytes: Uint8Array): RegisterState {
  if (bytes.length < FSAVE_SIZE)
    throw new ImageError("too-short", `an FSAVE image has ${FSAVE_SIZE} bytes, this one has ${bytes.length}`, bytes.length);
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const x87: ComponentState = { ...initialState(0, 0), inUse: true };
  const to = new DataView(x87.bytes.buffer);
  to.setUint16(0, from.getUint16(0, true), true);
  to.setUint16(2, from.getUint16(4, true), true);
  const tags = from.getUint16(8, true);
  let abridged = 0;
  for (let physical = 0; physical < 8; physical++) if (((tags >> (2 * physical)) & 3) !== 3) abridged |= 1 << physical;
  to.setUint8(4, abridged);
  to.setUint32(8, from.getUint32(12, true), true);
  to.setUint16(6, from.getUint16(18, true) & 0x7ff, true);
  to.setUint32(16, from.getUint32(20, true), true);
  for (let st = 0; st < 8; st++) x87.bytes.set(bytes.subarray(28 + 10 * st, 38 + 10 * st), ST_OFFSET + 16 * st);
  return new Map([[0, x87]]);
}
