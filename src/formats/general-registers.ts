/** General registers as containers hold them: fixed records, one layout for each system. */

import { viewOf } from "./range-reader.ts";

/** One register of a record: name, byte offset, size. */
export type RegisterPlace = readonly [name: string, offset: number, size: 2 | 4 | 8];

/** Consecutive registers of one size. */
export function consecutive(names: string, size: 4 | 8, start = 0): RegisterPlace[] {
  return names.split(" ").map((name, i) => [name, start + i * size, size] as const);
}

/** A record of general registers, decoded when asked. */
export class GeneralRegisters {
  readonly #places: readonly RegisterPlace[];
  readonly #bytes: Uint8Array;

  /** `bytes` must cover every place. */
  constructor(places: readonly RegisterPlace[], bytes: Uint8Array) {
    this.#places = places;
    this.#bytes = bytes;
  }

  /** `rip` and so on with their unsigned values, in the record's order. */
  entries(): [name: string, value: bigint][] {
    const view = viewOf(this.#bytes);
    return this.#places.map(([name, offset, size]) => [
      name,
      size === 8
        ? view.getBigUint64(offset, true)
        : BigInt(size === 4 ? view.getUint32(offset, true) : view.getUint16(offset, true)),
    ]);
  }

  /** One of them, or undefined where the record has none of that name. */
  get(name: string): bigint | undefined {
    return this.entries().find(([each]) => each === name)?.[1];
  }
}
