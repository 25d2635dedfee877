/** Seeded random register states as images, and what areas held before. */

import { hasBit, XCOMP_BV_COMPACTED } from "../../isa/feature-mask.ts";
import { INITIAL_MXCSR, MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../../isa/xsave-area.ts";
import { areaLayout } from "../../layout/area-layout.ts";
import type { ComponentRow } from "../../layout/component-row.ts";
import { writeU16, writeU32, writeU64 } from "../little-endian.ts";
import type { Prng } from "./prng.ts";
import { randomInUse, type StateSpace } from "./state-space.ts";

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
export function fillImage(
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
export function randomArea(prng: Prng, space: Pick<StateSpace, "areaBytes" | "xcr0">): Uint8Array {
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
