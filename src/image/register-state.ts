/**
 * The registers of an area apart from any form: what decoding gives and encoding takes. Each component's bytes
 * are in the component's own layout.
 */

import { maskOfBits } from "../isa/feature-mask.ts";
import { LBR_COMPONENT, LBR_DEPTH_OFFSET, lbrBytes } from "../isa/lbr.ts";
import { componentRegisters } from "../isa/component-registers.ts";
import { stateComponent } from "../isa/state-component.ts";
import {
  INITIAL_MXCSR,
  LEGACY_UNWRITTEN_OFFSET,
  MXCSR_OFFSET,
  MXCSR_SIZE,
  ST_OFFSET,
  ST_SIZE,
  X87_CONTROL_OFFSET,
  X87_CONTROL_SIZE,
  XMM_OFFSET,
  XMM_SIZE,
} from "../isa/xsave-area.ts";

/** One component's registers. */
export interface ComponentState {
  readonly index: number;
  /** As XSTATE_BV has it. What is not in use holds the initial configuration in `bytes`. */
  readonly inUse: boolean;
  /**
   * Components 0 and 1: 416 bytes, the legacy region as far as instructions write it, in which only the component's
   * own bytes count (MXCSR and MXCSR_MASK with component 1, whatever `inUse` says: XINUSE[1] is about XMM alone).
   */
  readonly bytes: Uint8Array;
}

/** The components that an area has room for, by index. */
export type RegisterState = ReadonlyMap<number, ComponentState>;

/** `[offset, size]` of bytes. */
export type ByteRange = readonly [offset: number, size: number];

/** Bytes of the legacy region that belong to component 0 or 1, in 0-415. */
export function legacyRanges(index: 0 | 1): readonly ByteRange[] {
  return index === 0
    ? [
        [X87_CONTROL_OFFSET, X87_CONTROL_SIZE],
        [ST_OFFSET, ST_SIZE],
      ]
    : [
        [MXCSR_OFFSET, MXCSR_SIZE],
        [XMM_OFFSET, XMM_SIZE],
      ];
}

/** Bytes that a component of `size` takes in a RegisterState. */
export function stateSize(index: number, size: number): number {
  return index < 2 ? LEGACY_UNWRITTEN_OFFSET : size;
}

/** A component's initial configuration (SDM vol. 1, 13.6); MXCSR is 1F80H with component 1. All zero where no document says more. */
export function initialState(index: number, size: number): ComponentState {
  const bytes = new Uint8Array(stateSize(index, size));
  for (const part of stateComponent(index)?.initial ?? [])
    bytes.set(part.bytes.slice(0, Math.max(0, bytes.length - part.offset)), part.offset);
  if (index === 1) new DataView(bytes.buffer).setUint32(MXCSR_OFFSET, INITIAL_MXCSR, true);
  return { index, inUse: false, bytes };
}

/**
 * Bytes of a component that are registers; the rest is padding that nobody may rely on. A component that no
 * document names counts whole, MXCSR_MASK (a constant of the CPU) not at all, LBR entries up to IA32_LBR_DEPTH
 * (XSAVES writes no more, SDM vol. 1, 13.5.12).
 */
export function registerRanges({ index, bytes }: Pick<ComponentState, "index" | "bytes">): readonly ByteRange[] {
  const fields = componentRegisters(index);
  if (!fields) return [[0, bytes.length]];
  const ranges: ByteRange[] = [];
  for (const field of fields) {
    if (field.name === "mxcsr_mask") continue;
    const stride = field.stride ?? field.size;
    for (let at = 0; at < (field.count ?? 1); at++) ranges.push([field.offset + at * stride, field.size]);
  }
  if (index !== LBR_COMPONENT) return ranges;
  const stored = lbrBytes(bytes[LBR_DEPTH_OFFSET] ?? 0);
  return ranges.filter(([offset]) => offset < stored);
}

/** True if the registers of a component hold the initial configuration, whatever `inUse` says. MXCSR does not count. */
export function holdsInitial(component: ComponentState): boolean {
  const initial = initialState(component.index, component.bytes.length).bytes;
  return registerRanges(component).every(
    ([offset, size]) =>
      (component.index === 1 && offset < XMM_OFFSET) ||
      component.bytes.subarray(offset, offset + size).every((byte, at) => byte === initial[offset + at]),
  );
}

/** True if nothing is lost where a component is left out: `holdsInitial`, and with SSE MXCSR is 1F80H too. */
export function canBeLeftOut(component: ComponentState): boolean {
  return holdsInitial(component) && (component.index !== 1 || mxcsrIn(component) === INITIAL_MXCSR);
}

/** The components that a state has, as a mask. */
export function componentsOf(state: RegisterState): bigint {
  return maskOfBits(state.keys());
}

/** XSTATE_BV of a state. */
export function inUseOf(state: RegisterState): bigint {
  return maskOfBits([...state.values()].filter((each) => each.inUse).map((each) => each.index));
}

/** MXCSR, or undefined where the state has no SSE component. */
export function mxcsrOf(state: RegisterState): number | undefined {
  const sse = state.get(1);
  return sse && mxcsrIn(sse);
}

function mxcsrIn({ bytes }: ComponentState): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(MXCSR_OFFSET, true);
}
