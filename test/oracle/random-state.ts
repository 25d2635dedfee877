/**
 * Seeded random register states, areas, masks and restore images for the oracle and for whatever is compared
 * with it. Same seed and same machine description: same cases, byte for byte.
 */

import { bitsOf, hasBit, maskOf, XCOMP_BV_COMPACTED } from "../../src/isa/feature-mask.ts";
import {
  EXTENDED_REGION_OFFSET,
  INITIAL_MXCSR,
  MXCSR_OFFSET,
  XCOMP_BV_OFFSET,
  XSTATE_BV_OFFSET,
} from "../../src/isa/xsave-area.ts";
import { areaLayout, offsetOf } from "../../src/layout/area-layout.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import type { OracleCase, OracleHello, OracleInstruction } from "./build-oracle.ts";

/** A small deterministic generator: sfc32, seeded through splitmix32. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    let state = seed | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** 0 .. 2^32-1. */
  u32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }
  /** 0 .. 2^64-1. */
  u64(): bigint {
    return maskOf(this.u32(), this.u32());
  }
  /** 0 .. n-1. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }
  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.u32() < p * 0x1_0000_0000;
  }
  /** One of the items. Throws RangeError on an empty list. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
  /** Overwrites `bytes` (or `length` of them from `offset`) with random ones. */
  fill(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset): void {
    const end = offset + length;
    let at = offset;
    for (; at < end && ((bytes.byteOffset + at) & 3) !== 0; at++) bytes[at] = this.u32();
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
    for (let i = 0; i < words.length; i++) words[i] = this.u32();
    for (at += words.length * 4; at < end; at++) bytes[at] = this.u32();
  }
}

/** What the generator has to know of a CPU. */
export interface StateSpace {
  /** Components that may hold state: XCR0, less what the process may not use. */
  readonly userMask: bigint;
  readonly xcr0: bigint;
  readonly components: readonly ComponentRow[];
  /** Legal bits of MXCSR. */
  readonly mxcsrMask: number;
  readonly xsavec: boolean;
  readonly xsaveopt: boolean;
  /** Length of states and areas. */
  readonly areaBytes: number;
}

/** The oracle's machine. MXCSR bit 17 (AMD's MM) is taken as legal on AMD; `mxcsrMask` can say it better. */
export function stateSpaceOf(hello: OracleHello, mxcsrMask?: number): StateSpace {
  const amd = hello.vendor === "AuthenticAMD" || hello.vendor === "HygonGenuine";
  return {
    userMask: hello.permitted,
    xcr0: hello.xcr0,
    components: hello.components,
    mxcsrMask: mxcsrMask ?? (amd && hello.family >= 0x17 ? 0x2ffff : 0xffff),
    xsavec: hello.xsavec,
    xsaveopt: hello.xsaveopt,
    areaBytes: hello.areaBytes,
  };
}

const writeU64 = (bytes: Uint8Array, offset: number, value: bigint): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(offset, value, true);
const readU32 = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
const writeU32 = (bytes: Uint8Array, offset: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true);
const writeU16 = (bytes: Uint8Array, offset: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(offset, value, true);

/** Random components: each in use with probability 0.7, sometimes all, none or one. */
export function randomInUse(prng: Prng, userMask: bigint): bigint {
  const kind = prng.below(16);
  if (kind === 0) return 0n;
  if (kind <= 3) return userMask;
  const bits = bitsOf(userMask);
  if (kind <= 5) return 1n << BigInt(prng.pick(bits));
  let mask = 0n;
  for (const bit of bits) if (prng.chance(0.7)) mask |= 1n << BigInt(bit);
  return mask;
}

/** A random instruction mask: subsets of XCR0, bits outside it, all ones, zero. */
export function randomMask(prng: Prng, space: StateSpace): bigint {
  switch (prng.below(8)) {
    case 0:
      return prng.pick([0n, 0xffff_ffff_ffff_ffffn, space.xcr0, 1n << 63n, 3n]);
    case 1:
      return prng.u64();
    case 2:
      return prng.u64() & prng.u64() & prng.u64();
    case 3:
      return 1n << BigInt(prng.pick(bitsOf(space.xcr0)));
    case 4:
      return (prng.u64() & ~space.xcr0) | (prng.u64() & space.xcr0);
    default:
      return prng.u64() & space.xcr0;
  }
}

/** Vector and ST contents: random bytes, zeros, ones, NaN payloads of every width, single bits. */
function fillContents(prng: Prng, bytes: Uint8Array, offset: number, length: number): void {
  switch (prng.below(8)) {
    case 0:
      bytes.fill(0, offset, offset + length);
      return;
    case 1:
      bytes.fill(0, offset, offset + length);
      bytes[offset + prng.below(length)] = 1 << prng.below(8);
      return;
    case 2:
      prng.fill(bytes, offset, length);
      for (let at = offset; at + 8 <= offset + length; at += 8) {
        const top = prng.pick([0x7ff0, 0xfff0, 0x7ff8, 0xfff8, 0xfff7, 0xfff6, 0x7fff]);
        writeU16(bytes, at + 6, top | prng.below(8));
        if (prng.chance(0.3)) bytes.fill(prng.pick([0, 0xff]), at, at + 6);
      }
      return;
    case 3:
      bytes.fill(0xff, offset, offset + length);
      return;
    default:
      prng.fill(bytes, offset, length);
  }
}

/** A pointer as a CPU would hold it: sign-extended from bit 47. */
function randomPointer(prng: Prng): bigint {
  if (prng.chance(0.1)) return 0n;
  return BigInt.asUintN(64, BigInt.asIntN(48, prng.u64() >> BigInt(prng.below(40))));
}

/** x87 part of a state image (bytes 0-23 and 32-159), canonical: reads back as written but for pads and pointers. */
function fillX87(prng: Prng, image: Uint8Array): void {
  let fcw = prng.chance(0.3) ? 0x37f : 0x40 | (prng.u32() & 0x1f3f);
  let flags = prng.chance(0.3) ? 0 : prng.u32() & 0x3f;
  if (prng.chance(0.5)) {
    fcw |= flags; // whatever is flagged is masked: ES clear
  } else {
    flags |= 1 << prng.below(6);
    fcw &= ~(flags & prng.u32() & 0x3f);
  }
  let fsw = flags | (prng.u32() & 0x4700) | (prng.below(8) << 11);
  if ((flags & 1) !== 0 && prng.chance(0.3)) fsw |= 0x40;
  if ((flags & ~fcw & 0x3f) !== 0) fsw |= 0x8080;
  writeU16(image, 0, fcw);
  writeU16(image, 2, fsw);
  image[4] = prng.pick([0, 0xff, prng.u32(), prng.u32()]);
  image[5] = prng.u32();
  writeU16(image, 6, prng.u32() & 0x7ff);
  writeU64(image, 8, randomPointer(prng));
  writeU64(image, 16, randomPointer(prng));
  for (let at = 32; at < 160; at += 16) {
    prng.fill(image, at, 16); // pads included: a restore ignores them
    const exponent = prng.below(6);
    if (exponent === 0) image.fill(0, at, at + 10);
    else if (exponent === 1) writeU16(image, at + 8, prng.pick([0x7fff, 0xffff, 0, 0x8000]));
    else if (exponent === 2) image[at + 7] = (image[at + 7] ?? 0) | 0x80;
  }
}

function randomMxcsr(prng: Prng, space: StateSpace): number {
  if (prng.chance(0.4)) return INITIAL_MXCSR;
  const wide = prng.chance(0.1) ? space.mxcsrMask : space.mxcsrMask & 0xffff;
  return (prng.u32() & wide) >>> 0;
}

/** One component's contents at `offset`; PKRU keeps protection key 0 accessible. */
function fillComponent(prng: Prng, image: Uint8Array, row: ComponentRow, offset: number): void {
  switch (row.index) {
    case 9:
      fillContents(prng, image, offset, 4);
      image[offset] = (image[offset] ?? 0) & 0xfc;
      return;
    case 17:
      fillTileConfig(prng, image, offset);
      return;
    case 3:
      prng.fill(image, offset, row.size);
      return;
    case 4: // BNDCFGU: enable, preserve and a page-aligned user address; BNDSTATUS anything
      writeU64(image, offset, (prng.u64() & 0x7fff_ffff_f000n) | BigInt(prng.below(4)));
      writeU64(image, offset + 8, prng.u64());
      image.fill(0, offset + 16, offset + row.size);
      return;
    default: {
      // By register-sized pieces, so that zeros, NaNs and random bytes stand side by side.
      const piece = prng.pick([row.size, 16, 32, 64]);
      for (let at = 0; at < row.size; at += piece) {
        fillContents(prng, image, offset + at, Math.min(piece, row.size - at));
      }
    }
  }
}

/** TILECFG, palette 1: all rows and columns legal. */
function fillTileConfig(prng: Prng, image: Uint8Array, offset: number): void {
  image.fill(0, offset, offset + 64);
  if (prng.chance(0.1)) return;
  image[offset] = 1;
  image[offset + 1] = prng.chance(0.2) ? prng.below(16) : 0;
  for (let tile = 0; tile < 8; tile++) {
    if (prng.chance(0.3)) continue;
    writeU16(image, offset + 16 + 2 * tile, 4 * (1 + prng.below(16)));
    image[offset + 48 + tile] = 1 + prng.below(16);
  }
}

/** Options of `randomState`. */
export interface StateOptions {
  /** XSTATE_BV of the image; random if absent. */
  readonly inUse?: bigint;
}

/** Fills components of `xstateBv` in an image laid out by `layoutMask`; everything else is garbage. */
function fillImage(
  prng: Prng,
  space: StateSpace,
  image: Uint8Array,
  xstateBv: bigint,
  compacted: boolean,
  layoutMask: bigint,
): void {
  prng.fill(image);
  image.fill(0, 512, 576);
  if (hasBit(xstateBv, 0)) fillX87(prng, image);
  writeU32(image, MXCSR_OFFSET, randomMxcsr(prng, space));
  if (hasBit(xstateBv, 1)) {
    const piece = prng.pick([16, 64, 256]);
    for (let at = 160; at < 416; at += piece) fillContents(prng, image, at, piece);
  }
  const layout = areaLayout(space, layoutMask, compacted ? "compacted" : "standard");
  for (const { row, offset } of layout.components) {
    if (hasBit(xstateBv, row.index)) fillComponent(prng, image, row, offset);
  }
  writeU64(image, XSTATE_BV_OFFSET, xstateBv);
}

/**
 * A legal register state as a standard-format image for XRSTOR64 with all of `userMask`. Parts that the restore
 * does not read are garbage. MXCSR counts also when XMM is in init. About 13 in 16 have a component in init.
 */
export function randomState(prng: Prng, space: StateSpace, options: StateOptions = {}): Uint8Array {
  const image = new Uint8Array(space.areaBytes);
  const inUse = (options.inUse ?? randomInUse(prng, space.userMask)) & space.userMask;
  fillImage(prng, space, image, inUse, false, space.userMask);
  return image;
}

/** What an area held before: random, zero or 0xff bytes, with an old header that no save may trip over. */
export function randomArea(prng: Prng, space: StateSpace): Uint8Array {
  const area = new Uint8Array(space.areaBytes);
  const kind = prng.below(8);
  if (kind === 0) area.fill(0xff);
  else if (kind === 1) area.fill(prng.u32());
  else if (kind > 2) prng.fill(area);
  switch (prng.below(6)) {
    case 0: // whatever the prefill left
      break;
    case 1: // a clean, empty header
      area.fill(0, 512, 576);
      break;
    case 2: // left by XSAVEC
      area.fill(0, 512, 576);
      writeU64(area, XSTATE_BV_OFFSET, prng.u64() & space.xcr0);
      writeU64(area, XCOMP_BV_OFFSET, XCOMP_BV_COMPACTED | space.xcr0);
      break;
    case 3: // XSTATE_BV with bits outside RFBM and XCR0, rest empty
      area.fill(0, 512, 576);
      writeU64(area, XSTATE_BV_OFFSET, prng.u64());
      break;
    default: // garbage all over
      prng.fill(area, 512, 64);
  }
  return area;
}

/** Save instructions that the machine has and that run at CPL 3. */
export function saveInstructions(space: StateSpace): readonly OracleInstruction[] {
  return [
    "XSAVE64",
    "XSAVE",
    ...(space.xsavec ? (["XSAVEC64", "XSAVEC"] as const) : []),
    ...(space.xsaveopt ? (["XSAVEOPT64", "XSAVEOPT"] as const) : []),
  ];
}

/** A random save, of a random instruction if none is given. Never faults. */
export function randomSaveCase(prng: Prng, space: StateSpace, instruction?: OracleInstruction): OracleCase {
  return {
    instruction: instruction ?? prng.pick(saveInstructions(space)),
    mask: randomMask(prng, space),
    state: randomState(prng, space),
    area: randomArea(prng, space),
  };
}

/** A random save whose registers were loaded by a random menu of moves. */
export function randomMovesCase(prng: Prng, space: StateSpace, instruction?: OracleInstruction): OracleCase {
  const state = randomState(prng, space, { inUse: space.userMask });
  if (prng.chance(0.2)) state.fill(0, 0, 512).fill(0, EXTENDED_REGION_OFFSET); // zeros by moves: in use all the same
  if (readU32(state, MXCSR_OFFSET) === 0) writeU32(state, MXCSR_OFFSET, INITIAL_MXCSR);
  return {
    instruction: instruction ?? prng.pick(saveInstructions(space)),
    mask: randomMask(prng, space),
    state,
    area: randomArea(prng, space),
    loader: "moves",
    moves: prng.u32() & prng.u32() & 0xffff,
  };
}

/** What is wrong with a restore image; one for each way to be refused, and three that must be accepted. */
export const RESTORE_DEFECTS = [
  "none",
  /** Standard: a bit of XSTATE_BV outside XCR0. Compacted: one outside XCOMP_BV. */
  "xstate-bv",
  /** Compacted: XSTATE_BV bit 63. Standard: the same, which no XCR0 has. */
  "xstate-bv-63",
  /** Standard: any bit in XCOMP_BV except 63. Compacted: a bit outside XCR0. */
  "xcomp-bv",
  /** Header bytes 16-23 not zero. */
  "header-16-23",
  /** Header bytes 24-63 not zero: refused in the compacted format only. */
  "header-24-63",
  /** A reserved MXCSR bit; whether that is a fault depends on format, RFBM and XSTATE_BV. */
  "mxcsr",
  /** Misaligned by 1..63. */
  "misaligned",
] as const;

/** See RESTORE_DEFECTS. */
export type RestoreDefect = (typeof RESTORE_DEFECTS)[number];

/** A restore image and what was done to it. */
export interface RestoreImage {
  readonly image: Uint8Array;
  readonly compacted: boolean;
  readonly xstateBv: bigint;
  readonly xcompBv: bigint;
  readonly defect: RestoreDefect;
  /** 1..63 for `misaligned`, else 0. */
  readonly misalign: number;
}

/** Options of `randomRestoreImage`; what is absent is random (half of the images are sound). */
export interface RestoreOptions {
  readonly compacted?: boolean;
  readonly defect?: RestoreDefect;
}

/** A random image to restore, sound or broken in one named way. */
export function randomRestoreImage(prng: Prng, space: StateSpace, options: RestoreOptions = {}): RestoreImage {
  const compacted = options.compacted ?? (space.xsavec && prng.chance(0.5));
  const defect = options.defect ?? (prng.chance(0.5) ? "none" : prng.pick(RESTORE_DEFECTS));
  const image = new Uint8Array(space.areaBytes);
  const laidOut = compacted ? randomInUse(prng, space.userMask) : space.userMask;
  let xstateBv = randomInUse(prng, space.userMask) & laidOut;
  let xcompBv = compacted ? XCOMP_BV_COMPACTED | laidOut : 0n;
  fillImage(prng, space, image, xstateBv, compacted, laidOut);
  if (!compacted && prng.chance(0.5)) prng.fill(image, 536, 40); // ignored in the standard format
  const outside = (mask: bigint): bigint => {
    const candidates = bitsOf(~mask & 0x7fff_ffff_ffff_ffffn & 0xffff_ffff_ffff_ffffn);
    return 1n << BigInt(prng.pick(candidates));
  };
  switch (defect) {
    case "xstate-bv":
      xstateBv |= outside(compacted ? xcompBv : space.xcr0);
      break;
    case "xstate-bv-63":
      xstateBv |= 1n << 63n;
      break;
    case "xcomp-bv":
      xcompBv |= compacted ? outside(space.xcr0) : 1n << BigInt(prng.below(63));
      break;
    case "header-16-23":
      image[528 + prng.below(8)] = 1 << prng.below(8);
      break;
    case "header-24-63":
      image[536 + prng.below(40)] = 1 << prng.below(8);
      break;
    case "mxcsr": {
      const reserved = bitsOf(BigInt(~space.mxcsrMask >>> 0));
      writeU32(image, MXCSR_OFFSET, (readU32(image, MXCSR_OFFSET) | (1 << prng.pick(reserved))) >>> 0);
      break;
    }
    default:
  }
  writeU64(image, XSTATE_BV_OFFSET, xstateBv);
  writeU64(image, XCOMP_BV_OFFSET, xcompBv);
  const pkru = compacted && hasBit(laidOut, 9) ? offsetOf(areaLayout(space, laidOut, "compacted"), 9) : undefined;
  if (pkru !== undefined) image[pkru] = (image[pkru] ?? 0) & 0xfc; // whatever XSTATE_BV says by now
  return { image, compacted, xstateBv, xcompBv, defect, misalign: defect === "misaligned" ? 1 + prng.below(63) : 0 };
}

/** A random restore over a random state, and what was done to its image. */
export interface RandomRestoreCase extends OracleCase {
  readonly restore: RestoreImage;
}

/** A random restore: XRSTOR64, sometimes XRSTOR, over a random state. */
export function randomRestoreCase(prng: Prng, space: StateSpace, options: RestoreOptions = {}): RandomRestoreCase {
  const restore = randomRestoreImage(prng, space, options);
  return {
    instruction: prng.chance(0.8) ? "XRSTOR64" : "XRSTOR",
    mask: randomMask(prng, space),
    state: randomState(prng, space),
    area: restore.image,
    misalign: restore.misalign,
    restore,
  };
}
