/** Whether two images hold the same registers, and a readable list of where they do not. */

import { componentName, stateComponent } from "../isa/state-component.ts";
import {
  componentsOf,
  holdsInitial,
  initialState,
  registerRanges,
  type ComponentState,
  type RegisterState,
} from "./register-state.ts";
import type { DecodedImage } from "./decode-image.ts";
import { hexBytes, hexNumber } from "./format-value.ts";
import { bitsOf } from "../isa/feature-mask.ts";
import { type Register, REGISTERS } from "./registers.ts";
import { formatX87 } from "./format-value.ts";

/** A register that differs. */
export interface RegisterDifference {
  readonly component: number;
  /** `zmm17`, `mxcsr`; `component 21` where no document names registers. */
  readonly register: string;
  /** First and last byte of the register that differ. */
  readonly bytes: readonly [first: number, last: number];
  /** Byte offset of the first one in each image; undefined where that side has no room for it. */
  readonly offsets: readonly [number | undefined, number | undefined];
  /** The differing bytes of both: numbers as `0x...`, others as hex in memory order. */
  readonly values: readonly [string, string];
  /** One line for people. */
  readonly message: string;
}

/** The register whose bytes a piece of a component is, and where in it the component's part begins. */
interface Owner {
  readonly register: Register;
  readonly from: number;
}

/** `zmm3` byte 32 for the first byte of ZMM3_H: the narrowest listed register that has the piece. */
const owners: ReadonlyMap<string, Owner> = ownersOfPieces();

function ownersOfPieces(): Map<string, Owner> {
  const map = new Map<string, Owner>();
  for (const register of REGISTERS) {
    if (!register.listed || register.derived) continue;
    let from = 0;
    for (const { component, offset, size } of register.parts) {
      const key = `${component} ${offset}`;
      if (!map.has(key)) map.set(key, { register, from });
      from += size;
    }
  }
  return map;
}

/**
 * Compares by meaning: what a restore of all components would leave in the registers. A component in init equals
 * one whose bytes are initial and one that the other image has no room for; padding, stale bytes, software bytes
 * and MXCSR_MASK do not count. Empty if the images mean the same.
 */
export function compareImages(a: DecodedImage, b: DecodedImage): RegisterDifference[] {
  const differences: RegisterDifference[] = [];
  for (const index of bitsOf(componentsOf(a.state) | componentsOf(b.state))) {
    const one = a.state.get(index) ?? initialLike(index, b.state);
    const other = b.state.get(index) ?? initialLike(index, a.state);
    if (index > 1 && holdsInitial(one) && holdsInitial(other)) continue;
    const ranges = new Map([...registerRanges(one), ...registerRanges(other)].map(([offset, size]) => [offset, size]));
    for (const [offset, size] of ranges) {
      const difference = compareRange(index, offset, size, one, other, [placeOf(a, index), placeOf(b, index)]);
      if (difference) differences.push(difference);
    }
  }
  return differences;
}

function initialLike(index: number, other: RegisterState): ComponentState {
  return initialState(index, other.get(index)?.bytes.length ?? stateComponent(index)?.size ?? 0);
}

/** Byte of an image at which a component's own byte 0 lies. */
function placeOf({ layout, state }: DecodedImage, index: number): number | undefined {
  if (index > 1) return layout.components.find(({ row }) => row.index === index)?.offset;
  return state.has(index) && layout.form !== "compacted-without-legacy" ? 0 : undefined;
}

function compareRange(
  index: number,
  offset: number,
  size: number,
  a: ComponentState,
  b: ComponentState,
  places: readonly [number | undefined, number | undefined],
): RegisterDifference | undefined {
  const left = padded(a.bytes, offset, size);
  const right = padded(b.bytes, offset, size);
  const first = left.findIndex((byte, at) => byte !== right[at]);
  if (first < 0) return undefined;
  const last = left.findLastIndex((byte, at) => byte !== right[at]);
  const owner = owners.get(`${index} ${offset}`);
  const name = owner?.register.name ?? `component ${index}`;
  const from = owner?.from ?? 0;
  const isNumber = owner?.register.view === "number";
  const shown = (bytes: Uint8Array): string => (isNumber ? hexNumber(bytes) : hexBytes(bytes.subarray(first, last + 1)));
  const values = [shown(left), shown(right)] as const;
  const where = isNumber ? "" : ` bytes ${from + first}-${from + last}`;
  const decimal = owner?.register.view === "st" ? ` (${formatX87(left)} and ${formatX87(right)})` : "";
  const at = (place: number | undefined): number | undefined => (place === undefined ? undefined : place + offset + first);
  return {
    component: index,
    register: name,
    bytes: [from + first, from + last],
    offsets: [at(places[0]), at(places[1])],
    values,
    message: `${name}${where} (${componentName(index)}): ${short(values[0])} and ${short(values[1])}${decimal}`,
  };
}

function padded(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(bytes.subarray(offset, offset + size));
  return out;
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 32)}... (${text.length / 2} bytes)` : text;
}

/** A run of bytes that differ between two images, byte by byte. */
export interface ByteDifference {
  /** Byte offset of the first. */
  readonly offset: number;
  readonly length: number;
}

/** Runs of differing bytes, gaps, stale and software bytes included; a missing tail counts as differing. */
export function compareBytes(a: Uint8Array, b: Uint8Array): ByteDifference[] {
  const runs: { offset: number; length: number }[] = [];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    if (a[at] === b[at]) continue;
    const last = runs.at(-1);
    if (last && last.offset + last.length === at) last.length++;
    else runs.push({ offset: at, length: 1 });
  }
  return runs;
}
