/** Seeded pseudo-random numbers: same seed, same sequence, on every machine. */

import { maskOf } from "../../isa/feature-mask.ts";

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
